//! A repair that is done and not told yet.
//!
//! A look may see a change before its notification is taken, and then does not know whose it was. The kernel
//! tells of batches in their order: once the repair itself is heard of, everybody before it was.

use std::time::{Duration, Instant};

use super::watching::is_older;
use super::{Damage, News};
use crate::netlink::Process;

/// How long the notification of the repair may take; longer only where it was lost.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is known of it.
#[derive(Debug)]
pub struct Untold {
    generation: u64,
    damage: Damage,
    changes: usize,
    milliseconds: f64,
    by: Option<Process>,
    /// The ruleset's generation number at which the damage was seen.
    seen: u32,
    until: Instant,
}

/// The repair, as a look found it.
#[derive(Debug)]
pub struct Repair {
    /// The generation in force again.
    pub generation: u64,
    /// What had become of the table.
    pub damage: Damage,
    /// How many changes it took.
    pub changes: usize,
    /// When the look began.
    pub began: Instant,
    /// The ruleset's generation number at which the damage was seen.
    pub seen: u32,
}

impl Untold {
    /// One that took so many milliseconds, and was done by that process as far as is known yet.
    pub fn new(repair: Repair, milliseconds: f64, by: Option<Process>, now: Instant) -> Self {
        let Repair { generation, damage, changes, seen, .. } = repair;
        Self { generation, damage, changes, milliseconds, by, seen, until: now + PATIENCE }
    }

    /// Takes a notification. Says whether the look has seen that batch: who sent it last did the damage.
    pub fn hear(&mut self, generation: u32, by: &Process) -> bool {
        let is_seen = is_older(generation, self.seen);
        if is_seen && by.pid != std::process::id() {
            self.by = Some(by.clone());
        }
        is_seen
    }

    /// How long it waits for that yet.
    pub fn wait(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }

    /// What there is to tell.
    pub fn into_news(self) -> News {
        let Self { generation, damage, changes, milliseconds, by, .. } = self;
        News::Repaired { generation, damage, changes, milliseconds, by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a2_who_did_it_is_known_also_where_the_look_came_before_the_notification() {
        let process = |pid, name: &str| Process { pid, name: name.to_owned() };
        let own = process(std::process::id(), "dockwall");
        let repair = || {
            let began = Instant::now();
            Repair { generation: 1, damage: Damage::Gone, changes: 9, began, seen: 20 }
        };
        let by = |untold: Untold| match untold.into_news() {
            News::Repaired { by, .. } => by.map(|by| by.name),
            other => panic!("{other:?}"),
        };
        let mut late = Untold::new(repair(), 1.0, None, Instant::now());
        assert!(late.hear(19, &process(7, "iptables")) && late.hear(20, &process(8, "nft")));
        assert!(!late.hear(21, &own), "the repair itself: all before it were heard of");
        assert_eq!(by(late).as_deref(), Some("nft"));

        let mut known = Untold::new(repair(), 1.0, Some(process(8, "nft")), Instant::now());
        assert!(known.hear(20, &own), "what this program did is nobody's doing");
        assert!(!known.hear(22, &process(9, "flush")), "what came after the repair did not cause it");
        assert_eq!(by(known).as_deref(), Some("nft"));

        let lost = Untold::new(repair(), 1.0, None, Instant::now());
        assert_eq!(lost.wait(Instant::now() + PATIENCE), Duration::ZERO);
        assert_eq!(by(lost), None);
    }
}
