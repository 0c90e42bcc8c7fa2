//! A table that is gone with the process that made it, however that ends: the kernel takes a table with an
//! owner away when the owner's socket is closed (`nft_rcv_nl_event` in `net/netfilter/nf_tables_api.c`).

use super::attribute::Writer;
use super::batch::Batch;
use super::error::Error;
use super::kernel::{Commit, Kernel};
use super::message::{
    self, APPEND, BATCH_BEGIN, BATCH_END, CREATE, DUMP, EXCLUSIVE, FAMILY_INET, FAMILY_UNSPEC, Kind, SUBSYSTEM,
};
use super::{chain, rule, table};
use crate::ruleset::{Chain, Rule, TABLE_OWNER};

/// A table of family `inet` that stands as long as this value does.
#[derive(Debug)]
pub struct Temporary {
    kernel: Kernel,
    name: String,
}

impl Temporary {
    /// Makes one with these chains, in one batch.
    ///
    /// # Errors
    /// [`Error::Refused`] where there is a table of that name, or the kernel is older than 5.12.
    pub fn make(name: &str, chains: &[Chain]) -> Result<Self, Error> {
        let mut made = Self { kernel: Kernel::open()?, name: name.to_owned() };
        let batch = made.batch(chains);
        made.kernel
            .socket
            .reserve_send(batch.bytes().len())
            .map_err(|source| Error::Socket { doing: "set up", source })?;
        match made.kernel.send_and_drain(&batch, &[])? {
            Commit::Taken { .. } => Ok(made),
            Commit::Stale(_) | Commit::Unknown => Err(Error::Contended { attempts: 1 }),
        }
    }

    /// The rules of its chains, with what they have counted, in their order.
    ///
    /// # Errors
    /// As [`Kernel::read`].
    pub fn rules(&mut self) -> Result<Vec<(String, Rule)>, Error> {
        let mut rules = Vec::new();
        let name = self.name.clone();
        let which = |writer: &mut Writer| writer.string(rule::NFTA_RULE_TABLE, &name);
        self.kernel.request(Kind::GetRule, DUMP, FAMILY_INET, "the rules", which, |attributes| {
            rules.push(rule::decode(attributes)?);
            Ok(())
        })?;
        Ok(rules)
    }

    fn batch(&self, chains: &[Chain]) -> Batch {
        let mut batch = Batch::default();
        let mut push = |kind: u16, flags: u16, family: u8, resource: u16, write: &dyn Fn(&mut Writer)| {
            batch.push_message(None, |bytes, sequence| {
                message::append(bytes, kind, flags, sequence, family, resource, write)
            });
        };
        push(BATCH_BEGIN, 0, FAMILY_UNSPEC, SUBSYSTEM, &|_| {});
        push(Kind::NewTable.number(), CREATE | EXCLUSIVE, FAMILY_INET, 0, &|writer| {
            table::encode(writer, &self.name, TABLE_OWNER, None);
        });
        for each in chains {
            push(Kind::NewChain.number(), CREATE | EXCLUSIVE, FAMILY_INET, 0, &|writer| {
                chain::encode(writer, &self.name, each);
            });
            for one in &each.rules {
                push(Kind::NewRule.number(), CREATE | APPEND, FAMILY_INET, 0, &|writer| {
                    rule::encode(writer, &self.name, &each.name, one, None);
                });
            }
        }
        push(BATCH_END, 0, FAMILY_UNSPEC, SUBSYSTEM, &|_| {});
        batch
    }
}
