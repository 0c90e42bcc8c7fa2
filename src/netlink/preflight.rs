//! Whether this kernel can hold a table, before anything is made for it.

use std::collections::BTreeMap;

use super::error::{Error, Refused};
use super::expr;
use super::kernel::{ATTEMPTS, Kernel, back_off};
use super::module;
use crate::ruleset::{Chain, Change, Expr, Log, Rule, Table, diff};

/// A chain of rules with one expression each, so that every one that is missing shows: of a rule, the kernel names
/// the first only.
const CHAIN: &str = "preflight";
/// A table that is never made: what changes are tried in that are no change to ours.
const NEVER: &str = "dockwall-never";

impl Kernel {
    /// Has the kernel check all that `table` makes, and throws it away. Where a table of ours is there already
    /// it has had it, and nothing is asked.
    ///
    /// # Errors
    /// [`Error::Refused`] with everything that this kernel lacks.
    pub fn preflight(&mut self, table: impl FnOnce() -> Table) -> Result<(), Error> {
        let frame = self.read_frame()?;
        if frame.is_there() {
            return Ok(());
        }
        let mut frames = table();
        // What is in the sets is no matter, and may be much.
        for set in &mut frames.sets {
            set.elements = set.elements.none();
        }
        let single = Table { chains: vec![Chain::regular(CHAIN, single_rules(&frames))], ..Table::new() };
        for part in [&single, &frames] {
            // Where somebody made one meanwhile, the kernel judges nothing, and no harm is done.
            self.rehearse(&diff(None, part), frame.generation())?;
        }
        Ok(())
    }

    /// Whether this kernel can log as `log` says: not where the modules are missing that do it.
    ///
    /// # Errors
    /// As [`Kernel::knock`].
    pub fn can_log(&mut self, log: &Log) -> Result<bool, Error> {
        let rule = Rule { expressions: vec![Expr::Log(log.clone())], ..Rule::default() };
        let table = Table { chains: vec![Chain::regular(CHAIN, vec![rule])], ..Table::new() };
        self.would_take(&diff(None, &table))
    }

    /// Whether the kernel would take these changes in a table that is not there. It is asked with a batch that it
    /// can only refuse.
    pub(super) fn would_take(&mut self, changes: &[Change]) -> Result<bool, Error> {
        let impossible = Change::DeleteSet(NEVER.to_owned());
        let tried: Vec<Change> = changes.iter().cloned().chain([impossible.clone()]).collect();
        for attempt in 0..ATTEMPTS {
            let generation = self.generation()?;
            match self.commit_in(NEVER, &tried, generation) {
                // Refused for what is impossible alone: all before it would have been made.
                Err(Error::Refused(Refused { refusals })) => {
                    return Ok(refusals.iter().all(|refusal| refusal.object == impossible.to_string()));
                }
                Err(error) => return Err(error),
                Ok(_) => back_off(attempt),
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }
}

/// A rule for each kind of expression that may be in a module.
fn single_rules(table: &Table) -> Vec<Rule> {
    let all = table.chains.iter().flat_map(|chain| &chain.rules).flat_map(|rule| &rule.expressions);
    let each: BTreeMap<_, &Expr> =
        all.filter(|each| module::is_apart(each)).map(|each| ((expr::name(each), module::of(each)), each)).collect();
    each.into_values().map(|each| Rule { expressions: vec![each.clone()], ..Rule::default() }).collect()
}
