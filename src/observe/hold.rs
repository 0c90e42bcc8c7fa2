//! Who may change the table.

use serde::Serialize;

use crate::netlink::{Owned, Process};
use crate::ruleset::Table;

/// Whether anybody owns the table, and whether anybody could.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// Which of them it is.
    pub state: HoldState,
    /// The netlink port of the owner.
    pub port: Option<u32>,
    /// The processes that have the owner's socket open, as far as can be seen.
    pub processes: Vec<Process>,
    /// The same in words.
    #[serde(skip)]
    who: String,
}

/// Whether it is owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldState {
    /// Nobody but its owner can change it.
    Owned,
    /// It had an owner, or is made for one, and has none now.
    WithoutOwner,
    /// It was made without one, and a guard would make it anew.
    NeverOwned,
    /// The kernel cannot keep a table for an owner.
    CannotBeOwned,
    /// Nobody is to own it.
    NotToBeOwned,
}

impl Hold {
    /// What `table` says; `wants` is the policy's, and `can` asks the kernel.
    pub fn of(table: &Table, owned: Option<Owned>, wants: bool, can: impl FnOnce() -> bool) -> Self {
        let state = match owned {
            Some(_) => HoldState::Owned,
            None if !wants => HoldState::NotToBeOwned,
            None if table.persists() => HoldState::WithoutOwner,
            None if can() => HoldState::NeverOwned,
            None => HoldState::CannotBeOwned,
        };
        let who = owned.as_ref().map(Owned::who).unwrap_or_default();
        let (port, processes) = owned.map(|owned| (owned.port, owned.processes)).unzip();
        Self { state, port, processes: processes.unwrap_or_default(), who }
    }

    /// What it means, in a line.
    pub fn text(&self, has_guard: bool) -> String {
        match self.state {
            HoldState::Owned => format!("{}: nobody else can change the table", self.who),
            HoldState::WithoutOwner if has_guard => "nobody at the moment: the guard is about to own it".to_owned(),
            HoldState::WithoutOwner => {
                "nobody until a guard runs: it is in force, and can be changed or flushed meanwhile".to_owned()
            }
            HoldState::NeverOwned if has_guard => "nobody: the guard says why, it puts the table back".to_owned(),
            HoldState::NeverOwned => "nobody: `dockwall guard` would own it".to_owned(),
            HoldState::CannotBeOwned => {
                "nobody: this kernel cannot keep a table for its owner (Linux 6.9 can), so a guard puts it back"
                    .to_owned()
            }
            HoldState::NotToBeOwned => "nobody, as guard.own = false says: a guard puts it back".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::{TABLE_OWNER, TABLE_PERSIST};

    #[test]
    fn who_may_change_the_table_follows_from_its_flags_the_policy_and_the_kernel() {
        let owner = || Some(Owned { port: 7, processes: vec![Process { pid: 7, name: "dockwall".to_owned() }] });
        for (flags, owned, wants, can, state, text) in [
            (TABLE_OWNER | TABLE_PERSIST, owner(), true, true, HoldState::Owned, "dockwall (process 7)"),
            (TABLE_OWNER, owner(), false, false, HoldState::Owned, "nobody else"),
            (TABLE_PERSIST, None, true, true, HoldState::WithoutOwner, "until a guard runs"),
            (0, None, true, true, HoldState::NeverOwned, "would own it"),
            (0, None, true, false, HoldState::CannotBeOwned, "Linux 6.9"),
            (0, None, false, true, HoldState::NotToBeOwned, "guard.own = false"),
        ] {
            let hold = Hold::of(&Table { flags, ..Table::new() }, owned, wants, || can);
            assert_eq!(hold.state, state, "{flags}");
            assert!(hold.text(false).contains(text), "{}", hold.text(false));
        }
    }
}
