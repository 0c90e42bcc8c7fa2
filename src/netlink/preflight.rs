//! Whether this kernel can hold a table, before anything is made for it.

use std::collections::BTreeMap;

use super::error::Error;
use super::expr;
use super::kernel::Kernel;
use super::module;
use crate::ruleset::{Chain, Expr, Rule, Table, diff};

/// A chain of rules with one expression each, so that every one that is missing shows: of a rule, the kernel names
/// the first only.
const CHAIN: &str = "preflight";

impl Kernel {
    /// Has the kernel check all that `table` is made of, and throws it away. Where a table of ours is there already
    /// it has had it, and nothing is asked.
    ///
    /// # Errors
    /// [`Error::Refused`] with everything that this kernel lacks.
    pub fn preflight(&mut self, table: &Table) -> Result<(), Error> {
        let frame = self.read_frame()?;
        if frame.is_there() {
            return Ok(());
        }
        let mut frames = table.clone();
        // What is in the sets is no matter, and may be much.
        for set in &mut frames.sets {
            set.elements = set.elements.none();
        }
        let single = Table { chains: vec![Chain::regular(CHAIN, single_rules(table))], ..Table::new() };
        for part in [&single, &frames] {
            // Where somebody made one meanwhile, the kernel judges nothing, and no harm is done.
            self.rehearse(&diff(None, part), frame.generation())?;
        }
        Ok(())
    }
}

/// A rule for each kind of expression that may be in a module.
fn single_rules(table: &Table) -> Vec<Rule> {
    let all = table.chains.iter().flat_map(|chain| &chain.rules).flat_map(|rule| &rule.expressions);
    let each: BTreeMap<_, &Expr> =
        all.filter(|each| module::is_apart(each)).map(|each| ((expr::name(each), module::of(each)), each)).collect();
    each.into_values().map(|each| Rule { expressions: vec![each.clone()], ..Rule::default() }).collect()
}
