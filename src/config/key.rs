//! The one key that is kept: docs/keys.md.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::scrub::MessageIdKey;
use crate::store::{self, Lasting};

/// The file in the state folder that keeps the key of the Message-IDs.
pub const KEY_FILE: &str = "message-id.key";

/// How long it is.
pub const KEY_OCTETS: u64 = 32;

/// The key that Message-IDs are rewritten with: made at the first start, kept, so that a copy stored tomorrow agrees with
/// a message sent today. It says nothing about anybody. It is there whole or not at all.
pub(super) fn message_id_key(state: &Path) -> io::Result<MessageIdKey> {
    if let Some(kept) = kept_key(state)? {
        return Ok(kept);
    }
    let path = state.join(KEY_FILE);
    let mut key = Zeroizing::new([0u8; 32]);
    aws_lc_rs::rand::fill(&mut key[..]).map_err(|_| io::Error::other("no randomness"))?;
    store::replace(&path, &[&key[..]], Lasting::Alone)?;
    Ok(MessageIdKey::new(*key))
}

/// The key that is there; none where there is none yet.
///
/// # Errors
/// There is one and it cannot be read, or whether there is one cannot be seen.
pub(super) fn kept_key(state: &Path) -> io::Result<Option<MessageIdKey>> {
    let mut file = match fs::File::open(state.join(KEY_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    // Version 0.1.0 left one without an octet where the disk was full at its first start. Nothing was made with it.
    if file.metadata()?.len() == 0 {
        return Ok(None);
    }
    let mut key = Zeroizing::new([0u8; 32]);
    file.read_exact(&mut key[..])?;
    // Reading leaves a time. On a disk that takes nothing it leaves none.
    let _ = file.set_times(store::no_times());
    Ok(Some(MessageIdKey::new(*key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_cannot_be_read_is_not_no_key() {
        let folder = std::env::temp_dir().join(format!("nologd-key-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(kept_key(&folder).unwrap().is_none());
        fs::create_dir(folder.join(KEY_FILE)).unwrap();
        assert!(kept_key(&folder).is_err() && message_id_key(&folder).is_err());
        fs::remove_dir(folder.join(KEY_FILE)).unwrap();
        std::os::unix::fs::symlink(KEY_FILE, folder.join(KEY_FILE)).unwrap();
        assert!(kept_key(&folder).is_err(), "a link to itself");
        fs::remove_file(folder.join(KEY_FILE)).unwrap();
        fs::File::create_new(folder.join(KEY_FILE)).unwrap();
        assert!(kept_key(&folder).unwrap().is_none(), "an empty one is none");
        assert!(message_id_key(&folder).is_ok() && kept_key(&folder).unwrap().is_some());
        fs::remove_dir_all(folder).unwrap();
    }
}
