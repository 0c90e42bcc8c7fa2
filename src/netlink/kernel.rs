//! The transaction: our table made to hold what is wanted.

use std::time::Duration;

use rustix::io::Errno;

use super::batch::{self, Batch, NACK_BYTES, Nack};
use super::error::{Error, Refused};
use super::owner::Ask;
use super::read::Live;
use super::socket::Socket;
use crate::ruleset::{Change, TABLE_NAME, Table, diff_into, stages};

/// ERESTART: the batch was made for another generation. User space knows no name for it.
const RESTART: Errno = Errno::from_raw_os_error(85);

/// A set that never exists.
const REHEARSAL: &str = "rehearsal";

/// How often a change is tried anew because somebody else's came first.
pub(super) const ATTEMPTS: u32 = 200;

/// What [`Kernel::replace`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// How many batches: none when nothing was to be changed.
    pub batches: usize,
    /// How many changes were in them.
    pub changes: usize,
    /// How many bytes.
    pub bytes: usize,
}

/// A connection to the nf_tables of this network namespace.
#[derive(Debug)]
pub struct Kernel {
    pub(super) socket: Socket,
    pub(super) sequence: u32,
    /// Who has the socket that owns the table, where that is another one.
    pub(super) ask: Option<Ask>,
    /// The ruleset's generation number at which the last replace left the table as it was wanted.
    whole_at: Option<u32>,
}

impl Kernel {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::NoNfTables`] where the kernel has no netfilter netlink; the permission shows with
    /// the first request, such as [`Kernel::knock`].
    pub fn open() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open()?, sequence: 0, ask: None, whole_at: None })
    }

    /// Makes the kernel hold what `want` says, by the smallest change; `want` sees what is there
    /// each time it is tried. Tried again when somebody else's change came first.
    ///
    /// # Errors
    /// [`Error::Foreign`] when the table of our name is not ours, [`Error::Refused`] with the
    /// kernel's reasons. The kernel holds what it held before.
    pub fn replace<E: From<Error>>(&mut self, want: impl FnMut(&Live) -> Result<Table, E>) -> Result<Sent, E> {
        self.replace_seen(|kernel| Ok(kernel.read_ours()?), want)
    }

    /// As [`Kernel::replace`], for who knows another way to see what is there: `look` is asked each
    /// time it is tried.
    ///
    /// # Errors
    /// As [`Kernel::replace`], and what `look` says.
    pub fn replace_seen<E: From<Error>>(
        &mut self,
        mut look: impl FnMut(&mut Self) -> Result<Live, E>,
        mut want: impl FnMut(&Live) -> Result<Table, E>,
    ) -> Result<Sent, E> {
        let (mut sent, mut reason) = (Sent { batches: 0, changes: 0, bytes: 0 }, None);
        self.whole_at = None;
        for attempt in 0..ATTEMPTS {
            let live = look(self)?;
            let step = Step::next(live.table.as_ref(), want(&live)?);
            let Live { generation, whole, table } = live;
            let Some(Step { changes, is_last }) = step else {
                self.whole_at = whole.then_some(generation);
                return Ok(sent);
            };
            // Neither it nor what is wanted is there beside the batch, which may be large.
            drop(table);
            match self.commit(&changes, generation)? {
                Commit::Taken { bytes } => {
                    sent.batches += 1;
                    sent.changes += changes.len();
                    sent.bytes += bytes;
                    if is_last {
                        // The batch was taken at that generation only, and made the next one.
                        self.whole_at = generation.checked_add(1).filter(|_| whole);
                        return Ok(sent);
                    }
                }
                Commit::Stale(refused) => {
                    reason = refused;
                    back_off(attempt);
                }
                Commit::Unknown => back_off(attempt),
            }
        }
        Err(reason.map_or(Error::Contended { attempts: ATTEMPTS }, Error::Refused).into())
    }

    /// The ruleset's generation number at which the last [`Kernel::replace`] left the table, to the last element, as
    /// it was wanted. None where that was done without knowing every element.
    pub fn whole_at(&self) -> Option<u32> {
        self.whole_at
    }

    /// Takes our table away. Says whether there was one.
    ///
    /// # Errors
    /// As [`Kernel::replace`].
    pub fn remove(&mut self) -> Result<bool, Error> {
        for attempt in 0..ATTEMPTS {
            let live = self.read_ours()?;
            if live.table.is_none() {
                return Ok(false);
            }
            match self.commit(&[Change::DeleteTable], live.generation)? {
                Commit::Taken { .. } => return Ok(true),
                Commit::Stale(_) | Commit::Unknown => back_off(attempt),
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    /// Sends the changes as one batch, to be taken at `generation` only. Where another socket owns the
    /// table, and [`Kernel::ask_owner`] said how to come by it, they go through that one from then on.
    ///
    /// # Errors
    /// [`Error::Refused`], with every change that the kernel could not take; [`Error::Owned`].
    pub fn commit(&mut self, changes: &[Change], generation: u32) -> Result<Commit, Error> {
        if changes.is_empty() {
            return Ok(Commit::Taken { bytes: 0 });
        }
        let batch = super::encode(changes, generation);
        match self.send(&batch, changes) {
            Err(Error::Refused(refused)) if refused.is_for_the_owner() => {
                if self.go_through_owner()? {
                    self.send(&batch, changes).map_err(|error| self.as_owned(error))
                } else {
                    // Nobody owns it any more.
                    Ok(Commit::Stale(Some(refused)))
                }
            }
            other => other,
        }
    }

    /// As [`Kernel::commit`], in a table of another name than ours.
    pub(super) fn commit_in(&mut self, table: &str, changes: &[Change], generation: u32) -> Result<Commit, Error> {
        debug_assert_ne!(table, TABLE_NAME);
        self.send(&Batch::encode_in(table, changes, generation), changes)
    }

    fn send(&mut self, batch: &Batch, changes: &[Change]) -> Result<Commit, Error> {
        let failed = |doing| move |source| Error::Socket { doing, source };
        self.socket.reserve_send(batch.bytes().len()).map_err(failed("enlarge the send buffer of"))?;
        let answers = batch.len().saturating_mul(NACK_BYTES);
        self.socket.reserve_receive(answers).map_err(failed("enlarge the receive buffer of"))?;
        self.send_and_drain(batch, changes)
    }

    /// Has the kernel check the changes and throw them away: the batch ends with a change that it
    /// can only refuse.
    ///
    /// # Errors
    /// As [`Kernel::commit`], with what it would say there.
    pub fn rehearse(&mut self, changes: &[Change], generation: u32) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let impossible = Change::DeleteSet(REHEARSAL.to_owned());
        let rehearsed: Vec<Change> = changes.iter().cloned().chain([impossible.clone()]).collect();
        match self.commit(&rehearsed, generation) {
            Err(Error::Refused(Refused { refusals })) => {
                let serious: Vec<_> =
                    refusals.into_iter().filter(|refusal| refusal.object != impossible.to_string()).collect();
                if serious.is_empty() { Ok(()) } else { Err(Refused { refusals: serious }.into()) }
            }
            // Changed meanwhile: what was planned is old, and still was a change to that.
            other => other.map(|_| ()),
        }
    }

    pub(super) fn send_and_drain(&mut self, batch: &Batch, changes: &[Change]) -> Result<Commit, Error> {
        self.socket.send(batch.bytes()).map_err(|source| Error::Socket { doing: "send the change through", source })?;
        let (mut nacks, mut overrun) = (Vec::new(), false);
        loop {
            match self.socket.receive_ready() {
                Ok(Some(datagram)) => nacks.extend(batch::nacks(datagram)),
                Ok(None) => break,
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => overrun = true,
                Err(source) => {
                    return Err(Error::Socket { doing: "read the answers from", source });
                }
            }
        }
        if nacks.is_empty() && overrun {
            // Every answer was lost, so none says whether the batch was taken; the kernel does.
            return Ok(Commit::Unknown);
        }
        judge(batch, changes, &nacks)
    }

    /// As [`Kernel::commit`], with a receive buffer that is too small for the answers.
    #[doc(hidden)]
    pub fn commit_with_overrun(&mut self, changes: &[Change], generation: u32) -> Result<Commit, Error> {
        self.socket.shrink_receive().map_err(|source| Error::Socket { doing: "shrink", source })?;
        self.send_and_drain(&super::encode(changes, generation), changes)
    }
}

/// What comes next on the way to what is wanted.
struct Step {
    changes: Vec<Change>,
    /// Whether that is all.
    is_last: bool,
}

impl Step {
    /// None where nothing is to be changed.
    fn next(live: Option<&Table>, want: Table) -> Option<Self> {
        let mut left = stages(live, want).into_iter();
        // A stage that leaves nothing to do is behind us.
        let changes = left.by_ref().map(|stage| diff_into(live, stage)).find(|changes| !changes.is_empty())?;
        Some(Self { changes, is_last: left.len() == 0 })
    }
}

/// What became of a batch.
#[derive(Debug, PartialEq, Eq)]
pub enum Commit {
    /// The kernel holds it.
    Taken {
        /// Its size.
        bytes: usize,
    },
    /// It was made for a ruleset that is not there any more: read the kernel and make it anew. An
    /// element that came or went by itself does not count as a change of the ruleset, so the kernel
    /// gives it as its reason.
    Stale(Option<Refused>),
    /// The answers were lost: read the kernel to find out.
    Unknown,
}

fn judge(batch: &Batch, changes: &[Change], nacks: &[Nack]) -> Result<Commit, Error> {
    if nacks.is_empty() {
        return Ok(Commit::Taken { bytes: batch.bytes().len() });
    }
    if let Some(begin) = nacks.iter().find(|nack| nack.sequence == 0) {
        match Errno::from_raw_os_error(begin.errno) {
            RESTART => return Ok(Commit::Stale(None)),
            Errno::PERM => return Err(Error::NotPermitted),
            Errno::OPNOTSUPP | Errno::INVAL => return Err(Error::NoNfTables),
            _ => {}
        }
    }
    let refusals: Vec<_> = nacks.iter().map(|nack| batch.refusal(nack, changes)).collect();
    let all_stale = refusals.iter().all(|(refusal, change)| refusal.is_stale_element(*change));
    let refused = Refused { refusals: refusals.into_iter().map(|(refusal, _)| refusal).collect() };
    if all_stale { Ok(Commit::Stale(Some(refused))) } else { Err(refused.into()) }
}

/// Waits a little, longer each time, and not the same for all who wait.
pub(super) fn back_off(attempt: u32) {
    let spread = std::process::id() % 7 + 1;
    std::thread::sleep(Duration::from_micros(u64::from(100 * spread * attempt.min(50))));
}
