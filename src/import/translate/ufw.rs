//! ufw-docker's block: it closes published ports towards clients, and says nothing of what containers reach.

use crate::import::model::{Match, RuleSet, Target};
use crate::import::read::{Kind, Source};
use crate::import::report::{Report, Status};

/// Whether the text is one with ufw-docker's rules.
pub fn is(source: &Source) -> bool {
    let has = |begin: &str| source.rules.chains.iter().any(|chain| chain.name.starts_with(begin));
    let jumps = || {
        source.rules.rules().any(|rule| matches!(&rule.target, Target::Jump(name) if name.starts_with("ufw") && name.ends_with("-user-forward")))
    };
    source.kind == Kind::Ufw
        || has("ufw-docker")
        || (source.rules.chains.iter().any(|chain| chain.name == "DOCKER-USER") && jumps())
}

/// Says what becomes of its lines.
pub fn account(rules: &RuleSet, report: &mut Report) {
    for chain in rules.chains.iter().filter(|chain| chain.name == "DOCKER-USER" || chain.name.starts_with("ufw-docker"))
    {
        for rule in &chain.rules {
            let is_from_private = rule.matches.iter().any(|it| matches!(it, Match::Source(..)));
            let ports = rule.matches.iter().any(|it| matches!(it, Match::SourcePorts(..)));
            match &rule.target {
                Target::Jump(name) if name.ends_with("-user-forward") => report.say(
                    rule.line,
                    Status::LeftAlone,
                    "what `ufw route allow` opens stays ufw's: dockwall closes no published port",
                ),
                Target::Return if is_from_private => report.say(
                    rule.line,
                    Status::Changed,
                    "it trusts every private network as a source, so that containers reach all that the host does: their way to private networks and \
                     to the host is what deny.ranges, deny.on_link and deny.host close",
                ),
                Target::Return if ports => report.say(rule.line, Status::Implied, "answers to flows that others opened are returned first"),
                Target::Return if rule.matches.is_empty() => report.say(rule.line, Status::Implied, "what dockwall does not deny goes on to Docker's rules"),
                Target::Return | Target::Accept => report.say(rule.line, Status::Implied, "dockwall does not deny what comes from outside"),
                _ => report.say_with(
                    rule.line,
                    Status::NotCarried,
                    "it closes published ports to clients from outside; dockwall decides only about what containers send",
                    "keep ufw-docker for that beside dockwall, or publish the port on 127.0.0.1 or one address",
                ),
            }
        }
    }
}
