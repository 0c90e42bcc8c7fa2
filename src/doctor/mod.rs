//! Everything that would make the wall useless or harmful on this machine, each with its cure.
//!
//! [`gather()`] reads the machine once into a [`Patient`]; the checks in `check/`, one a file, judge it and
//! read nothing themselves. [`probe`] sends packets instead of reading lists.

mod check;
mod finding;
mod gather;
mod owner;
mod patient;
pub mod probe;
mod rules;
#[cfg(test)]
mod tests;

pub use finding::{Check, Finding, Severity};
pub use gather::{Sources, gather};
pub use patient::{Configuration, Netfilter, Patient, Unseen};

/// How what could not be looked at is called, where checks go by it.
pub(crate) const STATE: &str = "the state directory";

/// All checks, in the order in which they are told.
pub const CHECKS: &[&Check] = check::ALL;

/// What those checks find whose name `wanted` takes, the gravest first.
pub fn examine(patient: &Patient, wanted: impl Fn(&str) -> bool) -> Vec<Finding> {
    let checks = CHECKS.iter().filter(|check| wanted(check.id));
    let mut found: Vec<Finding> = checks.flat_map(|check| (check.judge)(patient)).collect();
    // Of equal ones the order of the list stays.
    found.sort_by_key(|finding| finding.severity);
    found
}
