//! What may be read of other people's tables: the heads of their chains, the names of their tables and
//! flowtables, and the rules of single chains up to a number. Never a table in full.

use super::attribute::{Attributes, Malformed, Writer, required};
use super::error::Error;
use super::kernel::Kernel;
use super::message::{DUMP, FAMILY_INET, FAMILY_IPV4, FAMILY_IPV6, Kind};
use super::{rule, table};
use crate::ruleset::{Base, Rule, TABLE_NAME};

/// The families whose chains packets over IP meet.
const FAMILIES: [(u8, &str); 3] = [(FAMILY_INET, "inet"), (FAMILY_IPV4, "ip"), (FAMILY_IPV6, "ip6")];

// `enum nft_flowtable_attributes`, `enum nft_flowtable_hook_attributes`, `enum nft_devices_attributes`.
const NFTA_FLOWTABLE_TABLE: u16 = 1;
const NFTA_FLOWTABLE_NAME: u16 = 2;
const NFTA_FLOWTABLE_HOOK: u16 = 3;
const NFTA_FLOWTABLE_HOOK_DEVS: u16 = 3;
const NFTA_DEVICE_NAME: u16 = 1;

/// A chain of somebody else's, without its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    /// `inet`, `ip` or `ip6`.
    pub family: &'static str,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Where it is hooked; none for one that is jumped to.
    pub base: Option<Base>,
}

/// The rules of one chain of somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainRules {
    /// `inet`, `ip` or `ip6`.
    pub family: &'static str,
    /// Its table.
    pub table: String,
    /// Its name.
    pub chain: String,
    /// In the order in which packets meet them.
    pub rules: Vec<Rule>,
}

/// A flowtable: flows in it pass between its devices without any hook of the IP layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flowtable {
    /// `inet`, `ip` or `ip6`.
    pub family: &'static str,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// The names of its devices.
    pub devices: Vec<String>,
}

impl Kernel {
    /// The heads of all chains of others.
    ///
    /// # Errors
    /// As [`Kernel::read`].
    pub fn foreign_chains(&mut self) -> Result<Vec<ChainHead>, Error> {
        let mut found = Vec::new();
        for (number, family) in FAMILIES {
            let others = self.chains_of(number)?.into_iter().filter(|(table, _)| !is_ours(family, table));
            found.extend(others.map(|(table, chain)| ChainHead { family, table, name: chain.name, base: chain.base }));
        }
        Ok(found)
    }

    /// The families and names of all tables of others.
    ///
    /// # Errors
    /// As [`Kernel::read`].
    pub fn foreign_tables(&mut self) -> Result<Vec<(&'static str, String)>, Error> {
        let mut found = Vec::new();
        for (number, family) in FAMILIES {
            self.request(
                Kind::GetTable,
                DUMP,
                number,
                "the tables",
                |_| {},
                |attributes| {
                    found.push((family, table::decode(attributes)?.name));
                    Ok(())
                },
            )?;
        }
        found.retain(|(family, name)| !is_ours(family, name));
        Ok(found)
    }

    /// All flowtables.
    ///
    /// # Errors
    /// As [`Kernel::read`].
    pub fn flowtables(&mut self) -> Result<Vec<Flowtable>, Error> {
        let mut found = Vec::new();
        for (number, family) in FAMILIES {
            self.request(
                Kind::GetFlowtable,
                DUMP,
                number,
                "the flowtables",
                |_| {},
                |attributes| {
                    found.push(flowtable(family, attributes)?);
                    Ok(())
                },
            )?;
        }
        Ok(found)
    }
}

/// The rules of a chain of somebody else's; none where it has more than `most`.
///
/// On a socket of its own: a list that is left before its end would keep the next one waiting.
///
/// # Errors
/// As [`Kernel::read`].
pub fn foreign_rules(family: &'static str, table: &str, chain: &str, most: usize) -> Result<Option<ChainRules>, Error> {
    let number = FAMILIES.iter().find(|(_, name)| *name == family).map_or(FAMILY_INET, |(number, _)| *number);
    let (mut rules, mut too_many) = (Vec::new(), false);
    let which = |writer: &mut Writer| {
        writer.string(rule::NFTA_RULE_TABLE, table);
        writer.string(rule::NFTA_RULE_CHAIN, chain);
    };
    let read = Kernel::open()?.request(Kind::GetRule, DUMP, number, "the rules of a chain", which, |attributes| {
        too_many = rules.len() >= most;
        if too_many {
            return Err(Malformed("more than is wanted".to_owned()));
        }
        // Up to 5.x a kernel may list the whole table.
        let (of_chain, rule) = rule::decode(attributes)?;
        if of_chain == chain {
            rules.push(rule);
        }
        Ok(())
    });
    match read {
        _ if too_many => Ok(None),
        Err(error) => Err(error),
        Ok(()) => Ok(Some(ChainRules { family, table: table.to_owned(), chain: chain.to_owned(), rules })),
    }
}

fn is_ours(family: &str, table: &str) -> bool {
    family == "inet" && table == TABLE_NAME
}

fn flowtable(family: &'static str, attributes: Attributes) -> Result<Flowtable, Malformed> {
    let text = |kind, what| attributes.find(kind).and_then(|found| required(found, what)?.string());
    let mut devices = Vec::new();
    if let Some(hook) = attributes.find(NFTA_FLOWTABLE_HOOK)?
        && let Some(list) = hook.nested().find(NFTA_FLOWTABLE_HOOK_DEVS)?
    {
        for device in list.nested() {
            let device = device?;
            if device.kind == NFTA_DEVICE_NAME {
                devices.push(device.string()?);
            }
        }
    }
    let (table, name) = (text(NFTA_FLOWTABLE_TABLE, "table name")?, text(NFTA_FLOWTABLE_NAME, "flowtable name")?);
    Ok(Flowtable { family, table, name, devices })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flowtable_says_its_devices() {
        let mut writer = Writer::append_to(Vec::new());
        writer.string(NFTA_FLOWTABLE_TABLE, "fast");
        writer.string(NFTA_FLOWTABLE_NAME, "ft");
        writer.nest(NFTA_FLOWTABLE_HOOK, |writer| {
            writer.u32(1, 0);
            writer.nest(NFTA_FLOWTABLE_HOOK_DEVS, |writer| {
                writer.string(NFTA_DEVICE_NAME, "eth0");
                writer.string(NFTA_DEVICE_NAME, "docker0");
            });
        });
        let read = flowtable("inet", Attributes::new(&writer.into_bytes())).unwrap();
        assert_eq!((read.table.as_str(), read.name.as_str()), ("fast", "ft"));
        assert_eq!(read.devices, ["eth0", "docker0"]);
        assert!(flowtable("inet", Attributes::new(&[])).is_err());
    }
}
