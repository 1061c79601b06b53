//! mailcow, out of its database: tables like PostfixAdmin's, with other units.
//!
//! Its limits of domains are in MiB, those of mailboxes in octets. Rooms and things (`kind`) are no mailboxes.

use super::list::PanelList;
use super::postfixadmin;
use super::tables::{SourceTrouble, Tables};

/// Reads all of it.
pub fn read(tables: &mut dyn Tables) -> Result<PanelList, SourceTrouble> {
    postfixadmin::read(tables, 1 << 20)
}
