//! Reading: our table as the kernel holds it.

use rustix::io::Errno;

use super::attribute::{Attributes, Malformed, Writer, required};
use super::batch;
use super::element::{Collector, Unusable};
use super::error::Error;
use super::frame::Frame;
use super::kernel::{ATTEMPTS, Kernel, back_off};
use super::message::{
    self, DUMP, DUMP_INTERRUPTED, FAMILY_INET, FAMILY_IPV4, FAMILY_IPV6, FAMILY_UNSPEC, Kind, Messages,
};
use super::owner::HANDOVER;
use super::{chain, element, rule, set, table};
use crate::ruleset::{Base, Chain, Marker, SET_FOREIGN_ELEMENTS, Set, TABLE_NAME, Table};

/// `NFTA_GEN_ID`.
const NFTA_GEN_ID: u16 = 1;

/// ENOENT as netlink sends it.
pub(super) const NO_ENTRY: i32 = Errno::NOENT.raw_os_error();
/// EBUSY: another dump goes on by this socket, that of one who was killed before it was read.
const BUSY: i32 = Errno::BUSY.raw_os_error();
/// EINTR: a dump during which the ruleset changed.
pub(super) const INTERRUPTED: i32 = Errno::INTR.raw_os_error();

/// What the kernel holds of ours.
#[derive(Debug, Clone)]
pub struct Live {
    /// The ruleset's generation number, of the whole network namespace, when it was read.
    pub generation: u32,
    /// Our table; none when there is no table of our name.
    pub table: Option<Table>,
    /// Whether the kernel holds these very elements: they were read, or nobody can have changed them since they were.
    pub whole: bool,
}

/// A base chain of somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignChain {
    /// `inet`, `ip` or `ip6`.
    pub family: &'static str,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Where it is hooked.
    pub base: Base,
}

impl Live {
    /// The mark of the generation in force.
    pub fn marker(&self) -> Option<Marker> {
        self.table.as_ref().filter(|table| table.is_ours()).and_then(Table::marker)
    }
}

/// A table of our name that is not ours is an error to who is about to change it.
fn only_ours(live: Live) -> Result<Live, Error> {
    match &live.table {
        Some(table) if !table.is_ours() => Err(Error::Foreign { comment: table.comment.clone() }),
        _ => Ok(live),
    }
}

impl Kernel {
    /// Reads our table, as it was at one instant.
    ///
    /// # Errors
    /// [`Error::NotPermitted`] without CAP_NET_ADMIN, [`Error::NoNfTables`], and
    /// [`Error::Contended`] when the ruleset never held still.
    pub fn read(&mut self) -> Result<Live, Error> {
        self.read_settled(Self::read_table)
    }

    /// Asks for the least that there is to ask, the ruleset's generation number: shows whether the kernel has nf_tables
    /// and lets us at it.
    ///
    /// # Errors
    /// [`Error::NotPermitted`] and [`Error::NoNfTables`].
    pub fn knock(&mut self) -> Result<u32, Error> {
        self.generation()
    }

    /// As [`Kernel::read_ours`], without the elements of the sets: what it costs does not grow with
    /// them.
    ///
    /// # Errors
    /// As [`Kernel::read_ours`].
    pub fn read_frame(&mut self) -> Result<Frame, Error> {
        only_ours(self.read_settled(Self::read_table_frame)?).map(Frame::of)
    }

    /// Reads until nobody changed anything meanwhile.
    fn read_settled(&mut self, read: fn(&mut Self) -> Result<Option<Table>, Error>) -> Result<Live, Error> {
        for attempt in 0..ATTEMPTS {
            let generation = self.generation()?;
            match read(self) {
                // One answer says so, which nothing can have changed half of. Who goes by it sends a batch for that number.
                Ok(None) => return Ok(Live { generation, table: None, whole: true }),
                Ok(table) if self.generation()? == generation => {
                    return Ok(Live { generation, table, whole: true });
                }
                // What was listed a moment ago is gone, or the dump was interrupted.
                Ok(_) | Err(Error::Unreadable { errno: INTERRUPTED | NO_ENTRY, .. }) => back_off(attempt),
                Err(error) => return Err(error),
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    /// As [`Kernel::read`], for who is about to change it.
    ///
    /// # Errors
    /// [`Error::Foreign`] when the table of our name is not ours.
    pub fn read_ours(&mut self) -> Result<Live, Error> {
        only_ours(self.read()?)
    }

    /// The generation number of the ruleset, which every taken batch moves.
    pub(super) fn generation(&mut self) -> Result<u32, Error> {
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
        let mut table = self.read_table_frame()?;
        // What packets put into a dynamic set is state: it is left where it is.
        let sets = table.iter_mut().flat_map(|table| &mut table.sets).filter(|set| !set.is_dynamic());
        sets.into_iter().try_for_each(|set| self.read_elements(set))?;
        Ok(table)
    }

    /// As [`Kernel::read`], and nothing that is in the table.
    ///
    /// # Errors
    /// As [`Kernel::read`].
    pub fn read_head(&mut self) -> Result<Live, Error> {
        self.read_settled(Self::read_table_head)
    }

    fn read_table_head(&mut self) -> Result<Option<Table>, Error> {
        let mut found = None;
        let name = |writer: &mut Writer| writer.string(table::NFTA_TABLE_NAME, TABLE_NAME);
        let asked = self.request(Kind::GetTable, 0, FAMILY_INET, "the table", name, |attributes| {
            found = Some(table::decode(attributes)?);
            Ok(())
        });
        match asked {
            Err(Error::Unreadable { errno: NO_ENTRY, .. }) => Ok(None),
            other => other.map(|()| found),
        }
    }

    /// The table with its chains and rules, and its sets without elements.
    fn read_table_frame(&mut self) -> Result<Option<Table>, Error> {
        let Some(mut table) = self.read_table_head()? else {
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
        let ours = self.chains_of(FAMILY_INET)?.into_iter().filter(|(in_table, _)| *in_table == table.name);
        table.chains.extend(ours.map(|(_, chain)| chain));
        Ok(())
    }

    /// The heads of all chains of a family, each with the name of its table: nothing that is in them.
    pub(super) fn chains_of(&mut self, family: u8) -> Result<Vec<(String, Chain)>, Error> {
        let mut chains = Vec::new();
        self.request(
            Kind::GetChain,
            DUMP,
            family,
            "the chains",
            |_| {},
            |attributes| {
                chains.push(chain::decode(attributes)?);
                Ok(())
            },
        )?;
        Ok(chains)
    }

    /// The base chains of other tables that packets over IP meet, and nothing of what is in them.
    ///
    /// # Errors
    /// As [`Kernel::read`].
    pub fn foreign_base_chains(&mut self) -> Result<Vec<ForeignChain>, Error> {
        for attempt in 0..ATTEMPTS {
            match self.read_foreign_base_chains() {
                Err(Error::Unreadable { errno: INTERRUPTED, .. }) => back_off(attempt),
                read => return read,
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    fn read_foreign_base_chains(&mut self) -> Result<Vec<ForeignChain>, Error> {
        let mut found = Vec::new();
        for (number, family) in [(FAMILY_INET, "inet"), (FAMILY_IPV4, "ip"), (FAMILY_IPV6, "ip6")] {
            let ours = |table: &str| number == FAMILY_INET && [TABLE_NAME, HANDOVER].contains(&table);
            let others = self.chains_of(number)?.into_iter().filter(|(table, _)| !ours(table));
            found.extend(others.filter_map(|(table, chain)| {
                Some(ForeignChain { family, table, name: chain.name, base: chain.base? })
            }));
        }
        Ok(found)
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
        })
    }

    fn read_elements(&mut self, set: &mut Set) -> Result<(), Error> {
        let mut collector = Collector::new();
        let what = format!("the elements of set {}", set.name);
        let which = |writer: &mut Writer| element::encode_set(writer, TABLE_NAME, &set.name);
        self.request(Kind::GetSetElem, DUMP, FAMILY_INET, &what, which, |attributes| collector.add(attributes))?;
        match collector.finish(set) {
            Ok(elements) => set.elements = elements,
            Err(Unusable::Foreign(_)) => set.flags |= SET_FOREIGN_ELEMENTS,
            Err(Unusable::Torn) => return Err(Error::Unreadable { what, errno: INTERRUPTED }),
        }
        Ok(())
    }

    /// Asks, and hands the attributes of each answer to `read`.
    pub(super) fn request(
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
        let mut in_the_way = 0;
        loop {
            let mut busy = false;
            let datagram = self.socket.receive().map_err(|source| Error::Socket { doing: "read from", source })?;
            // Answers to an earlier request that ended in an error.
            for message in Messages(datagram).filter(|message| message.sequence == self.sequence) {
                interrupted |= message.flags & DUMP_INTERRUPTED != 0;
                match message.kind {
                    message::ERROR => match batch::read_nack(&message).map(|nack| nack.errno) {
                        None => return Ok(()),
                        Some(BUSY) if in_the_way < ATTEMPTS => busy = true,
                        Some(errno) => return Err(unreadable(errno)),
                    },
                    message::DONE if interrupted => return Err(unreadable(INTERRUPTED)),
                    message::DONE => return Ok(()),
                    _ => read(message.attributes())?,
                }
                if flags & DUMP != DUMP {
                    return Ok(());
                }
            }
            if busy {
                in_the_way += 1;
                self.socket.drain().map_err(|source| Error::Socket { doing: "empty", source })?;
                self.socket.send(&request).map_err(|source| Error::Socket { doing: "ask through", source })?;
            }
        }
    }
}
