//! A kernel made of memory, which refuses what the real one refuses (`net/netfilter/nf_tables_api.c`).
//! It makes tests of the difference fast; the proof is with the real one, in `tests/kernel`.

use rustix::io::Errno;

use super::{Chain, Change, Elements, KeyBox, Rule, Set, TABLE_OWNER, Table};

/// Holds at most one table.
#[derive(Debug, Clone, Default)]
pub struct FakeKernel {
    pub table: Option<Table>,
    last_handle: u64,
}

impl FakeKernel {
    /// Takes all the changes, or none and says for which and why.
    pub fn commit(&mut self, changes: &[Change]) -> Result<(), (String, Errno)> {
        let mut next = self.clone();
        for change in changes {
            next.apply(change).map_err(|errno| (change.to_string(), errno))?;
        }
        let wakes = changes.iter().find(|change| matches!(change, Change::Wake { .. }));
        match wakes {
            // `nft_table_pending_update`
            Some(change) if changes.iter().any(|change| self.updates_a_base_chain(change)) => {
                Err((change.to_string(), Errno::INVAL))
            }
            _ => {
                *self = next;
                Ok(())
            }
        }
    }

    fn updates_a_base_chain(&self, change: &Change) -> bool {
        let chain = |name: &str| self.table.as_ref().and_then(|table| table.chain(name));
        match change {
            Change::SetPolicy(_) => true,
            Change::DeleteChain(name) => chain(name).is_some_and(|chain| chain.base.is_some()),
            _ => false,
        }
    }

    fn apply(&mut self, change: &Change) -> Result<(), Errno> {
        if let Change::AddTable { comment, flags } = change {
            let table = Table { comment: comment.clone(), flags: *flags, ..Table::new() };
            return if self.table.replace(table).is_some() { Err(Errno::EXIST) } else { Ok(()) };
        }
        self.last_handle += 1;
        let table = self.table.as_mut().ok_or(Errno::NOENT)?;
        match change {
            Change::AddTable { .. } => {}
            Change::Wake { flags } => table.flags = *flags,
            Change::Own => table.flags |= TABLE_OWNER,
            Change::DeleteTable => self.table = None,
            Change::AddSet(set) => add_set(table, set)?,
            Change::DeleteSet(name) => delete_set(table, name)?,
            Change::AddElements(set) => add_elements(set_mut(table, &set.name)?, &set.elements)?,
            Change::DeleteElements(set) => delete_elements(set_mut(table, &set.name)?, &set.elements)?,
            Change::AddChain(chain) => add_chain(table, chain)?,
            Change::SetPolicy(chain) => set_policy(chain_mut(table, &chain.name)?, chain)?,
            Change::DeleteChain(name) => delete_chain(table, name)?,
            Change::AddRule { chain, rule, before, .. } => {
                add_rule(table, chain, Rule { handle: Some(self.last_handle), ..rule.clone() }, *before)?;
            }
            Change::DeleteRule { chain, rule } => delete_rule(table, chain, rule)?,
        }
        Ok(())
    }
}

fn set_mut<'a>(table: &'a mut Table, name: &str) -> Result<&'a mut Set, Errno> {
    table.sets.iter_mut().find(|set| set.name == name).ok_or(Errno::NOENT)
}

fn chain_mut<'a>(table: &'a mut Table, name: &str) -> Result<&'a mut Chain, Errno> {
    table.chains.iter_mut().find(|chain| chain.name == name).ok_or(Errno::NOENT)
}

/// EBUSY while a rule refers to an object of that name.
fn unused(table: &Table, name: &str) -> Result<(), Errno> {
    let mut rules = table.chains.iter().flat_map(|chain| &chain.rules);
    if rules.any(|rule| rule.references().any(|other| other == name)) { Err(Errno::BUSY) } else { Ok(()) }
}

fn add_set(table: &mut Table, set: &Set) -> Result<(), Errno> {
    if table.set(&set.name).is_some() {
        return Err(Errno::EXIST);
    }
    assert!(set.elements.is_empty(), "elements come in messages of their own");
    table.sets.push(set.clone());
    Ok(())
}

fn delete_set(table: &mut Table, name: &str) -> Result<(), Errno> {
    table.set(name).ok_or(Errno::NOENT)?;
    unused(table, name)?;
    table.sets.retain(|set| set.name != name);
    Ok(())
}

/// EEXIST for what is there or overlaps, ENFILE above the set's size.
fn add_elements(set: &mut Set, added: &Elements) -> Result<(), Errno> {
    match (&mut set.elements, added) {
        (Elements::Ipv4(there), Elements::Ipv4(added)) => {
            insert(there, added, |a, b| a.first() <= b.last() && b.first() <= a.last())?;
        }
        (Elements::Ipv6(there), Elements::Ipv6(added)) => {
            insert(there, added, |a, b| a.first() <= b.last() && b.first() <= a.last())?;
        }
        (Elements::Exact(there), Elements::Exact(added)) => insert(there, added, |a, b| a == b)?,
        (Elements::Boxes(there), Elements::Boxes(added)) => insert(there, added, overlap)?,
        _ => return Err(Errno::INVAL),
    }
    let full = set.size.is_some_and(|size| set.elements.len() > size as usize);
    if full { Err(Errno::NFILE) } else { Ok(()) }
}

/// Whether two boxes share a key: in no field does one end before the other begins.
fn overlap(a: &KeyBox, b: &KeyBox) -> bool {
    let apart = |a: &KeyBox, b: &KeyBox| a.last.chunks(4).zip(b.first.chunks(4)).any(|(last, first)| last < first);
    !apart(a, b) && !apart(b, a)
}

fn insert<T: Ord + Clone>(there: &mut Vec<T>, added: &[T], collide: impl Fn(&T, &T) -> bool) -> Result<(), Errno> {
    for element in added {
        if there.iter().any(|other| collide(other, element)) {
            return Err(Errno::EXIST);
        }
        there.push(element.clone());
    }
    there.sort();
    Ok(())
}

/// ENOENT for what is not there exactly so.
fn delete_elements(set: &mut Set, gone: &Elements) -> Result<(), Errno> {
    let left = set.elements.without(gone);
    let deleted = set.elements.len() - left.len();
    set.elements = left;
    if deleted == gone.len() { Ok(()) } else { Err(Errno::NOENT) }
}

fn add_chain(table: &mut Table, chain: &Chain) -> Result<(), Errno> {
    if table.chain(&chain.name).is_some() {
        return Err(Errno::EXIST);
    }
    assert!(chain.rules.is_empty(), "rules come in messages of their own");
    table.chains.push(chain.clone());
    Ok(())
}

/// Of a base chain that is there the kernel changes the policy alone.
fn set_policy(there: &mut Chain, wanted: &Chain) -> Result<(), Errno> {
    match (&mut there.base, &wanted.base) {
        (Some(there), Some(wanted)) if there.changes_in_place(wanted) => there.policy = wanted.policy,
        _ => return Err(Errno::EXIST),
    }
    Ok(())
}

fn delete_chain(table: &mut Table, name: &str) -> Result<(), Errno> {
    let chain = table.chain(name).ok_or(Errno::NOENT)?;
    if !chain.rules.is_empty() {
        return Err(Errno::BUSY);
    }
    unused(table, name)?;
    table.chains.retain(|chain| chain.name != name);
    Ok(())
}

fn add_rule(table: &mut Table, chain: &str, rule: Rule, before: Option<u64>) -> Result<(), Errno> {
    if rule.references().any(|name| table.set(name).is_none() && table.chain(name).is_none()) {
        return Err(Errno::NOENT);
    }
    let rules = &mut chain_mut(table, chain)?.rules;
    let place = match before {
        Some(handle) => rules.iter().position(|rule| rule.handle == Some(handle)).ok_or(Errno::NOENT)?,
        None => rules.len(),
    };
    rules.insert(place, rule);
    Ok(())
}

/// An anonymous set goes with the rule that it is part of.
fn delete_rule(table: &mut Table, chain: &str, rule: &Rule) -> Result<(), Errno> {
    let rules = &mut chain_mut(table, chain)?.rules;
    let place = rules.iter().position(|other| other.handle == rule.handle && rule.handle.is_some());
    let gone = rules.remove(place.ok_or(Errno::NOENT)?);
    let its_own = |set: &Set| set.is_anonymous() && gone.references().any(|name| name == set.name);
    table.sets.retain(|set| !its_own(set));
    Ok(())
}
