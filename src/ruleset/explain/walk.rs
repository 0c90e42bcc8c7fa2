//! A packet's way through the chains.

use jiff::Timestamp;

use super::machine::{Does, Machine};
use super::{Found, Packet, Rates};
use crate::ruleset::{Base, Chain, ChainPolicy, Reject, Rule, Table, Verdict};

/// The deepest jump that the kernel takes (`NFT_JUMP_STACK_SIZE`).
const DEEPEST: usize = 16;

/// The kernel loads no table that goes round in circles; one that was not loaded may.
const MOST_LOOKS: usize = 100_000;

/// What becomes of a packet by one table alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes on, to whoever else is hooked there.
    Passes,
    /// It is gone.
    Dropped,
    /// It is gone, and its sender is told.
    Rejected(Reject),
    /// A rule that this program does not understand looks at it before anything decides.
    Unknown,
}

/// A packet's whole way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace<'t> {
    /// Every rule that looked at it, in order.
    pub looks: Vec<Look<'t>>,
    /// What became of it.
    pub fate: Fate,
}

/// One rule that looked at a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look<'t> {
    /// The chain.
    pub chain: &'t Chain,
    /// Which rule of the chain, counted from 1.
    pub number: usize,
    /// The rule.
    pub rule: &'t Rule,
    /// The elements that the packet was found in.
    pub found: Vec<Found>,
    /// What came of it.
    pub outcome: Outcome<'t>,
}

/// What came of a rule's look at a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'t> {
    /// The expression of that index did not match.
    Failed(usize),
    /// It matched, and decides nothing.
    Passed,
    /// It matched, and decides this.
    Decided(&'t Verdict),
    /// It matched, and turns the packet away.
    Rejected(Reject),
    /// What the expression of that index does is not known.
    Unknown(usize),
}

impl Look<'_> {
    /// Whether the rule matched.
    pub fn matched(&self) -> bool {
        match self.outcome {
            Outcome::Passed | Outcome::Decided(_) | Outcome::Rejected(_) => true,
            Outcome::Failed(_) | Outcome::Unknown(_) => false,
        }
    }
}

/// Takes `packet` through the base chains of `table` on its hook at `now`, in the order of their
/// priorities. A table that sleeps lets everything pass.
pub fn walk<'t>(table: &'t Table, packet: &Packet, now: Timestamp, rates: Rates) -> Trace<'t> {
    let mut bases: Vec<(&Chain, &Base)> = table
        .chains
        .iter()
        .filter_map(|chain| Some((chain, chain.base.as_ref()?)))
        .filter(|(_, base)| base.hook == packet.hook && !table.is_dormant())
        .collect();
    bases.sort_by_key(|(_, base)| base.priority);
    let mut walker = Walker { table, packet, now, rates, looks: Vec::new() };
    let mut fate = Fate::Passes;
    for (chain, base) in bases {
        fate = walker.pass(chain, base.policy);
        if fate != Fate::Passes {
            break;
        }
    }
    Trace { looks: walker.looks, fate }
}

struct Walker<'t, 'p> {
    table: &'t Table,
    packet: &'p Packet,
    now: Timestamp,
    rates: Rates,
    looks: Vec<Look<'t>>,
}

impl<'t> Walker<'t, '_> {
    /// Through one base chain.
    fn pass(&mut self, base: &'t Chain, policy: ChainPolicy) -> Fate {
        let (mut chain, mut next) = (base, 0);
        let mut jumps: Vec<(&Chain, usize)> = Vec::new();
        while self.looks.len() < MOST_LOOKS {
            let outcome = chain.rules.get(next).map(|rule| self.look(chain, next, rule));
            next += 1;
            // A return, like the end of a chain, goes back to the last jump: a goto leaves no trace.
            let target = match outcome {
                Some(Outcome::Failed(_) | Outcome::Passed) => continue,
                Some(Outcome::Unknown(_)) => return Fate::Unknown,
                Some(Outcome::Rejected(reject)) => return Fate::Rejected(reject),
                Some(Outcome::Decided(Verdict::Accept)) => return Fate::Passes,
                Some(Outcome::Decided(Verdict::Drop)) => return Fate::Dropped,
                Some(Outcome::Decided(Verdict::Other(_))) => return Fate::Unknown,
                Some(Outcome::Decided(Verdict::Goto(name))) => Some(name),
                Some(Outcome::Decided(Verdict::Jump(name))) => {
                    jumps.push((chain, next));
                    Some(name)
                }
                Some(Outcome::Decided(Verdict::Return)) | None => None,
            };
            let Some(name) = target else {
                let Some(back) = jumps.pop() else {
                    return of_policy(policy);
                };
                (chain, next) = back;
                continue;
            };
            let Some(entered) = self.table.chain(name).filter(|_| jumps.len() <= DEEPEST) else {
                return Fate::Unknown;
            };
            (chain, next) = (entered, 0);
        }
        Fate::Unknown
    }

    /// Lets one rule look.
    fn look(&mut self, chain: &'t Chain, index: usize, rule: &'t Rule) -> Outcome<'t> {
        let mut machine = Machine::new(self.table, self.packet, self.now, self.rates);
        let outcome =
            rule.expressions.iter().enumerate().find_map(|(at, expression)| match machine.evaluate(expression) {
                Does::GoesOn => None,
                Does::BreaksOff => Some(Outcome::Failed(at)),
                Does::Decides(verdict) => Some(Outcome::Decided(verdict)),
                Does::Rejects(reject) => Some(Outcome::Rejected(reject)),
                Does::Unknown => Some(Outcome::Unknown(at)),
            });
        let outcome = outcome.unwrap_or(Outcome::Passed);
        self.looks.push(Look { chain, number: index + 1, rule, found: machine.found, outcome });
        outcome
    }
}

fn of_policy(policy: ChainPolicy) -> Fate {
    match policy {
        ChainPolicy::Accept => Fate::Passes,
        ChainPolicy::Drop => Fate::Dropped,
    }
}
