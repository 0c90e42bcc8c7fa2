//! dockwall keeps the containers of a Docker host away from the host's private networks.
//!
//! Data goes one way, and the modules in the same order:
//!
//! 1. [`config`] reads the file as it is written.
//! 2. [`host`] says what the machine can do and permits.
//! 3. [`policy`] is the configuration with every word resolved: what shall hold.
//! 4. [`ruleset`] is nftables as data: the policy compiled, as text, and compared.
//! 5. [`netlink`] takes the difference to the kernel in one batch, and reads the kernel back.
//! 6. [`generation`] remembers what was applied, and goes back to it.
//! 7. [`observe`] tells what the kernel holds and has seen.
//! 8. [`doctor`] tells what would make the wall useless or harmful on a machine.
//! 9. [`guard`] keeps it in force as a service.
//! 10. [`import`] makes a configuration of the rules that people have.
//! 11. [`cli`] is the only room that prints.
//!
//! [`interval`] has the arithmetic of address ranges that several of them need, `hashed` the sum of what is large,
//! `printable` makes other people's names fit for a terminal. `policy` and `ruleset` do no I/O; what does I/O decides
//! nothing.

#![cfg_attr(not(feature = "libnftnl"), forbid(unsafe_code))]

// Tests inside the crate share policies with those outside.
#[cfg(test)]
extern crate self as dockwall;

#[cfg(test)]
#[path = "../tests/support/policies.rs"]
mod policies;

pub mod cli;
pub mod config;
pub mod doctor;
pub mod generation;
pub mod guard;
mod hashed;
pub mod host;
pub mod import;
pub mod interval;
pub mod netlink;
pub mod observe;
pub mod policy;
mod printable;
pub mod ruleset;
