//! The kernel's nf_tables: read our table, change it.

use std::time::Duration;

use rustix::io::Errno;

use super::attribute::{Attributes, Malformed, Writer, required};
use super::batch::{self, Batch, NACK_BYTES, Nack};
use super::element::Collector;
use super::error::{Error, Refused};
use super::message::{self, DUMP, DUMP_INTERRUPTED, FAMILY_INET, FAMILY_UNSPEC, Kind, Messages};
use super::socket::Socket;
use super::{chain, element, rule, set, table};
use crate::ruleset::{Change, Marker, SET_FOREIGN_ELEMENTS, Set, TABLE_NAME, Table, diff, stages};

/// `NFTA_GEN_ID`.
const NFTA_GEN_ID: u16 = 1;

/// ENOENT as netlink sends it.
const NO_ENTRY: i32 = Errno::NOENT.raw_os_error();
/// EINTR: a dump during which the ruleset changed.
const INTERRUPTED: i32 = Errno::INTR.raw_os_error();
/// ERESTART: the batch was made for another generation. User space knows no name for it.
const RESTART: Errno = Errno::from_raw_os_error(85);

/// A set that never exists.
const REHEARSAL: &str = "rehearsal";

/// How often a change is tried anew because somebody else's came first.
const ATTEMPTS: u32 = 200;

/// What the kernel holds of ours.
#[derive(Debug, Clone)]
pub struct Live {
    /// The ruleset's generation number, of the whole network namespace, when it was read.
    pub generation: u32,
    /// Our table; none when there is no table of our name.
    pub table: Option<Table>,
}

impl Live {
    /// The mark of the generation in force.
    pub fn marker(&self) -> Option<Marker> {
        self.table.as_ref().filter(|table| table.is_ours()).and_then(Table::marker)
    }
}

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
    socket: Socket,
    sequence: u32,
}

impl Kernel {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::NoNfTables`] where the kernel has no netfilter netlink; the permission shows with
    /// the first request.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open()?, sequence: 0 })
    }

    /// Reads our table, as it was at one instant.
    ///
    /// # Errors
    /// [`Error::NotPermitted`] without CAP_NET_ADMIN, [`Error::NoNfTables`], and
    /// [`Error::Contended`] when the ruleset never held still.
    pub fn read(&mut self) -> Result<Live, Error> {
        for attempt in 0..ATTEMPTS {
            let generation = self.generation()?;
            match self.read_table() {
                Ok(table) if self.generation()? == generation => {
                    return Ok(Live { generation, table });
                }
                // What was listed a moment ago is gone, or the dump was interrupted.
                Ok(_) | Err(Error::Unreadable { errno: INTERRUPTED | NO_ENTRY, .. }) => back_off(attempt),
                Err(error) => return Err(error),
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    /// Makes the kernel hold what `want` says, by the smallest change; `want` sees what is there
    /// each time it is tried. Tried again when somebody else's change came first.
    ///
    /// # Errors
    /// [`Error::Foreign`] when the table of our name is not ours, [`Error::Refused`] with the
    /// kernel's reasons. The kernel holds what it held before.
    pub fn replace<E: From<Error>>(&mut self, mut want: impl FnMut(&Live) -> Result<Table, E>) -> Result<Sent, E> {
        let mut sent = Sent { batches: 0, changes: 0, bytes: 0 };
        for attempt in 0..ATTEMPTS {
            let live = self.read_ours()?;
            let want = want(&live)?;
            let stages = stages(live.table.as_ref(), &want);
            let left = stages.iter().map(|stage| diff(live.table.as_ref(), stage)).enumerate();
            // A stage that leaves nothing to do is behind us.
            let Some((stage, changes)) = left.into_iter().find(|(_, changes)| !changes.is_empty()) else {
                return Ok(sent);
            };
            match self.commit(&changes, live.generation)? {
                Commit::Taken { bytes } => {
                    sent.batches += 1;
                    sent.changes += changes.len();
                    sent.bytes += bytes;
                    if stage + 1 == stages.len() {
                        return Ok(sent);
                    }
                }
                Commit::Stale | Commit::Unknown => back_off(attempt),
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS }.into())
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
                Commit::Stale | Commit::Unknown => back_off(attempt),
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    /// As [`Kernel::read`], for who is about to change it.
    ///
    /// # Errors
    /// [`Error::Foreign`] when the table of our name is not ours.
    pub fn read_ours(&mut self) -> Result<Live, Error> {
        let live = self.read()?;
        match &live.table {
            Some(table) if !table.is_ours() => Err(Error::Foreign { comment: table.comment.clone() }),
            _ => Ok(live),
        }
    }

    /// Sends the changes as one batch, to be taken at `generation` only.
    ///
    /// # Errors
    /// [`Error::Refused`], with every change that the kernel could not take.
    pub fn commit(&mut self, changes: &[Change], generation: u32) -> Result<Commit, Error> {
        if changes.is_empty() {
            return Ok(Commit::Taken { bytes: 0 });
        }
        let batch = super::encode(changes, generation);
        let failed = |doing| move |source| Error::Socket { doing, source };
        self.socket.reserve_send(batch.bytes().len()).map_err(failed("enlarge the send buffer of"))?;
        let answers = batch.len().saturating_mul(NACK_BYTES);
        self.socket.reserve_receive(answers).map_err(failed("enlarge the receive buffer of"))?;
        self.send_and_drain(&batch, changes)
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

    fn send_and_drain(&mut self, batch: &Batch, changes: &[Change]) -> Result<Commit, Error> {
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

    /// The generation number of the ruleset, which every taken batch moves.
    fn generation(&mut self) -> Result<u32, Error> {
        let mut generation = None;
        self.request(
            Kind::GetGen,
            0,
            FAMILY_UNSPEC,
            "the generation number",
            |_| {},
            |attributes| {
                generation = attributes.find(NFTA_GEN_ID)?.map(|id| id.u32()).transpose()?;
                Ok(())
            },
        )?;
        Ok(required(generation, "generation number")?)
    }

    fn read_table(&mut self) -> Result<Option<Table>, Error> {
        let mut found = None;
        let name = |writer: &mut Writer| writer.string(table::NFTA_TABLE_NAME, TABLE_NAME);
        let asked = self.request(Kind::GetTable, 0, FAMILY_INET, "the table", name, |attributes| {
            found = Some(table::decode(attributes)?);
            Ok(())
        });
        match asked {
            Err(Error::Unreadable { errno: NO_ENTRY, .. }) => return Ok(None),
            other => other?,
        }
        let Some(mut table) = found else {
            return Ok(None);
        };
        // Of somebody else's table not even the rest is read.
        if table.is_ours() {
            self.read_chains(&mut table)?;
            self.read_rules(&mut table)?;
            self.read_sets(&mut table)?;
        }
        Ok(Some(table))
    }

    /// The kernel lists the heads of all chains of the family, and no more of foreign ones.
    fn read_chains(&mut self, table: &mut Table) -> Result<(), Error> {
        self.request(
            Kind::GetChain,
            DUMP,
            FAMILY_INET,
            "the chains",
            |_| {},
            |attributes| {
                let (in_table, chain) = chain::decode(attributes)?;
                if in_table == table.name {
                    table.chains.push(chain);
                }
                Ok(())
            },
        )
    }

    fn read_rules(&mut self, table: &mut Table) -> Result<(), Error> {
        let ours = |writer: &mut Writer| writer.string(rule::NFTA_RULE_TABLE, TABLE_NAME);
        self.request(Kind::GetRule, DUMP, FAMILY_INET, "the rules", ours, |attributes| {
            let (chain, rule) = rule::decode(attributes)?;
            if let Some(chain) = table.chains.iter_mut().find(|other| other.name == chain) {
                chain.rules.push(rule);
            }
            Ok(())
        })
    }

    fn read_sets(&mut self, table: &mut Table) -> Result<(), Error> {
        let ours = |writer: &mut Writer| writer.string(set::NFTA_SET_TABLE, TABLE_NAME);
        self.request(Kind::GetSet, DUMP, FAMILY_INET, "the sets", ours, |attributes| {
            table.sets.push(set::decode(attributes)?);
            Ok(())
        })?;
        // What packets put into a dynamic set is state: it is left where it is.
        table.sets.iter_mut().filter(|set| !set.is_dynamic()).try_for_each(|set| self.read_elements(set))
    }

    fn read_elements(&mut self, set: &mut Set) -> Result<(), Error> {
        let mut collector = Collector::new();
        let what = format!("the elements of set {}", set.name);
        let which = |writer: &mut Writer| element::encode_set(writer, TABLE_NAME, &set.name);
        self.request(Kind::GetSetElem, DUMP, FAMILY_INET, &what, which, |attributes| collector.add(attributes))?;
        match collector.finish(set) {
            Ok(elements) => set.elements = elements,
            Err(_) => set.flags |= SET_FOREIGN_ELEMENTS,
        }
        Ok(())
    }

    /// Asks, and hands the attributes of each answer to `read`.
    fn request(
        &mut self,
        kind: Kind,
        flags: u16,
        family: u8,
        what: &str,
        write: impl FnOnce(&mut Writer),
        mut read: impl FnMut(Attributes) -> Result<(), Malformed>,
    ) -> Result<(), Error> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = message::append(Vec::new(), kind.number(), flags, self.sequence, family, 0, write);
        self.socket.send(&request).map_err(|source| Error::Socket { doing: "ask through", source })?;
        let unreadable = |errno: i32| match Errno::from_raw_os_error(errno) {
            Errno::PERM => Error::NotPermitted,
            // Which of them depends on how much of netfilter was left out.
            Errno::OPNOTSUPP | Errno::PROTONOSUPPORT | Errno::INVAL => Error::NoNfTables,
            _ => Error::Unreadable { what: what.to_owned(), errno },
        };
        let mut interrupted = false;
        loop {
            let datagram = self.socket.receive().map_err(|source| Error::Socket { doing: "read from", source })?;
            // Answers to an earlier request that ended in an error.
            for message in Messages(datagram).filter(|message| message.sequence == self.sequence) {
                interrupted |= message.flags & DUMP_INTERRUPTED != 0;
                match message.kind {
                    message::ERROR => {
                        return batch::read_nack(&message).map_or(Ok(()), |nack| Err(unreadable(nack.errno)));
                    }
                    message::DONE if interrupted => return Err(unreadable(INTERRUPTED)),
                    message::DONE => return Ok(()),
                    _ => read(message.attributes())?,
                }
                if flags & DUMP != DUMP {
                    return Ok(());
                }
            }
        }
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// The kernel holds it.
    Taken {
        /// Its size.
        bytes: usize,
    },
    /// It was made for a ruleset that is not there any more: read the kernel and make it anew.
    Stale,
    /// The answers were lost: read the kernel to find out.
    Unknown,
}

fn judge(batch: &Batch, changes: &[Change], nacks: &[Nack]) -> Result<Commit, Error> {
    if nacks.is_empty() {
        return Ok(Commit::Taken { bytes: batch.bytes().len() });
    }
    if let Some(begin) = nacks.iter().find(|nack| nack.sequence == 0) {
        match Errno::from_raw_os_error(begin.errno) {
            RESTART => return Ok(Commit::Stale),
            Errno::PERM => return Err(Error::NotPermitted),
            Errno::OPNOTSUPP | Errno::INVAL => return Err(Error::NoNfTables),
            _ => {}
        }
    }
    let refusals: Vec<_> = nacks.iter().map(|nack| batch.refusal(nack, changes)).collect();
    if refusals.iter().all(|(refusal, change)| refusal.is_stale_element(*change)) {
        return Ok(Commit::Stale);
    }
    let refusals = refusals.into_iter().map(|(refusal, _)| refusal).collect();
    Err(Refused { refusals }.into())
}

/// Waits a little, longer each time, and not the same for all who wait.
fn back_off(attempt: u32) {
    let spread = std::process::id() % 7 + 1;
    std::thread::sleep(Duration::from_micros(u64::from(100 * spread * attempt.min(50))));
}
