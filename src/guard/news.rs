//! What a guard has to say: a line each.

use std::fmt;

use serde::Serialize;

use crate::config::Mode;
use crate::netlink::Process;

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum News {
    /// It begins, and all is well.
    Guarding {
        /// The generation in force.
        generation: u64,
    },
    /// It begins, and there is no wall to guard.
    Waiting,
    /// It begins, and the table is none that this state directory knows.
    Unknown,
    /// The wall was put back.
    Repaired {
        /// The generation in force again.
        generation: u64,
        /// What had become of it.
        damage: Damage,
        /// How many changes it took.
        changes: usize,
        /// From when it was heard of until it was right again.
        milliseconds: f64,
        /// Who did it, where the kernel said so.
        by: Option<Process>,
    },
    /// The table was made anew, with another kind of ownership, and was hooked all the while.
    HandedOver {
        /// Whether the guard owns it now.
        owned: bool,
    },
    /// It does not own the table, though it should.
    NotOwning {
        /// Why not.
        problem: String,
    },
    /// Repairs that were not told one by one.
    RepairedOften {
        /// How many.
        times: u64,
        /// In how many seconds.
        seconds: f64,
    },
    /// What had run out was taken out.
    Tidied {
        /// The new generation.
        generation: u64,
        /// The grants that had run out.
        run_out: Vec<String>,
        /// How many changes it took.
        changes: usize,
    },
    /// A change on trial that nobody confirmed went back, since its own keeper had not done it.
    WentBack {
        /// Where, in words.
        to: String,
    },
    /// The host is another, and so is what is in force.
    Followed {
        /// The generation in force, which was revised.
        generation: u64,
        /// What is another, in words.
        what: Vec<String>,
        /// How many changes it took.
        changes: usize,
        /// From when it was heard of until it was in force.
        milliseconds: f64,
    },
    /// Changes of the host that were not told one by one.
    FollowedOften {
        /// How many.
        times: u64,
        /// In how many seconds.
        seconds: f64,
    },
    /// What is in force does not follow the host, for this reason.
    NotFollowed {
        /// Why.
        problem: String,
    },
    /// Docker does not tell any more what it runs.
    DockerSilent {
        /// Why.
        problem: String,
    },
    /// It does again.
    DockerSpeaks,
    /// The configuration was applied anew.
    Applied {
        /// The generation in force.
        generation: u64,
        /// Its mode.
        mode: Mode,
        /// How many changes it took.
        changes: usize,
    },
    /// The configuration could not be applied; what was in force still is.
    NotReloaded {
        /// Why.
        problem: String,
    },
    /// It is not as it should be, and could not be put right.
    Failed {
        /// Why.
        problem: String,
        /// In how many seconds it is tried again.
        again_in: f64,
    },
    /// The kernel had more to tell than there was room for.
    Overrun,
    /// The kernel does not tell of changes.
    Deaf {
        /// Why.
        problem: String,
    },
    /// It was told to stop.
    Stopped,
}

/// What had become of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// It was gone.
    Gone,
    /// It was asleep: its rules saw no packet.
    Asleep,
    /// Something in it was another.
    Changed,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gone => "deleted",
            Self::Asleep => "disabled",
            Self::Changed => "changed",
        })
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guarding { generation } => write!(f, "guarding generation {generation}"),
            Self::Waiting => f.write_str("no wall is wanted here: `dockwall apply` raises one, which is guarded from then on"),
            Self::Unknown => f.write_str(
                "the table `inet dockwall` is of no generation of this state directory, and is left alone: run `dockwall \
                 apply`, or name the state directory with --state-dir",
            ),
            Self::Repaired { generation, damage, changes, milliseconds, by } => {
                match (by, damage) {
                    (Some(Process { pid, name }), _) => {
                        write!(f, "repaired: {name} (process {pid}) {damage} the table")?;
                    }
                    (None, Damage::Gone) => f.write_str("repaired: the table was gone")?,
                    (None, _) => write!(f, "repaired: somebody {damage} the table")?,
                }
                write!(f, ", generation {generation} is in force again: {}, {milliseconds:.1} ms", Changes(*changes))
            }
            Self::HandedOver { owned: true } => f.write_str(
                "made the table anew, as its owner, while another one had its rules: nobody else can change it now; its \
                 counters went on, and the denied flows are remembered from here on",
            ),
            Self::HandedOver { owned: false } => f.write_str(
                "made the table anew, without an owner, while another one had its rules; its counters went on, and the \
                 denied flows are remembered from here on",
            ),
            Self::NotOwning { problem } => write!(f, "the table has no owner, and is put back when it is changed: {problem}"),
            Self::RepairedOften { times, seconds } => {
                write!(f, "repaired {times} times more within {seconds:.1} s: somebody changes the table again and again")
            }
            Self::Tidied { generation, run_out, changes } => write!(
                f,
                "tidied: {} ran out, generation {generation} is in force without: {}",
                run_out.join(", "),
                Changes(*changes)
            ),
            Self::WentBack { to } => write!(f, "went back to {to}: nobody confirmed the change in time"),
            Self::Followed { generation, what, changes, milliseconds } => write!(
                f,
                "followed: {}; generation {generation} was revised: {}, {milliseconds:.1} ms",
                what.join("; "),
                Changes(*changes)
            ),
            Self::FollowedOften { times, seconds } => {
                write!(f, "followed the host {times} times more within {seconds:.1} s")
            }
            Self::NotFollowed { problem } => write!(f, "not followed, what was in force still is: {problem}"),
            Self::DockerSilent { problem } => {
                write!(f, "Docker does not answer: what it told before stays, until it does ({problem})")
            }
            Self::DockerSpeaks => f.write_str("Docker answers again"),
            Self::Applied { generation, mode, changes } => {
                write!(f, "applied anew: generation {generation}, mode {mode}: {}", Changes(*changes))
            }
            Self::NotReloaded { problem } => {
                write!(f, "not applied anew, what was in force still is: {problem}")
            }
            Self::Failed { problem, again_in } => write!(f, "error: {problem}; trying again in {again_in:.1} s"),
            Self::Overrun => f.write_str("more changes at once than could be heard: looking at everything"),
            Self::Deaf { problem } => write!(f, "error: {problem}; listening anew, and looking at everything"),
            Self::Stopped => f.write_str("stopped: the wall stays as it is, and nobody guards it"),
        }
    }
}

/// How many.
struct Changes(usize);

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "change" } else { "changes" })
    }
}
