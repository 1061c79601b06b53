//! `[admin]` and `[notices]` in the config file.

use nix::unistd::{Group, User};

use super::reader::{Reader, Section};
use crate::private::Address;
use crate::serve::Access;

/// Who may use the admins' socket.
pub(super) fn access(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Access {
    let mut section = root.section(reader, "admin");
    let group = section.text(reader, "group");
    section.end(reader);
    let Some(found) = group else { return Access::default() };
    let Some(group) = Group::from_name(&found.value).ok().flatten() else {
        reader.wrong(&found, "is no group of this machine");
        return Access::default();
    };
    let uid = |name: &String| User::from_name(name).ok().flatten().map(|user| user.uid.as_raw());
    Access { group: Some(group.gid.as_raw()), members: group.mem.iter().filter_map(uid).collect() }
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
