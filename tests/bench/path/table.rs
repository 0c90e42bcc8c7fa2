//! What came out, a table for each kind of packet.

use std::fmt::Write;

use serde_json::{Value, json};

use super::bars::Bar;
use super::measure::Cost;
use super::packets::{Kind, Version};

/// What packets of one kind cost at each wall.
pub struct Table {
    /// The kind.
    pub kind: Kind,
    /// The wall, and the cost of a packet of IPv4 and of one of IPv6.
    pub rows: Vec<(String, [Cost; 2])>,
}

impl Table {
    /// The median of the ratios to no rules.
    pub fn ratio(&self, wall: &str, version: Version) -> Option<f64> {
        let (_, costs) = self.rows.iter().find(|(name, _)| name == wall)?;
        costs.get(version as usize).map(|cost| cost.ratio.median())
    }

    /// In Markdown.
    pub fn to_markdown(&self) -> String {
        let mut text = format!(
            "### {}\n\n| | IPv4, ns | ratio | middle half | IPv6, ns | ratio | middle half |\n|---|--:|--:|--:|--:|--:|--:|\n",
            self.kind.title()
        );
        for (wall, costs) in &self.rows {
            let _ = write!(text, "| {wall} |");
            for cost in costs {
                let (low, high) = cost.ratio.quartiles();
                let (each, ratio) = (cost.nanoseconds.median(), cost.ratio.median());
                let _ = write!(text, " {each:.0} | {ratio:.3} | {low:.3}–{high:.3} |");
            }
            text.push('\n');
        }
        text
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let cost = |cost: &Cost| {
            let (low, high) = cost.ratio.quartiles();
            json!({ "nanoseconds": cost.nanoseconds.median(), "ratio": cost.ratio.median(), "quartiles": [low, high] })
        };
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|(wall, [four, six])| json!({ "wall": wall, "ipv4": cost(four), "ipv6": cost(six) }))
            .collect();
        json!({ "packets": self.kind.title(), "rows": rows })
    }
}

/// The table of TCP.
pub fn throughput_markdown(rows: &[(String, Cost)]) -> String {
    let mut text =
        "### One connection by TCP (iperf3), all on one processor\n\n| | Gbit for each second of the processor | ratio | middle half |\n|---|--:|--:|--:|\n".to_owned();
    for (wall, cost) in rows {
        let (low, high) = cost.ratio.quartiles();
        let _ = writeln!(
            text,
            "| {wall} | {:.1} | {:.3} | {low:.3}–{high:.3} |",
            cost.nanoseconds.median(),
            cost.ratio.median()
        );
    }
    text
}

/// The bars.
pub fn bars_markdown(bars: &[Bar]) -> String {
    let mut text = "### The bar\n\n| | measured | at most | |\n|---|--:|--:|---|\n".to_owned();
    for bar in bars {
        let verdict = if bar.met() { "met" } else { "missed" };
        let _ = writeln!(text, "| {} | {:.3} | {:.3} | {verdict} |", bar.what, bar.measured, bar.at_most);
    }
    text
}
