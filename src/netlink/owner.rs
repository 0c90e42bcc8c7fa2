//! Who owns the table: the kernel lets no other socket change it, nor flush or delete it.
//!
//! An owner keeps the table as long as its socket is open in any process. With `NFT_TABLE_F_PERSIST` the
//! table then stays as it is, enforced, and anybody may change it or own it; without, it goes
//! (`nft_rcv_nl_event` of `net/netfilter/nf_tables_api.c`).

use std::fmt;
use std::os::fd::OwnedFd;

use jiff::Timestamp;
use rustix::io::Errno;

use super::error::{Error, Refusal};
use super::holders::holders_of;
use super::kernel::{ATTEMPTS, Commit, Kernel, back_off};
use super::read::Live;
use super::socket::Socket;
use super::watch::Process;
use crate::ruleset::{Change, TABLE_NAME, TABLE_OWNER, TABLE_PERSIST, Table, diff};

/// The table that has the rules while ours is made anew. It has an owner and does not outlive it, so none
/// is ever left behind.
pub(super) const HANDOVER: &str = "dockwall-handover";

/// Gives a duplicate of the socket that owns the table; none where nobody answers.
pub struct Ask(Box<dyn FnMut() -> Option<OwnedFd> + Send>);

impl Ask {
    /// By that way.
    pub fn new(ask: impl FnMut() -> Option<OwnedFd> + Send + 'static) -> Self {
        Self(Box::new(ask))
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ask")
    }
}

/// The table is owned by a socket that is not at hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the table `inet {TABLE_NAME}` is owned by {}, and nobody else may change it; a guard lets commands with its own \
     state directory at it: name that with --state-dir, or end the owner ({}) and run the command again",
    self.who(), self.how_to_end()
)]
pub struct Owned {
    /// The netlink port of the socket.
    pub port: u32,
    /// The processes that have it open, as far as can be seen.
    pub processes: Vec<Process>,
}

impl Owned {
    /// The owner of the table, if it has one.
    pub fn of(table: &Table) -> Option<Self> {
        let port = table.owner.filter(|_| table.is_owned())?;
        Some(Self { port, processes: holders_of(port) })
    }

    /// Who it is, in words.
    pub fn who(&self) -> String {
        let names: Vec<String> =
            self.processes.iter().map(|one| format!("{} (process {})", one.name, one.pid)).collect();
        if names.is_empty() {
            return format!("a process that cannot be seen from here (netlink port {})", self.port);
        }
        names.join(" and ")
    }

    fn how_to_end(&self) -> String {
        let pids: Vec<String> = self.processes.iter().map(|one| one.pid.to_string()).collect();
        if pids.is_empty() { "`ss -f netlink -p` shows it".to_owned() } else { format!("`kill {}`", pids.join(" ")) }
    }
}

impl Kernel {
    /// Where another socket owns the table, changes go through the one that `ask` gives. Only one process at a
    /// time may use it: to be changed with the state directory's lock held.
    pub fn ask_owner(&mut self, ask: Ask) {
        self.ask = Some(ask);
    }

    /// A duplicate of the socket, for who may change what it owns.
    ///
    /// # Errors
    /// [`Error::Socket`].
    pub fn duplicate(&self) -> Result<OwnedFd, Error> {
        self.socket.duplicate().map_err(|source| Error::Socket { doing: "duplicate", source })
    }

    /// Forgets the answers that others left in the socket, of which they had a duplicate.
    ///
    /// # Errors
    /// [`Error::Socket`].
    pub fn drain(&mut self) -> Result<(), Error> {
        self.socket.drain().map_err(|source| Error::Socket { doing: "empty", source })
    }

    /// Whether a table can have an owner here and outlive it.
    ///
    /// # Errors
    /// As [`Kernel::knock`].
    pub fn knows_owners(&mut self) -> Result<bool, Error> {
        self.would_take(&[Change::AddTable { comment: None, flags: TABLE_OWNER | TABLE_PERSIST }])
    }

    /// Whether the table is this socket's.
    ///
    /// # Errors
    /// [`Error::Socket`].
    pub fn owns(&self, table: &Table) -> Result<bool, Error> {
        let port = self.socket.port().map_err(|source| Error::Socket { doing: "ask the address of", source })?;
        Ok(table.is_owned() && table.owner == Some(port))
    }

    /// Makes this socket the owner of the table, which nobody owns and which outlives its owners. Nothing else
    /// of it changes. Says which number of the ruleset became which by it.
    ///
    /// # Errors
    /// [`Error::Owned`] where somebody else was faster; [`Error::Refused`] where it does not outlive them.
    pub fn own(&mut self) -> Result<Option<Moved>, Error> {
        for attempt in 0..ATTEMPTS {
            let live = self.read_head()?;
            let Some(table) = &live.table else {
                return Ok(None);
            };
            if self.owns(table)? {
                return Ok(None);
            }
            if let Some(owned) = Owned::of(table) {
                return Err(owned.into());
            }
            if let Commit::Taken { .. } = self.commit(&[Change::Own], live.generation)? {
                return Ok(Moved::after(live.generation));
            }
            back_off(attempt);
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    /// Makes the table anew with these flags, which the kernel changes of no table that is there. It is hooked
    /// all the while: until the new one stands a second table has its rules. The counters go on from where they
    /// were; what packets put into dynamic sets does not come along.
    ///
    /// # Errors
    /// As [`Kernel::replace`]; [`Error::Owned`] where the table is another socket's. The kernel holds the old table
    /// or the new one.
    pub fn hand_over(&mut self, flags: u32) -> Result<(), Error> {
        self.hand_over_seen(flags, Self::read_ours).map(drop)
    }

    /// As [`Kernel::hand_over`], for who knows another way to see what is there. Says which number of the ruleset became
    /// which by it, where nobody else changed anything meanwhile.
    ///
    /// # Errors
    /// As [`Kernel::hand_over`], and what `see` says.
    pub fn hand_over_seen(
        &mut self,
        flags: u32,
        see: impl FnMut(&mut Self) -> Result<Live, Error>,
    ) -> Result<Option<Moved>, Error> {
        let done = self.try_hand_over(flags, see);
        // Also where it was given up on the way.
        let ended = self.end_handover();
        let (done, ended) = (done?, ended?);
        Ok(done.zip(ended).and_then(|(done, ended)| done.and(ended)))
    }

    fn try_hand_over(
        &mut self,
        flags: u32,
        mut see: impl FnMut(&mut Self) -> Result<Live, Error>,
    ) -> Result<Option<Moved>, Error> {
        for attempt in 0..ATTEMPTS {
            self.end_handover()?;
            let live = see(self)?;
            let Some(table) = &live.table else {
                return Ok(None);
            };
            if let Some(owned) = Owned::of(table).filter(|_| !self.owns(table).unwrap_or(false)) {
                return Err(owned.into());
            }
            if !table.is_dormant()
                && let Some(stood_in) = self.stand_in(&live, table)?
                && let Some(made) = self.make_anew(table, live.whole.then_some(stood_in.to), flags)?
            {
                return Ok(stood_in.and(made));
            }
            back_off(attempt);
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    /// Makes the second table, if it can.
    fn stand_in(&mut self, live: &Live, table: &Table) -> Result<Option<Moved>, Error> {
        let changes = diff(None, &Table { flags: TABLE_OWNER, ..table.clone() });
        Ok(moved(&self.commit_in(HANDOVER, &changes, live.generation)?, live.generation))
    }

    /// Deletes the first and makes it anew in one batch, unless it is another one than `seen` by now. Where the ruleset
    /// still has the number `known_at` it holds the same elements.
    fn make_anew(&mut self, seen: &Table, known_at: Option<u32>, flags: u32) -> Result<Option<Moved>, Error> {
        let frame = self.read_frame()?;
        let known = Some(frame).filter(|frame| Some(frame.generation()) == known_at);
        // With the counters of this moment.
        let live = match known.and_then(|frame| frame.with_elements_of(seen, Timestamp::now())) {
            Some(live) => live,
            None => self.read_ours()?,
        };
        let is_it = |table: &Table| (table.digest(), table.owner) == (seen.digest(), seen.owner);
        let Some(table) = live.table.filter(is_it) else {
            return Ok(None);
        };
        let mut changes = vec![Change::DeleteTable];
        changes.extend(diff(None, &Table { flags, ..table }));
        Ok(moved(&self.commit(&changes, live.generation)?, live.generation))
    }

    /// Deletes the second table, which may not be there.
    fn end_handover(&mut self) -> Result<Option<Moved>, Error> {
        for attempt in 0..ATTEMPTS {
            let generation = self.generation()?;
            match self.commit_in(HANDOVER, &[Change::DeleteTable], generation) {
                Ok(Commit::Taken { .. }) => return Ok(Moved::after(generation)),
                Err(Error::Refused(refused)) if refused.refusals.iter().all(is_missing) => return Ok(None),
                Ok(_) => back_off(attempt),
                Err(error) => return Err(error),
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    /// Goes on through the socket that owns the table. Says whether anybody owns it.
    pub(super) fn go_through_owner(&mut self) -> Result<bool, Error> {
        let Some(owned) = self.read_head()?.table.as_ref().and_then(Owned::of) else {
            return Ok(false);
        };
        let Some(given) = self.ask.as_mut().and_then(|Ask(ask)| ask()).map(Socket::given) else {
            // It may have ended just now.
            let still = self.read_head()?.table.is_some_and(|table| table.owner == Some(owned.port));
            return if still { Err(owned.into()) } else { Ok(false) };
        };
        if !given.port().is_ok_and(|port| port == owned.port) {
            return Err(owned.into());
        }
        self.socket = given;
        self.drain()?;
        Ok(true)
    }

    /// What a refusal to who does not own the table means.
    pub(super) fn as_owned(&mut self, error: Error) -> Error {
        match error {
            Error::Refused(refused) if refused.is_for_the_owner() => {
                let owned = self.read_head().ok().and_then(|live| Owned::of(live.table.as_ref()?));
                owned.map_or(Error::Refused(refused), Error::Owned)
            }
            other => other,
        }
    }
}

/// How one of our batches moved the number of the ruleset, with nobody else's change in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// What it was.
    pub from: u32,
    /// What it is since then.
    pub to: u32,
}

impl Moved {
    /// By a batch that was taken at that number.
    fn after(generation: u32) -> Option<Self> {
        Some(Self { from: generation, to: generation.checked_add(1)? })
    }

    /// This one, then the next.
    fn and(self, next: Self) -> Option<Self> {
        (self.to == next.from).then_some(Self { to: next.to, ..self })
    }
}

fn moved(commit: &Commit, generation: u32) -> Option<Moved> {
    if matches!(commit, Commit::Taken { .. }) { Moved::after(generation) } else { None }
}

fn is_missing(refusal: &Refusal) -> bool {
    Errno::from_raw_os_error(refusal.errno) == Errno::NOENT
}
