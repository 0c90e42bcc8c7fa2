//! Everything of the Docker host that is not ours, to see that it stays as it is.

use super::Lab;

/// Tables, rules of iptables and settings of the kernel, as text.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot(Vec<String>);

impl Lab {
    /// Takes one.
    #[track_caller]
    pub fn snapshot(&self) -> Snapshot {
        // Stateless: what counts packets may count; with handles: what is made anew has another one.
        let tables = self.exec("host", "nft list tables");
        let foreign = tables.lines().filter(|table| *table != "table inet dockwall");
        let listed = foreign.map(|table| self.exec("host", &format!("nft -s -a list {table}")));
        let mut parts: Vec<String> = listed.collect();
        for command in ["iptables-save", "ip6tables-save"] {
            parts.push(without_counts(&self.exec("host", command)));
        }
        parts.push(settings(&self.exec("host", "sysctl -a --pattern ^net\\.(ipv4|ipv6|bridge|netfilter)\\.")));
        Snapshot(parts)
    }
}

impl Snapshot {
    /// What a later one has that this one has not, and the other way round.
    pub fn difference(&self, later: &Self) -> String {
        let lines = |snapshot: &Self| -> Vec<String> {
            snapshot.0.iter().flat_map(|part| part.lines()).map(str::to_owned).collect()
        };
        let (before, after) = (lines(self), lines(later));
        let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("- {line}\n"));
        let come = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}\n"));
        gone.chain(come).collect()
    }
}

/// Without the time in the comments and the counts of the chains.
fn without_counts(rules: &str) -> String {
    let rules = rules.lines().filter(|line| !line.starts_with('#'));
    rules.map(|line| line.split(" [").next().unwrap().to_owned() + "\n").collect()
}

/// Without what is a measurement and no setting.
fn settings(listed: &str) -> String {
    let measured = ["nf_conntrack_count", "route.gc", "neigh.", "random"];
    let settings = listed.lines().filter(|line| !measured.iter().any(|name| line.contains(name)));
    settings.map(|line| line.to_owned() + "\n").collect()
}
