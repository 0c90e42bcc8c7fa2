//! A shell script of `iptables` and `firewall-cmd` commands.

use super::iptables::Services;
use super::{commands, shell};
use crate::import::Status;
use crate::import::model::RuleSet;

/// Reads it.
pub fn read(text: &str, services: Services<'_>) -> RuleSet {
    let mut rules = RuleSet::default();
    let script = shell::read(text);
    for (line, said) in script.frame {
        rules.remark(line, Status::NoRule, said, None);
    }
    for shell::Command { line, words } in script.commands {
        match words {
            Ok(words) => commands::take(&mut rules, line, &words, services),
            Err(why) => {
                let cure =
                    "run the script, and import what `iptables-save` or `firewall-cmd --direct --get-all-rules` prints";
                rules.remark(line, Status::NotCarried, why, Some(cure));
            }
        }
    }
    rules
}
