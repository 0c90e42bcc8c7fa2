//! What `nft list ruleset` prints, and files in the same words: tables of a few chains and sets, hand-written.

use std::collections::BTreeMap;

use super::iptables::Services;
use super::nft_rule;
use super::nft_words::{Piece, Token, pieces};
use crate::import::Status;
use crate::import::model::{Chain, Hook, Rule, RuleSet};
use crate::import::span::Family;

/// Sets and definitions, by table and name.
pub type Sets = BTreeMap<(String, String), Vec<Token>>;

/// Reads it.
pub fn read(text: &str, services: Services<'_>) -> RuleSet {
    let mut reader = Reader { rules: RuleSet::default(), sets: Sets::new(), services };
    for (index, line) in text.lines().enumerate() {
        let said = match line.trim() {
            "" => "blank",
            text if text.starts_with('#') => "a comment",
            text if text.chars().all(|character| "{};".contains(character)) => "the frame around rules",
            _ => continue,
        };
        reader.rules.remark(index + 1, Status::NoRule, said, None);
    }
    let pieces = pieces(text);
    // Rules name sets that may stand behind them.
    reader.collect(&pieces, "");
    reader.all(&pieces);
    reader.rules
}

struct Reader<'s> {
    rules: RuleSet,
    sets: Sets,
    services: Services<'s>,
}

impl Reader<'_> {
    /// The elements of sets, and what is defined.
    fn collect(&mut self, pieces: &[Piece], table: &str) {
        for piece in pieces {
            let words: Vec<&str> = piece.tokens.iter().map(Token::text).collect();
            match words.as_slice() {
                ["table", rest @ ..] => self.collect(&piece.body, rest.last().copied().unwrap_or_default()),
                ["set", name, ..] => {
                    let elements = piece.body.iter().find(|piece| piece.begins("elements"));
                    let tokens =
                        elements.map(|piece| piece.tokens.iter().skip(2).cloned().collect()).unwrap_or_default();
                    self.sets.insert((table.to_owned(), format!("@{name}")), tokens);
                }
                ["add" | "create", "set", _, table, name, ..] => {
                    let elements = piece.body.iter().find(|piece| piece.begins("elements"));
                    let tokens =
                        elements.map(|piece| piece.tokens.iter().skip(2).cloned().collect()).unwrap_or_default();
                    self.sets.insert(((*table).to_owned(), format!("@{name}")), tokens);
                }
                ["define", name, "=", ..] => {
                    let tokens = piece.tokens.iter().skip(3).cloned().collect();
                    self.sets.insert((String::new(), format!("${name}")), tokens);
                }
                _ => {}
            }
        }
    }

    fn all(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            let words: Vec<&str> = piece.tokens.iter().map(Token::text).collect();
            match words.as_slice() {
                ["add" | "create", "table", ..] if piece.body.is_empty() => {
                    self.say(piece, Status::NoRule, "makes a table")
                }
                ["table", rest @ ..] | ["add" | "create", "table", rest @ ..] => self.table(piece, rest),
                ["flush" | "delete" | "destroy", ..] => {
                    self.say(piece, Status::NoRule, "takes away what was there before")
                }
                ["define", ..] => self.say(piece, Status::NoRule, "a definition"),
                ["add" | "create", "set", ..] => {
                    for line in piece.all_lines() {
                        self.rules.remark(line, Status::NoRule, "a set: its elements go where rules name it", None);
                    }
                }
                ["add" | "insert", "rule", rest @ ..] => self.added(piece, rest),
                ["add" | "create", "chain", rest @ ..] => {
                    if let Some((families, table, name)) = address(rest) {
                        self.chain(piece, &families, table, name);
                    }
                }
                _ => self.say_with(piece, "this statement of nft is not read", "give what `nft list ruleset` prints"),
            }
        }
    }

    fn say(&mut self, piece: &Piece, status: Status, said: &str) {
        for line in piece.lines() {
            self.rules.remark(line, status, said, None);
        }
    }

    fn say_with(&mut self, piece: &Piece, said: &str, cure: &str) {
        for line in piece.all_lines() {
            self.rules.remark(line, Status::NotCarried, said, Some(cure));
        }
    }

    fn table(&mut self, piece: &Piece, words: &[&str]) {
        let (family, name) = match words {
            [family, name, ..] => (*family, *name),
            [name] => ("ip", *name),
            [] => ("ip", ""),
        };
        self.say(piece, Status::NoRule, "a table");
        let Some(families) = families(family) else {
            for line in piece.all_lines().into_iter().skip(1) {
                let said = format!("a table of the family {family} is no business of dockwall's");
                self.rules.remark(line, Status::LeftAlone, said, None);
            }
            return;
        };
        for inner in &piece.body {
            let words: Vec<&str> = inner.tokens.iter().map(Token::text).collect();
            match words.as_slice() {
                ["chain", chain, ..] => self.chain(inner, &families, name, chain),
                ["set", ..] => {
                    for line in inner.all_lines() {
                        self.rules.remark(line, Status::NoRule, "a set: its elements go where rules name it", None);
                    }
                }
                ["comment" | "flags", ..] => self.say(inner, Status::NoRule, "about the table"),
                _ => self.say_with(inner, "this object of nft is not read", "write the rules that use it by hand"),
            }
        }
    }

    fn chain(&mut self, piece: &Piece, families: &[Family], table: &str, name: &str) {
        self.say(piece, Status::NoRule, "a chain");
        let name = name.to_owned();
        let mut chain = Chain {
            families: families.to_vec(),
            table: table.to_owned(),
            name,
            hook: None,
            drops: false,
            rules: Vec::new(),
        };
        for inner in &piece.body {
            if inner.begins("type") {
                chain.hook = hook(inner);
                self.say(inner, Status::NoRule, "where the chain is hooked");
            } else if inner.begins("policy") {
                chain.drops = inner.tokens.get(1).is_some_and(|token| token.text() == "drop");
                let status = if chain.drops { Status::LeftAlone } else { Status::NoRule };
                self.say(inner, status, "the policy of the chain stays with it");
            } else if inner.begins("comment") {
                self.say(inner, Status::NoRule, "about the chain");
            } else {
                let rules = self.read_rule(inner, table);
                chain.rules.extend(rules);
            }
        }
        self.rules.chains.push(chain);
    }

    fn read_rule(&mut self, piece: &Piece, table: &str) -> Vec<Rule> {
        for line in piece.all_lines().into_iter().skip(1) {
            self.rules.remark(line, Status::NoRule, "goes on from the line before", None);
        }
        nft_rule::read(piece, table, &self.sets, self.services)
    }

    /// `add rule FAMILY TABLE CHAIN …`
    fn added(&mut self, piece: &Piece, words: &[&str]) {
        let Some((families, table, name)) = address(words) else {
            self.say_with(piece, "the rule names no table and chain", "give what `nft list ruleset` prints");
            return;
        };
        let before = piece.tokens.iter().position(|token| token.text() == name).map_or(0, |at| at + 1);
        let rest = Piece { tokens: piece.tokens.iter().skip(before).cloned().collect(), ..piece.clone() };
        let rules = self.read_rule(&rest, table);
        let is_it = |chain: &&mut Chain| chain.table == table && chain.name == name && chain.families == families;
        match self.rules.chains.iter_mut().find(is_it) {
            Some(chain) if piece.begins("insert") => drop(chain.rules.splice(0..0, rules)),
            Some(chain) => chain.rules.extend(rules),
            None => {
                self.say_with(piece, "the chain of the rule is not in the text", "give what `nft list ruleset` prints")
            }
        }
    }
}

fn families(word: &str) -> Option<Vec<Family>> {
    match word {
        "ip" => Some(vec![Family::V4]),
        "ip6" => Some(vec![Family::V6]),
        "inet" => Some(Family::BOTH.to_vec()),
        _ => None,
    }
}

/// `FAMILY TABLE CHAIN`, the family left out for IPv4.
fn address<'w>(words: &[&'w str]) -> Option<(Vec<Family>, &'w str, &'w str)> {
    match words {
        [family, table, chain, ..] if families(family).is_some() => Some((families(family)?, table, chain)),
        [table, chain, ..] => Some((vec![Family::V4], table, chain)),
        _ => None,
    }
}

/// `type filter hook forward priority filter - 1`
fn hook(piece: &Piece) -> Option<(Hook, i32)> {
    let words: Vec<&str> = piece.tokens.iter().map(Token::text).collect();
    let behind = |word: &str| words.iter().position(|other| *other == word).and_then(|at| words.get(at + 1..));
    let hook = match (words.get(1), behind("hook")?.first()) {
        (Some(&"filter"), Some(&"forward")) => Hook::Forward,
        (Some(&"filter"), Some(&"input")) => Hook::Input,
        _ => Hook::Elsewhere,
    };
    // Names of priorities, nft(8).
    let named = |word: &str| -> Option<i32> {
        match word {
            "raw" => Some(-300),
            "mangle" => Some(-150),
            "dstnat" => Some(-100),
            "filter" => Some(0),
            "security" => Some(50),
            "srcnat" => Some(100),
            number => number.parse().ok(),
        }
    };
    let priority = match behind("priority")? {
        [base, "-", less, ..] => named(base)?.checked_sub(less.parse().ok()?),
        [base, "+", more, ..] => named(base)?.checked_add(more.parse().ok()?),
        [base, ..] => named(base),
        [] => None,
    };
    Some((hook, priority.unwrap_or_default()))
}
