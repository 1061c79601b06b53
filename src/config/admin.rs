//! `[admin]` and `[notices]` in the config file.

use super::groups::group as group_of_machine;
use super::reader::{Reader, Section};
use crate::private::Address;
use crate::serve::Access;

/// Who may use the admins' socket.
pub(super) fn access(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Access {
    let mut section = root.section(reader, "admin");
    let group = section.text(reader, "group");
    section.end(reader);
    let Some(found) = group else { return Access::default() };
    match group_of_machine(&found.value) {
        Some(group) => Access { group: Some(group.gid), members: group.members },
        None => {
            reader.wrong(&found, "is no group of this machine");
            Access::default()
        }
    }
}

/// Who notices come from; none for `postmaster@` the domain that they are about.
pub(super) fn notices(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Option<Address> {
    let mut section = root.section(reader, "notices");
    let from = section.text(reader, "from");
    section.end(reader);
    let found = from?;
    let address = Address::parse(&found.value);
    if address.is_none() {
        reader.wrong(&found, "is no mail address");
    }
    address
}
