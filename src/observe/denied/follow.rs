//! What is new among the denied flows, look by look.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::Denied;
use crate::host::Flow;

/// Tells each flow once while it is remembered: a flow that is quiet for so long that the kernel forgets it, and
/// comes again, is told again.
#[derive(Debug)]
pub struct Follow {
    since: Timestamp,
    /// What was told, each with its last packet.
    told: HashMap<Flow, Timestamp>,
}

/// New flows from one source to one destination by one protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The first of them by its port, with what all of them together count.
    pub denied: Denied,
    /// Their ports, sorted; empty where the protocol has none.
    pub ports: Vec<u16>,
}

impl Follow {
    /// Tells what has a packet from `since` on.
    pub fn since(since: Timestamp) -> Self {
        Self { since, told: HashMap::new() }
    }

    /// What of all that is remembered `now` was not told before. The kernel keeps each flow for `remember` after its
    /// last packet; one that is missing earlier was only missed, as happens while the meter grows.
    pub fn look(&mut self, remembered: &[Denied], now: Timestamp, remember: SignedDuration) -> Vec<News> {
        let mut new = Vec::new();
        for denied in remembered {
            let last = denied.last.unwrap_or(now);
            if last >= self.since && self.told.insert(denied.flow, last).is_none() {
                new.push(denied);
            }
        }
        self.told.retain(|_, last| now.duration_since(*last) < remember);
        gather(new.into_iter())
    }

    /// What of these, which were heard of `now` and apart from the rest, was not told before.
    pub fn hear(&mut self, heard: &[Denied], now: Timestamp) -> Vec<News> {
        let is_new = |denied: &&Denied| self.told.insert(denied.flow, now).is_none();
        gather(heard.iter().filter(is_new).collect::<Vec<_>>().into_iter())
    }
}

fn gather<'d>(flows: impl Iterator<Item = &'d Denied>) -> Vec<News> {
    let mut gathered: BTreeMap<(IpAddr, IpAddr, u8), News> = BTreeMap::new();
    for denied in flows {
        let key = (denied.flow.source, denied.flow.destination, denied.flow.protocol);
        gathered
            .entry(key)
            .and_modify(|news| {
                news.denied.add(denied);
                news.ports.extend(denied.flow.port);
            })
            .or_insert_with(|| News { denied: *denied, ports: denied.flow.port.into_iter().collect() });
    }
    let mut news: Vec<News> = gathered.into_values().collect();
    for news in &mut news {
        news.ports.sort_unstable();
        news.ports.dedup();
        news.denied.flow.port = news.ports.first().copied();
    }
    news
}
