//! Changes as a diff: what `plan` and `status` print of them.

use serde_json::{Value, json};

use super::paint;
use crate::ruleset::{Change, Direction};

/// Prints them, a line each.
pub fn print(changes: &[Change]) {
    changes.iter().for_each(|change| anstream::println!("{}", line(change)));
}

/// One as a line.
pub fn line(change: &Change) -> String {
    let line = format!("{} {change}", sign(change));
    match change.direction() {
        Direction::Adds => paint::added(line),
        Direction::Removes => paint::removed(line),
    }
}

/// The same for programs: a list of {sign, object}.
pub fn as_json(changes: &[Change]) -> Value {
    changes.iter().map(|change| json!({ "sign": sign(change), "object": change.to_string() })).collect()
}

fn sign(change: &Change) -> char {
    match change.direction() {
        Direction::Adds => '+',
        Direction::Removes => '-',
    }
}
