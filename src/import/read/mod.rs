//! The texts that people have, one file for each format; all of them make a [`RuleSet`].

mod commands;
mod direct;
mod direct_xml;
mod iptables;
mod nft;
mod nft_json;
mod nft_rule;
mod nft_words;
mod save;
mod script;
mod shell;
mod shell_pieces;
mod words;

use std::fmt;

use super::model::RuleSet;
use crate::config::Invalid;
pub use iptables::Services;

/// Targets of iptables that dockwall has no word for; any other name is a chain's.
const TARGETS: [&str; 28] = [
    "MARK",
    "CONNMARK",
    "CONNSECMARK",
    "SECMARK",
    "DNAT",
    "SNAT",
    "MASQUERADE",
    "REDIRECT",
    "NETMAP",
    "TPROXY",
    "TEE",
    "TTL",
    "HL",
    "TOS",
    "DSCP",
    "TCPMSS",
    "SET",
    "NFQUEUE",
    "QUEUE",
    "CT",
    "NOTRACK",
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "IDLETIMER",
    "TRACE",
    "SYNPROXY",
    "RATEEST",
];

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// What `firewall-cmd --direct --get-all-rules` prints
    Direct,
    /// /etc/firewalld/direct.xml
    DirectXml,
    /// A shell script of iptables or firewall-cmd commands
    Script,
    /// What iptables-save or ip6tables-save prints
    Save,
    /// /etc/ufw/after.rules with the block of ufw-docker
    Ufw,
    /// What `nft list ruleset` prints
    Nft,
    /// What `nft --json list ruleset` prints
    NftJson,
}

/// A text that is none of the formats, or is broken in a way that leaves nothing to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unreadable {
    /// The line, counted from 1; none where it is about the whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub cure: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{}; {}", self.problem, self.cure)
    }
}

impl Unreadable {
    fn new(line: impl Into<Option<usize>>, problem: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { line: line.into(), problem: problem.into(), cure: cure.into() }
    }
}

/// A text that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its format.
    pub kind: Kind,
    /// The text by whose lines it is accounted for: as it was given, but for JSON an object a line.
    pub text: String,
    /// What it says.
    pub rules: RuleSet,
}

/// Reads a text, as `kind` or as what it looks like. Nothing in it is run.
///
/// # Errors
/// [`Unreadable`].
pub fn read(text: &str, kind: Option<Kind>, services: Services<'_>) -> Result<Source, Unreadable> {
    if text.trim().is_empty() {
        return Err(Unreadable::new(None, "there is nothing in it", "give the rules: see the examples of --help"));
    }
    if let Some(line) = text.lines().position(|line| line.contains('\0')) {
        return Err(Unreadable::new(line + 1, "it is no text", "give the rules as text"));
    }
    let kind = match kind.or_else(|| detect(text)) {
        Some(kind) => kind,
        None => {
            let line = text.lines().position(|line| !is_remark(line)).map(|index| index + 1);
            let shown: String =
                line.and_then(|line| text.lines().nth(line - 1)).unwrap_or_default().chars().take(60).collect();
            return Err(Unreadable::new(
                line,
                format!("`{}` is none of the formats that are read", shown.escape_debug()),
                "say which it is with --from; --help lists them",
            ));
        }
    };
    let text = if kind == Kind::NftJson { nft_json::to_text(text)? } else { text.to_owned() };
    let rules = match kind {
        Kind::Direct => direct::read(&text, services),
        Kind::DirectXml => direct_xml::read(&text, services)?,
        Kind::Script => script::read(&text, services),
        Kind::Save | Kind::Ufw => save::read(&text, services),
        Kind::Nft => nft::read(&text, services),
        Kind::NftJson => nft::read(&text, services),
    };
    Ok(Source { kind, text, rules })
}

fn is_remark(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with('#')
}

/// The format that a text looks like.
fn detect(text: &str) -> Option<Kind> {
    let begins = text.trim_start();
    if begins.starts_with("<?xml") || begins.starts_with("<direct") || begins.starts_with("<!--") {
        return Some(Kind::DirectXml);
    }
    if begins.starts_with('{') {
        return Some(Kind::NftJson);
    }
    let lines = || text.lines().map(str::trim).filter(|line| !is_remark(line));
    let first_words = || lines().filter_map(|line| line.split_whitespace().next());
    if lines().any(|line| matches!(line, "*filter" | "*nat" | "*mangle" | "*raw" | "*security")) {
        let is_ufw =
            text.contains("ufw-user-forward") || text.contains("ufw6-user-forward") || text.contains("UFW AND DOCKER");
        let is_dump = text.contains("ables-save");
        return Some(if is_ufw && !is_dump { Kind::Ufw } else { Kind::Save });
    }
    if first_words().all(|word| matches!(word, "ipv4" | "ipv6" | "eb")) {
        return Some(Kind::Direct);
    }
    let is_shell = text.starts_with("#!") && text.lines().next().is_some_and(|line| line.ends_with("sh"));
    if is_shell
        || lines().any(|line| line.contains("iptables") || line.contains("ip6tables") || line.contains("firewall-cmd"))
    {
        return Some(Kind::Script);
    }
    let is_table = |line: &str| line.starts_with("table ") && line.ends_with('{');
    if lines().any(is_table) || lines().any(|line| line.starts_with("add rule ")) {
        return Some(Kind::Nft);
    }
    first_words().any(|word| matches!(word, "-A" | "-I" | "-N" | "-P")).then_some(Kind::Save)
}

/// Splits a line into words as a shell does.
fn words(text: &str) -> Result<Vec<String>, Invalid> {
    shell_words::split(text)
        .map_err(|_| Invalid::new("a quotation mark is not closed", "close it, or take it out of the line"))
}
