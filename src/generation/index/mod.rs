//! What of a large generation is looked up and not read: a file beside it, sorted, in which a name or an address is
//! found by a few short reads.
//!
//! It is a means to save time and nothing else. It is good for the very files that it was made of and until the machine
//! boots; where it is missing, old or makes no sense, all is read as if there were none. What it says is compared with
//! the digest in the kernel's mark before anything goes by it.
//!
//! The file: sections of records of one length each, the head as JSON, and the head's length in the last 8 bytes.

mod interval;
mod lookup;
mod write;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::file_state::{FileState, boot_id};
use super::{Base, Modes, Settings, Store};
use crate::ruleset::SetSum;

pub(super) use write::{Kept, MadeFrom, note};

/// The bytes behind the head.
const LENGTH_BYTES: u64 = 8;
/// The longest head that is read: that of some ten thousand drop-ins.
const LONGEST_HEAD: u64 = 8 * 1024 * 1024;

/// What is to be known of a generation whatever is looked up.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    boot: String,
    /// The generation, which is kept whole.
    pub base: Base,
    file: FileState,
    /// The one that was in force before it.
    pub parent: Option<u64>,
    /// What holds besides denied networks and grants.
    pub settings: Settings,
    /// What it would be in the other mode; none where that has to be found out.
    pub modes: Option<Modes>,
    /// Where the configuration lies, or would lie.
    pub configuration: PathBuf,
    /// Its files, in the order of reading.
    pub files: Vec<(PathBuf, FileState)>,
    /// Names that were revoked and may still stand in one of the files.
    pub revoked: Vec<String>,
    /// What the sets hold.
    pub sums: BTreeMap<String, SetSum>,
    /// How many of the exceptions are for certain containers only.
    pub by_source: usize,
    /// When the next of its grants runs out.
    pub ends: Option<Timestamp>,
    names: Section,
    denied_ipv4: Section,
    denied_ipv6: Section,
    /// By the name of the set.
    places: BTreeMap<String, Section>,
}

impl Head {
    /// Whether it is of this boot, and of the file that is there.
    pub fn is_good(&self, store: &Store) -> bool {
        boot_id().is_some_and(|boot| boot == self.boot)
            && FileState::of(&store.whole_path(self.base.number)).as_ref() == Some(&self.file)
    }

    /// Whether the configuration's file, where there was one, is as it was.
    pub fn has_main_file(&self) -> bool {
        let main = self.files.iter().find(|(path, _)| *path == self.configuration);
        main.is_none_or(|(path, state)| FileState::of(path).as_ref() == Some(state))
    }
}

/// Records of one length, sorted.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    /// Where the first begins.
    at: u64,
    count: u64,
    /// The bytes of each; of all together where they are JSON.
    size: u64,
}

/// An index that is good.
#[derive(Debug)]
pub(super) struct Index {
    file: File,
    /// What is to be known whatever is looked up.
    pub head: Head,
}

impl Index {
    /// That of the state directory; none where there is none that is good.
    pub fn open(store: &Store) -> Option<Self> {
        let file = File::open(path(store)).ok()?;
        let end = file.metadata().ok()?.len().checked_sub(LENGTH_BYTES)?;
        let mut length = [0; LENGTH_BYTES as usize];
        file.read_exact_at(&mut length, end).ok()?;
        let length = Some(u64::from_be_bytes(length)).filter(|length| *length <= LONGEST_HEAD)?;
        let mut head = vec![0; length as usize];
        file.read_exact_at(&mut head, end.checked_sub(length)?).ok()?;
        let head: Head = serde_json::from_slice(&head).ok()?;
        head.is_good(store).then_some(Self { file, head })
    }
}

fn path(store: &Store) -> PathBuf {
    store.directory().join("index")
}

/// A number by which a name is found (FNV-1a). Two names with one number are told apart, or taken for one where that
/// does no harm.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
