//! What the commands of a script do to chains: `iptables …` and `firewall-cmd --direct …`.

use super::iptables::{self, Services};
use crate::config::Invalid;
use crate::import::Status;
use crate::import::model::{Rule, RuleSet};
use crate::import::span::Family;

/// Words before a command that run it.
const RUNNERS: [&str; 6] = ["sudo", "exec", "command", "env", "nice", "!"];

/// Commands that have nothing to do with rules.
const NO_RULES: [&str; 34] = [
    "echo",
    "printf",
    "set",
    "exit",
    "return",
    "true",
    "false",
    ":",
    "sleep",
    "logger",
    "test",
    "[",
    "[[",
    "cd",
    "export",
    "umask",
    "modprobe",
    "sysctl",
    "systemctl",
    "service",
    "docker",
    "cat",
    "ls",
    "grep",
    "which",
    "type",
    "trap",
    "shift",
    "wait",
    "rm",
    "mkdir",
    "touch",
    "unset",
    "local",
];

/// Whether a command of that name makes no rule.
pub fn makes_no_rule(name: &str) -> bool {
    NO_RULES.contains(&base(name))
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// What its words do.
pub fn take(rules: &mut RuleSet, line: usize, words: &[String], services: Services<'_>) {
    let mut words = words;
    while let Some((first, rest)) = words.split_first().filter(|(first, _)| RUNNERS.contains(&base(first))) {
        let _ = first;
        words = rest;
    }
    let Some((name, arguments)) = words.split_first() else {
        rules.remark(line, Status::NoRule, "nothing", None);
        return;
    };
    let done = match base(name) {
        "iptables" | "iptables-nft" | "iptables-legacy" => command(rules, line, Family::V4, arguments, services),
        "ip6tables" | "ip6tables-nft" | "ip6tables-legacy" => command(rules, line, Family::V6, arguments, services),
        "firewall-cmd" | "firewall-offline-cmd" => firewall_cmd(rules, line, arguments, services),
        "ipset" => {
            let cure = "write its members to deny.ranges, or a [[grant]] for each";
            rules.remark(line, Status::NotCarried, "a set of ipset: dockwall has its own sets", Some(cure));
            Ok(())
        }
        "nft" => {
            let cure = "load the script, and import what `nft list ruleset` prints";
            rules.remark(line, Status::NotCarried, "a command of nft is not read in a script", Some(cure));
            Ok(())
        }
        other if NO_RULES.contains(&other) => {
            rules.remark(line, Status::NoRule, format!("`{other}` makes no rule"), None);
            Ok(())
        }
        other => {
            let said = format!("what `{}` does is not known without running it", other.escape_debug());
            rules.remark(
                line,
                Status::NotCarried,
                said,
                Some("read it: what rules it makes have to be written by hand"),
            );
            Ok(())
        }
    };
    if let Err(Invalid { problem, cure }) = done {
        rules.remark(line, Status::NotCarried, problem, Some(&cure));
    }
}

/// The rest of an `iptables` command.
fn command(
    rules: &mut RuleSet,
    line: usize,
    family: Family,
    arguments: &[String],
    services: Services<'_>,
) -> Result<(), Invalid> {
    let mut table = "filter".to_owned();
    let mut rest: Vec<String> = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-t" | "--table" => table = arguments.next().cloned().unwrap_or_default(),
            long if long.starts_with("--table=") => table = long.trim_start_matches("--table=").to_owned(),
            _ => rest.push(argument.clone()),
        }
    }
    let is_operation = |word: &String| operation(word).is_some();
    let Some(at) = rest.iter().position(is_operation) else {
        return Err(Invalid::new("an `iptables` command without -A, -I or another operation", "write one"));
    };
    let operation = rest.get(at).and_then(|word| operation(word)).unwrap_or('L');
    let before: Vec<String> = rest.drain(..=at).collect();
    let chain = match rest.first() {
        Some(word) if !word.starts_with('-') && word != "!" => rest.remove(0),
        _ => String::new(),
    };
    let before: Vec<String> = before.into_iter().rev().skip(1).rev().collect();
    let specification = || [before.clone(), rest.clone()].concat();
    match operation {
        'A' => append(rules, family, &table, &chain, iptables::read(&specification(), family, line, services)?),
        'I' => {
            let number = rest.first().and_then(|word| word.parse::<usize>().ok());
            let rule =
                iptables::read(rest.get(usize::from(number.is_some())..).unwrap_or_default(), family, line, services)?;
            if let Some(chain) = rules.chain_mut(family, &table, &chain) {
                let at = number.unwrap_or(1).saturating_sub(1).min(chain.rules.len());
                chain.rules.insert(at, rule);
            }
        }
        'N' => {
            rules.chain_mut(family, &table, &chain);
            rules.remark(line, Status::NoRule, format!("makes the chain {chain}"), None);
        }
        'F' | 'X' => flush(rules, line, family, &table, &chain, operation),
        'D' => delete(rules, line, (family, &table, &chain), &specification(), services)?,
        'C' | 'L' | 'S' | 'Z' => rules.remark(line, Status::NoRule, "looks, and makes no rule", None),
        'P' => policy(rules, line, family, &table, &chain, rest.first().map(String::as_str)),
        _ => {
            return Err(Invalid::new(
                "this operation of iptables is not followed",
                "write the rules as they are in the end",
            ));
        }
    }
    Ok(())
}

/// The letter of an operation.
fn operation(word: &str) -> Option<char> {
    let long = [
        ("--append", 'A'),
        ("--insert", 'I'),
        ("--new-chain", 'N'),
        ("--flush", 'F'),
        ("--delete-chain", 'X'),
        ("--delete", 'D'),
        ("--check", 'C'),
        ("--list", 'L'),
        ("--list-rules", 'S'),
        ("--policy", 'P'),
        ("--replace", 'R'),
        ("--rename-chain", 'E'),
        ("--zero", 'Z'),
    ];
    if let Some((_, letter)) = long.iter().find(|(name, _)| *name == word) {
        return Some(*letter);
    }
    let letter = word.strip_prefix('-').and_then(|rest| rest.chars().next()).filter(|_| word.len() == 2)?;
    "AINFXDCLSPREZ".contains(letter).then_some(letter)
}

/// A line for `iptables-restore` in that table.
///
/// # Errors
/// What is no command of iptables.
pub fn restored(
    rules: &mut RuleSet,
    line: usize,
    family: Family,
    table: &str,
    words: &[String],
    services: Services<'_>,
) -> Result<(), Invalid> {
    let table = ["-t".to_owned(), table.to_owned()];
    command(rules, line, family, &[&table, words].concat(), services)
}

/// Puts a rule behind those of its priority and of lower ones.
pub fn append(rules: &mut RuleSet, family: Family, table: &str, chain: &str, rule: Rule) {
    if let Some(chain) = rules.chain_mut(family, table, chain) {
        let at = chain.rules.partition_point(|other| other.priority <= rule.priority);
        chain.rules.insert(at, rule);
    }
}

fn flush(rules: &mut RuleSet, line: usize, family: Family, table: &str, chain: &str, operation: char) {
    let what = if operation == 'F' { "empties" } else { "deletes" };
    let mut gone = Vec::new();
    for other in rules.chains.iter_mut().filter(|other| other.families.contains(&family) && other.table == table) {
        if (chain.is_empty() || other.name == chain) && operation == 'F' {
            gone.extend(other.rules.drain(..).map(|rule| rule.line));
        }
    }
    for rule in gone {
        rules.remark(rule, Status::NoRule, format!("gone again: line {line} {what} its chain"), None);
    }
    let chain = if chain.is_empty() { "every chain" } else { chain };
    rules.remark(line, Status::NoRule, format!("{what} {chain} before it is filled"), None);
}

fn delete(
    rules: &mut RuleSet,
    line: usize,
    (family, table, chain): (Family, &str, &str),
    words: &[String],
    services: Services<'_>,
) -> Result<(), Invalid> {
    let wanted = match words.first().and_then(|word| word.parse::<usize>().ok()) {
        Some(number) => Err(number.saturating_sub(1)),
        None => Ok(iptables::read(words, family, line, services)?),
    };
    let Some(found) = rules.chain_mut(family, table, chain) else { return Ok(()) };
    let is_same = |rule: &Rule, wanted: &Rule| (&rule.matches, &rule.target) == (&wanted.matches, &wanted.target);
    let at = match &wanted {
        Ok(wanted) => found.rules.iter().position(|rule| is_same(rule, wanted)),
        Err(number) => Some(*number).filter(|number| *number < found.rules.len()),
    };
    let gone = at.map(|at| found.rules.remove(at).line);
    rules.remark(line, Status::NoRule, "takes a rule away", None);
    if let Some(gone) = gone {
        rules.remark(gone, Status::NoRule, format!("gone again: line {line} takes it away"), None);
    }
    Ok(())
}

fn policy(rules: &mut RuleSet, line: usize, family: Family, table: &str, name: &str, verdict: Option<&str>) {
    if let Some(chain) = rules.chain_mut(family, table, name) {
        chain.drops = verdict == Some("DROP");
    }
    rules.remark(line, Status::LeftAlone, format!("the policy of {name} stays with iptables"), None);
}

/// The rest of a `firewall-cmd` command.
fn firewall_cmd(rules: &mut RuleSet, line: usize, words: &[String], services: Services<'_>) -> Result<(), Invalid> {
    let Some(at) = words.iter().position(|word| word == "--direct") else {
        let others = words.iter().find(|word| !matches!(word.as_str(), "--permanent" | "-q" | "--quiet"));
        match others.map(String::as_str) {
            Some("--reload" | "--complete-reload" | "--state" | "--runtime-to-permanent") | None => {
                rules.remark(line, Status::NoRule, "makes no rule", None);
            }
            Some(_) => rules.remark(line, Status::LeftAlone, "firewalld's zones and policies stay firewalld's", None),
        }
        return Ok(());
    };
    let rest = words.get(at + 1..).unwrap_or_default();
    let rest: Vec<String> = rest.iter().filter(|word| *word != "--permanent").cloned().collect();
    let (operation, rest) = rest.split_first().map_or(("", [].as_slice()), |(first, rest)| (first.as_str(), rest));
    match operation {
        "--add-rule" => direct_rule(rules, line, rest, services),
        "--add-passthrough" | "--passthrough" => passthrough(rules, line, rest, services),
        "--add-chain" => {
            direct_chain(rules, line, rest);
            Ok(())
        }
        "--remove-rule" | "--remove-rules" | "--remove-chain" | "--remove-passthrough" | "--remove-passthroughs" => {
            remove(rules, line, operation, rest, services)
        }
        operation if operation.starts_with("--get-") || operation.starts_with("--query-") => {
            rules.remark(line, Status::NoRule, "looks, and makes no rule", None);
            Ok(())
        }
        _ => Err(Invalid::new("`firewall-cmd --direct` with nothing to do", "write --add-rule and the rule")),
    }
}

fn family(word: Option<&String>) -> Result<Family, Invalid> {
    match word.map(String::as_str) {
        Some("ipv4") => Ok(Family::V4),
        Some("ipv6") => Ok(Family::V6),
        Some("eb") => Err(Invalid::new("a rule of ebtables is about frames of a bridge", "leave it to firewalld")),
        _ => Err(Invalid::new("the rule does not begin with ipv4 or ipv6", "write the family first")),
    }
}

/// `ipv4 filter CHAIN PRIORITY ARGUMENTS`.
///
/// # Errors
/// What is no such rule.
pub fn direct_rule(rules: &mut RuleSet, line: usize, words: &[String], services: Services<'_>) -> Result<(), Invalid> {
    let family = family(words.first())?;
    let bad =
        || Invalid::new("the rule has no table, chain and priority", "write `ipv4 filter CHAIN PRIORITY` before it");
    let (table, chain) = (words.get(1).ok_or_else(bad)?, words.get(2).ok_or_else(bad)?);
    let priority = words.get(3).and_then(|word| word.parse().ok()).ok_or_else(bad)?;
    let rule = iptables::read(words.get(4..).unwrap_or_default(), family, line, services)?;
    append(rules, family, table, chain, Rule { priority, ..rule });
    Ok(())
}

/// `ipv4 -A CHAIN …`, which firewalld hands on to iptables.
///
/// # Errors
/// What is no command of iptables.
pub fn passthrough(rules: &mut RuleSet, line: usize, words: &[String], services: Services<'_>) -> Result<(), Invalid> {
    command(rules, line, family(words.first())?, words.get(1..).unwrap_or_default(), services)
}

/// `ipv4 filter CHAIN`.
pub fn direct_chain(rules: &mut RuleSet, line: usize, words: &[String]) {
    if let (Ok(family), Some(table), Some(name)) = (family(words.first()), words.get(1), words.get(2)) {
        rules.chain_mut(family, table, name);
        rules.remark(line, Status::NoRule, format!("makes the chain {name}"), None);
    } else {
        rules.remark(line, Status::NotCarried, "no chain is named", Some("write the family, the table and the chain"));
    }
}

fn remove(
    rules: &mut RuleSet,
    line: usize,
    operation: &str,
    words: &[String],
    services: Services<'_>,
) -> Result<(), Invalid> {
    let family = family(words.first())?;
    let (table, chain) = (words.get(1).map_or("", String::as_str), words.get(2).map_or("", String::as_str));
    match operation {
        "--remove-rules" => flush(rules, line, family, table, chain, 'F'),
        "--remove-rule" => delete(rules, line, (family, table, chain), words.get(4..).unwrap_or_default(), services)?,
        _ => rules.remark(line, Status::NoRule, "takes away what was there before", None),
    }
    Ok(())
}
