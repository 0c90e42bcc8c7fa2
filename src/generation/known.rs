//! What is known without looking: that nobody changed the kernel's ruleset since a command of this state directory
//! left it whole.
//!
//! To read a large set back takes the kernel far longer than to take it: of two million elements a minute, of two
//! hundred thousand a quarter of a second. The number of the ruleset moves with every change by anybody, so where it
//! is the one that was noted, nothing is read. Elsewhere everything is, and it is noted anew.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::file_state::{FileState, boot_id};
use super::{Generation, Store};
use crate::config::Mode;
use crate::hashed::Hashed;
use crate::netlink::{Error, Frame, Kernel, Live, Moved};
use crate::ruleset::{Digest, Features, Table, compile};

/// What a command noted when it was done. It is lost with a power failure, and then nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    place: Place,
    /// The number of the ruleset.
    at: u32,
    /// The generation in force.
    generation: u64,
    /// Its file, and the SHA-256 of what it was planned from; none where that is not known.
    kept: Option<Kept>,
}

/// Whose ruleset it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// Which boot of the machine.
    boot: String,
    /// The network namespace, as device and inode of its file.
    netns: (u64, u64),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    file: FileState,
    planned: String,
    /// Of the configuration and the host that the plan was made from; none where it would be another some time later.
    inputs: Option<Inputs>,
}

/// The fingerprint of the configuration and the host, and the mode of the command line and of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inputs {
    pub print: String,
    pub asked: Option<Mode>,
    pub mode: Mode,
}

impl Place {
    /// This thread's; none where it cannot be told.
    fn here() -> Option<Self> {
        let netns = fs::metadata("/proc/thread-self/ns/net").ok()?;
        Some(Self { boot: boot_id()?, netns: (netns.dev(), netns.ino()) })
    }
}

impl Known {
    /// What was noted of the ruleset with that number here; none where nothing was.
    pub fn read(store: &Store, at: u32) -> Option<Self> {
        Self::any(store).filter(|known| known.at == at && Place::here().as_ref() == Some(&known.place))
    }

    fn any(store: &Store) -> Option<Self> {
        serde_json::from_slice(&fs::read(store.known_path()).ok()?).ok()
    }

    /// Whether that generation is the one in force.
    pub fn is_of(&self, number: u64) -> bool {
        self.generation == number
    }

    /// Whether the file of `number` is known to say what is planned, which has that fingerprint.
    pub fn has_kept(&self, store: &Store, number: u64, planned: &str) -> bool {
        let is_kept =
            |kept: &Kept| kept.planned == planned && FileState::of(&store.file_of(number)) == Some(kept.file.clone());
        self.generation == number && self.kept.as_ref().is_some_and(is_kept)
    }
}

/// Notes that the kernel holds that generation to the last element, since the ruleset has the number `at`; none where
/// that is not known. `planned` is the fingerprint of what its file says, `inputs` of what that was made from. Nothing
/// depends on its being noted.
pub(super) fn note(store: &Store, at: Option<u32>, generation: u64, planned: Option<&str>, inputs: Option<Inputs>) {
    let Some((at, place)) = at.zip(Place::here()) else {
        return;
    };
    let file = FileState::of(&store.file_of(generation));
    let before = Known::any(store);
    let kept_so_far = || {
        let kept = before.as_ref().filter(|known| known.generation == generation)?.kept.clone()?;
        (Some(&kept.file) == file.as_ref()).then_some(kept)
    };
    let kept = match file.clone().zip(planned) {
        Some((file, planned)) => Some(Kept { file, planned: planned.to_owned(), inputs }),
        None => kept_so_far(),
    };
    let known = Known { place, at, generation, kept };
    if before.as_ref() != Some(&known) {
        store.put_known(&known).unwrap_or_default();
    }
}

/// As [`note`], for who only looked.
pub fn note_whole(store: &Store, at: Option<u32>, generation: u64) {
    note(store, at, generation, None, None);
}

/// Notes that the number of the ruleset moved, by what changed no element: what was known of that generation still is.
pub fn note_moved(store: &Store, moved: Moved, generation: u64) {
    if Known::read(store, moved.from).is_some_and(|known| known.is_of(generation)) {
        note(store, Some(moved.to), generation, None, None);
    }
}

/// By which one value shows to be another; none where it cannot be written.
pub fn fingerprint(value: &impl Serialize) -> Option<String> {
    let mut writer = io::BufWriter::with_capacity(1 << 16, Hashed::default());
    serde_json::to_writer(&mut writer, value).ok()?;
    let hashed = writer.into_inner().ok()?;
    Some(hashed.finish().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether an apply with that mode on the command line may be one that changes nothing, as far as that is noted.
pub fn may_be_unchanged(store: &Store, asked: Option<Mode>) -> bool {
    let inputs = Known::any(store).and_then(|known| known.kept?.inputs);
    inputs.is_some_and(|inputs| inputs.asked == asked)
}

/// The generation in force and its mode, where it was made from the very inputs and nobody changed the ruleset or its
/// file since: then applying it would change nothing.
///
/// # Errors
/// As [`Kernel::knock`].
pub fn unchanged(kernel: &mut Kernel, store: &Store, inputs: &str) -> Result<Option<(u64, Mode)>, Error> {
    let known = Known::read(store, kernel.knock()?);
    Ok(known.and_then(|known| {
        let Kept { file, inputs: made_from, .. } = known.kept?;
        let Inputs { mode, .. } = made_from.filter(|made_from| made_from.print == inputs)?;
        let is_wanted = matches!(store.wanted(), Ok(Some(wanted)) if wanted == known.generation);
        let is_kept = FileState::of(&store.file_of(known.generation)).as_ref() == Some(&file);
        (is_wanted && is_kept).then_some((known.generation, mode))
    }))
}

/// As [`look`], for who only looks: somebody else's table is no error.
///
/// # Errors
/// As [`Kernel::read`].
pub fn see(kernel: &mut Kernel, store: &Store, features: Features) -> Result<Live, Error> {
    match look(kernel, store, features, None) {
        Err(Error::Foreign { .. }) => kernel.read(),
        other => other,
    }
}

/// Reads what the kernel holds: the elements of the sets only where they may be others than those that were put there.
/// `table`, with its digest, is what is going to be there, and most often is already.
///
/// # Errors
/// As [`Kernel::read_ours`].
pub fn look(
    kernel: &mut Kernel,
    store: &Store,
    features: Features,
    wanted: Option<(&Table, &Digest)>,
) -> Result<Live, Error> {
    let frame = kernel.read_frame()?;
    if !frame.is_there() {
        return Ok(frame.into_live());
    }
    match known_elements(&frame, store, features, wanted) {
        Some(live) => Ok(live),
        None => kernel.read_ours(),
    }
}

fn known_elements(frame: &Frame, store: &Store, features: Features, wanted: Option<(&Table, &Digest)>) -> Option<Live> {
    let (known, marker, now) = (Known::read(store, frame.generation())?, frame.marker()?, Timestamp::now());
    if known.generation != marker.generation {
        return None;
    }
    let live = wanted.and_then(|(table, digest)| frame.with_elements_as(table, digest, now));
    let live = live.or_else(|| of_generation(frame, &store.get(marker.generation).ok()?, features, now))?;
    Some(Live { whole: true, ..live })
}

/// With the elements that the generation has, which is the one in force.
fn of_generation(frame: &Frame, generation: &Generation, features: Features, now: Timestamp) -> Option<Live> {
    let instants = generation.instants(now).into_iter();
    instants.map(|at| compile(&generation.policy, features, at)).find_map(|table| frame.with_elements_of(&table, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_known_is_known_behind_our_own_batch_and_behind_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        let known_at = |at| Known::read(&store, at).is_some_and(|known| known.is_of(1));
        note_whole(&store, Some(5), 1);
        note_moved(&store, Moved { from: 5, to: 7 }, 1);
        assert!(known_at(7) && !known_at(5));
        // Somebody was at the ruleset before it.
        note_moved(&store, Moved { from: 8, to: 9 }, 1);
        // What is in force is another generation.
        note_moved(&store, Moved { from: 7, to: 8 }, 2);
        assert!(known_at(7) && !known_at(8) && !known_at(9));
    }
}
