//! A program of others, as an entry of the matrix: what is done with it, and what that does to its neighbours.

use crate::support::lab::{Lab, Row, Verdict};

/// One of them.
pub struct Program {
    /// What people call it.
    pub name: &'static str,
    /// Options of [`Lab::up`].
    pub with: &'static [&'static str],
    /// A command at the host whose first line of output has its version.
    pub version: &'static str,
    /// Brings the host to where it can be started.
    pub prepare: fn(&Lab),
    /// How it is started.
    pub start: Act,
    /// How it loads its rules again.
    pub reload: Act,
    /// How it is stopped.
    pub stop: Act,
    /// While it runs: commands, and what is in their output.
    pub alive: &'static [(&'static str, &'static str)],
    /// By which of the host's addresses published ports answer the LAN.
    pub published: &'static [&'static str],
    /// While it runs: what its own guests reach, given how what the wall is about ends.
    pub rows: fn(Verdict) -> Vec<Row>,
}

/// What somebody does with it.
#[derive(Clone, Copy)]
pub struct Act {
    /// One after the other: commands at the host, and those of `scripts/lab` where they begin with `lab`. Each has to
    /// succeed.
    pub steps: &'static [&'static str],
    /// What goes with it.
    pub takes: Takes,
    /// What the doctor finds then, by their ids.
    pub found: &'static [&'static str],
    /// Whether it gives the guard something to follow: a network with a resolver, or the end of one.
    pub followed: bool,
}

/// What a program takes away that is not its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// Some or all of Docker's rules; Docker puts them back when it restarts.
    Dockers,
    /// Docker's daemon, with the proxies of published ports.
    Daemon,
    /// Every table that nobody owns: Docker's, and the wall where no guard owns it.
    Everything,
}

impl Act {
    /// One that takes nothing of others, and that the doctor has nothing to say of.
    pub const fn of(steps: &'static [&'static str]) -> Self {
        Self { steps, takes: Takes::Nothing, found: &[], followed: false }
    }

    /// The same, with what it takes.
    pub const fn taking(self, takes: Takes) -> Self {
        Self { takes, ..self }
    }

    /// The same, with something for the guard to follow.
    pub const fn followed(self) -> Self {
        Self { followed: true, ..self }
    }

    /// The same, with what the doctor finds.
    pub const fn found(self, found: &'static [&'static str]) -> Self {
        Self { found, ..self }
    }
}

/// No preparation.
pub fn nothing(_: &Lab) {}

/// No guests of its own.
pub fn nobody(_: Verdict) -> Vec<Row> {
    Vec::new()
}
