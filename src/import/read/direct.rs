//! What `firewall-cmd --direct --get-all-rules` prints: `ipv4 filter CHAIN PRIORITY ARGUMENTS`. With it come
//! the lines of `--get-all-chains` and `--get-all-passthroughs`, where somebody kept them together.

use super::iptables::Services;
use super::{commands, words};
use crate::config::Invalid;
use crate::import::Status;
use crate::import::model::RuleSet;

/// Reads it.
pub fn read(text: &str, services: Services<'_>) -> RuleSet {
    let mut rules = RuleSet::default();
    for (index, written) in text.lines().enumerate() {
        let line = index + 1;
        if written.trim().is_empty() {
            rules.remark(line, Status::NoRule, "blank", None);
        } else if written.trim_start().starts_with('#') {
            rules.remark(line, Status::NoRule, "a comment", None);
        } else if let Err(Invalid { problem, cure }) =
            words(written).and_then(|words| take(&mut rules, line, &words, services))
        {
            rules.remark(line, Status::NotCarried, problem, Some(&cure));
        }
    }
    rules
}

fn take(rules: &mut RuleSet, line: usize, words: &[String], services: Services<'_>) -> Result<(), Invalid> {
    match words {
        [_, second, ..] if second.starts_with('-') => commands::passthrough(rules, line, words, services),
        [_, _, _] => {
            commands::direct_chain(rules, line, words);
            Ok(())
        }
        _ => commands::direct_rule(rules, line, words, services),
    }
}
