//! One rule of nft.

use super::iptables::Services;
use super::nft::Sets;
use super::nft_words::{Piece, Token};
use super::words;
use crate::config::Invalid;
use crate::import::model::{Limit, Log, Match, Not, Rule, Target, Unsupported};
use crate::import::span::{Family, Span, merge};

/// Reads it: one that logs and then decides is two.
pub fn read(piece: &Piece, table: &str, sets: &Sets, services: Services<'_>) -> Vec<Rule> {
    let line = piece.tokens.first().map_or(0, |token| token.line);
    let mut reader = Reader {
        tokens: &piece.tokens,
        next: 0,
        table,
        sets,
        services,
        line,
        matches: Vec::new(),
        made: Vec::new(),
        comment: None,
    };
    if let Err(Invalid { problem, cure }) = reader.run() {
        reader.matches.push(Match::Other(Unsupported { text: problem, cure }));
        // What it would have done is what its last word says.
        let verdict = piece.tokens.iter().rev().find_map(|token| verdict(token.text())).unwrap_or(Target::Nothing);
        reader.make(verdict);
    }
    if reader.made.is_empty() {
        reader.make(Target::Nothing);
    }
    let Reader { made, comment, .. } = reader;
    made.into_iter().map(|rule| Rule { comment: comment.clone(), ..rule }).collect()
}

fn verdict(word: &str) -> Option<Target> {
    match word {
        "accept" => Some(Target::Accept),
        "drop" => Some(Target::Drop),
        "return" => Some(Target::Return),
        "continue" => Some(Target::Nothing),
        _ => None,
    }
}

const CURE: &str = "dockwall decides by interface, address, protocol and port; leave the rule to nft";

struct Reader<'t> {
    tokens: &'t [Token],
    next: usize,
    table: &'t str,
    sets: &'t Sets,
    services: Services<'t>,
    line: usize,
    matches: Vec<Match>,
    made: Vec<Rule>,
    comment: Option<String>,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> &'t str {
        self.tokens.get(self.next).map_or("", Token::text)
    }

    fn take(&mut self) -> &'t str {
        let word = self.peek();
        self.next += 1;
        word
    }

    fn takes(&mut self, word: &str) -> bool {
        let is = self.peek() == word;
        self.next += usize::from(is);
        is
    }

    fn make(&mut self, target: Target) {
        self.made.push(Rule { line: self.line, priority: 0, matches: self.matches.clone(), target, comment: None });
    }

    fn unsupported<T>(&self, text: impl Into<String>) -> Result<T, Invalid> {
        Err(Invalid::new(text, CURE))
    }

    fn run(&mut self) -> Result<(), Invalid> {
        while self.next < self.tokens.len() {
            let word = self.take();
            match word {
                "iifname" | "iif" | "oifname" | "oif" => self.interface(word)?,
                "meta" => self.meta()?,
                "ip" | "ip6" => self.address(if word == "ip" { Family::V4 } else { Family::V6 })?,
                "tcp" | "udp" | "sctp" | "dccp" | "udplite" | "th" => self.ports(word)?,
                "ct" => self.conntrack()?,
                "counter" => {
                    while matches!(self.peek(), "packets" | "bytes" | "name") {
                        self.next += 2;
                    }
                }
                "log" => self.log(),
                "limit" => self.limit(None)?,
                "update" | "add" if self.peek().starts_with('@') => self.meter()?,
                "comment" => self.comment = Some(self.take().to_owned()),
                "reject" => {
                    self.make(Target::Reject);
                    while !matches!(self.peek(), "" | "comment") {
                        self.next += 1;
                    }
                }
                "jump" | "goto" => {
                    let name = self.take().to_owned();
                    self.make(if word == "jump" { Target::Jump(name) } else { Target::Goto(name) });
                }
                word => match verdict(word) {
                    Some(target) => self.make(target),
                    None => return self.unsupported(self.rest(word)),
                },
            }
        }
        Ok(())
    }

    /// What is not read, up to the verdict.
    fn rest(&self, first: &str) -> String {
        let rest = self.tokens.iter().skip(self.next).map(Token::text);
        let rest = rest.take_while(|word| {
            verdict(word).is_none() && !matches!(*word, "jump" | "goto" | "counter" | "log" | "comment")
        });
        std::iter::once(first).chain(rest).collect::<Vec<_>>().join(" ")
    }

    fn not(&mut self) -> Not {
        self.takes("==");
        Not(self.takes("!="))
    }

    /// `a`, `{ a, b }`, `@set` or `$name`.
    fn values(&mut self) -> Result<Vec<String>, Invalid> {
        let word = self.take();
        if word.starts_with('@') || word.starts_with('$') {
            let table = if word.starts_with('@') { self.table } else { "" };
            let Some(tokens) = self.sets.get(&(table.to_owned(), word.to_owned())) else {
                return self.unsupported(format!("`{word}`, which is not in the text or has no elements there"));
            };
            return Ok(list(tokens));
        }
        if word != "{" {
            return Ok(vec![word.to_owned()]);
        }
        let behind = self.tokens.get(self.next..).unwrap_or_default();
        let length = behind.iter().position(|token| token.is("}")).unwrap_or(behind.len());
        self.next += length + 1;
        Ok(list(behind.get(..length).unwrap_or_default()))
    }

    fn interface(&mut self, word: &str) -> Result<(), Invalid> {
        let not = self.not();
        let patterns = self.values()?.iter().map(|name| words::interface(name)).collect::<Result<Vec<_>, _>>()?;
        // `"*"` is every interface.
        let Some(patterns) = patterns.into_iter().collect::<Option<Vec<_>>>() else { return Ok(()) };
        self.matches.push(if word.starts_with('i') {
            Match::Incoming(not, patterns)
        } else {
            Match::Outgoing(not, patterns)
        });
        Ok(())
    }

    fn meta(&mut self) -> Result<(), Invalid> {
        match self.take() {
            word @ ("iifname" | "iif" | "oifname" | "oif") => self.interface(word),
            "l4proto" => self.protocol(),
            "nfproto" => {
                let not = self.not();
                let family = match self.take() {
                    "ipv4" => Family::V4,
                    "ipv6" => Family::V6,
                    other => return self.unsupported(format!("meta nfproto {other}")),
                };
                let other = if family == Family::V4 { Family::V6 } else { Family::V4 };
                self.matches.push(Match::Family(if not.0 { other } else { family }));
                Ok(())
            }
            other => self.unsupported(self.rest(&format!("meta {other}"))),
        }
    }

    fn protocol(&mut self) -> Result<(), Invalid> {
        let not = self.not();
        let protocols = self.values()?.iter().map(|word| words::protocol(word)).collect::<Result<Vec<_>, _>>()?;
        self.matches.push(Match::Protocol(not, protocols.into_iter().flatten().collect()));
        Ok(())
    }

    fn address(&mut self, family: Family) -> Result<(), Invalid> {
        let field = self.take();
        if matches!(field, "protocol" | "nexthdr") {
            self.matches.push(Match::Family(family));
            return self.protocol();
        }
        if !matches!(field, "saddr" | "daddr") {
            return self.unsupported(self.rest(&format!("ip {field}")));
        }
        let not = self.not();
        let read = |text: &String| match text.contains('-') {
            true => words::range(text, family),
            false => words::addresses(text, family),
        };
        let spans: Vec<Span> = self.values()?.iter().map(read).collect::<Result<Vec<_>, _>>()?.concat();
        if spans.is_empty() {
            return self.unsupported("a set without elements");
        }
        let spans = merge(spans);
        self.matches.push(if field == "saddr" {
            Match::Source(not, family, spans)
        } else {
            Match::Destination(not, family, spans)
        });
        Ok(())
    }

    fn ports(&mut self, protocol: &str) -> Result<(), Invalid> {
        let field = self.take();
        if protocol != "th" {
            let number = words::protocol(protocol)?;
            self.matches.push(Match::Protocol(Not(false), number.into_iter().collect()));
        }
        if !matches!(field, "dport" | "sport") {
            return self.unsupported(self.rest(&format!("{protocol} {field}")));
        }
        let not = self.not();
        let services = self.services;
        let ports =
            self.values()?.iter().map(|text| words::ports(text, services)).collect::<Result<Vec<_>, _>>()?.concat();
        self.matches.push(if field == "dport" { Match::Ports(not, ports) } else { Match::SourcePorts(not, ports) });
        Ok(())
    }

    fn conntrack(&mut self) -> Result<(), Invalid> {
        match self.take() {
            "state" => {
                let not = self.not();
                let mut states = self.values()?;
                while self.takes(",") {
                    states.push(self.take().to_owned());
                }
                self.matches.push(Match::State(not, words::states(&states.join(","))?));
                Ok(())
            }
            "direction" => {
                let not = self.not();
                let reply = self.take() == "reply";
                self.matches.push(Match::Reply(reply != not.0));
                Ok(())
            }
            other => self.unsupported(self.rest(&format!("ct {other}"))),
        }
    }

    fn log(&mut self) {
        let mut log = Log::default();
        loop {
            match self.peek() {
                "prefix" => {
                    self.next += 1;
                    log.prefix = Some(self.take().to_owned());
                }
                "group" => {
                    self.next += 1;
                    log.group = self.take().parse().ok();
                }
                "level" | "flags" | "snaplen" | "queue-threshold" => self.next += 2,
                _ => break,
            }
        }
        self.make(Target::Log(log));
    }

    /// `limit rate over 6/minute burst 5 packets`
    fn limit(&mut self, each: Option<String>) -> Result<(), Invalid> {
        if !self.takes("rate") {
            return self.unsupported(self.rest("limit"));
        }
        let above = self.takes("over");
        let rate = words::rate(self.take());
        let burst = self.takes("burst").then(|| self.take().parse().ok()).flatten();
        self.takes("packets");
        // nft's default, nft(8).
        let burst = burst.or(Some(5));
        self.matches.push(Match::Limit(Limit { rate, burst, each, above }));
        Ok(())
    }

    /// `update @meter { ip saddr . ip daddr . th dport limit rate 6/minute }`
    fn meter(&mut self) -> Result<(), Invalid> {
        self.next += 1;
        if !self.takes("{") {
            return self.unsupported(self.rest("update"));
        }
        let mut key = Vec::new();
        while !matches!(self.peek(), "" | "}" | "limit" | "timeout" | "counter") {
            key.push(self.take());
        }
        let fields = [("saddr", "srcip"), ("daddr", "dstip"), ("dport", "dstport"), ("sport", "srcport")];
        let each: Vec<&str> = fields.iter().filter(|(word, _)| key.contains(word)).map(|(_, name)| *name).collect();
        while !matches!(self.peek(), "" | "}") {
            match self.take() {
                "limit" => self.limit(Some(each.join(",")))?,
                _ => self.next += 1,
            }
        }
        self.takes("}");
        Ok(())
    }
}

/// The words between commas, a range with its hyphen as one; marks and what stands behind an element are left out.
fn list(tokens: &[Token]) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let mut is_next = true;
    for token in tokens {
        match token.text() {
            "{" | "}" if !token.quoted => {}
            "," if !token.quoted => is_next = true,
            "-" => {
                if let Some(last) = values.last_mut() {
                    last.push('-');
                }
                is_next = false;
            }
            word => match values.last_mut() {
                Some(last) if last.ends_with('-') && !is_next => last.push_str(word),
                _ if is_next => {
                    values.push(word.to_owned());
                    is_next = false;
                }
                _ => {}
            },
        }
    }
    values
}
