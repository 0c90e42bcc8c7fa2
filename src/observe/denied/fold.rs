//! A scan in one line.

use std::collections::HashMap;
use std::net::IpAddr;

use super::Denied;

/// More ports than this of one destination, from one source and by one protocol, are one line.
pub const MOST_PORTS: usize = 16;

/// One flow, or so many of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// The flow; of several the first by its port, with what all of them together count.
    pub denied: Denied,
    /// The ports, sorted; empty for a single flow.
    pub ports: Vec<u16>,
}

impl Folded {
    /// A flow by itself.
    pub fn single(denied: Denied) -> Self {
        Self { denied, ports: Vec::new() }
    }
}

impl AsRef<Denied> for Folded {
    fn as_ref(&self) -> &Denied {
        &self.denied
    }
}

type Target = (IpAddr, IpAddr, u8);

fn target(denied: &Denied) -> Target {
    (denied.flow.source, denied.flow.destination, denied.flow.protocol)
}

/// Puts the flows of each scan together, where the first of them stands.
pub fn fold(flows: &[Denied]) -> Vec<Folded> {
    let mut counts: HashMap<Target, usize> = HashMap::new();
    flows.iter().for_each(|denied| *counts.entry(target(denied)).or_default() += 1);
    let mut folded: Vec<Folded> = Vec::new();
    let mut begun: HashMap<Target, usize> = HashMap::new();
    for denied in flows {
        let key = target(denied);
        let is_scan = counts.get(&key).is_some_and(|count| *count > MOST_PORTS);
        match begun.get(&key).and_then(|index| folded.get_mut(*index)) {
            Some(scan) => {
                scan.denied.add(denied);
                scan.ports.extend(denied.flow.port);
            }
            None => {
                if is_scan {
                    begun.insert(key, folded.len());
                }
                let ports = denied.flow.port.filter(|_| is_scan).into_iter().collect();
                folded.push(Folded { denied: *denied, ports });
            }
        }
    }
    for scan in &mut folded {
        scan.ports.sort_unstable();
        if let Some(first) = scan.ports.first() {
            scan.denied.flow.port = Some(*first);
        }
    }
    folded
}
