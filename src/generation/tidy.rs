//! Takes out of the policy in force what has run out.

use jiff::Timestamp;

use super::trial::follow;
use super::{Applied, Error, Generation, Planned, Store, apply};
use crate::netlink::Kernel;
use crate::ruleset::Features;

impl Generation {
    /// The names of its grants that have run out at `now`.
    pub fn run_out(&self, now: Timestamp) -> Vec<String> {
        let over = self.policy.grants.iter().filter(|grant| grant.until.is_some_and(|until| until <= now));
        over.map(|grant| grant.name.clone()).collect()
    }

    /// When the next of its grants runs out; none where none does any more.
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.policy.next_end(now)
    }
}

/// Puts `generation`, which is in force, in force without the grants of these names, as a new generation:
/// the sets and rules that held nothing else go.
///
/// # Errors
/// As [`apply`].
pub fn tidy(
    kernel: &mut Kernel,
    store: &Store,
    generation: &Generation,
    run_out: &[String],
    features: Features,
) -> Result<Applied, Error> {
    let mut planned = Planned {
        policy: generation.policy.without_grants(run_out),
        sources: generation.sources.clone(),
        inputs: None,
        beside: None,
        modes: None,
    };
    let applied = apply(kernel, store, &mut planned, features)?;
    // What is on trial goes back all the same.
    follow(store, generation.number, applied.generation)?;
    Ok(applied)
}
