//! The words of one iptables rule, as they stand behind `-A CHAIN`: the same in scripts, in firewalld's direct
//! rules and in what `iptables-save` prints.

use super::words;
use crate::config::Invalid;
use crate::import::model::{Limit, Log, Match, Not, Rule, Target, Unsupported};
use crate::import::span::Family;

/// What knows the ports of services by their names.
pub type Services<'a> = &'a dyn Fn(&str) -> Option<u16>;

/// Reads the conditions and the target.
///
/// # Errors
/// What is no rule. What is one that dockwall has no word for is [`Unsupported`] in it.
pub fn read(words: &[String], family: Family, line: usize, services: Services<'_>) -> Result<Rule, Invalid> {
    let rule = Rule { line, priority: 0, matches: Vec::new(), target: Target::Nothing, comment: None };
    let mut reader = Reader { words, next: 0, family, services, rule, limit: None, log: Log::default() };
    reader.run()?;
    Ok(reader.finish())
}

struct Reader<'a> {
    words: &'a [String],
    next: usize,
    family: Family,
    services: Services<'a>,
    rule: Rule,
    limit: Option<Limit>,
    log: Log,
}

impl<'a> Reader<'a> {
    fn run(&mut self) -> Result<(), Invalid> {
        while let Some(word) = self.take() {
            let not = word == "!";
            let option = if not { self.value("!")? } else { word };
            // `--dport=22`
            match option.strip_prefix("--").and_then(|long| long.split_once('=')) {
                Some((long, value)) => self.option(&format!("--{long}"), not, Some(value))?,
                None => self.option(option, not, None)?,
            }
        }
        Ok(())
    }

    fn take(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.next)?;
        self.next += 1;
        Some(word)
    }

    fn value(&mut self, option: &str) -> Result<&'a str, Invalid> {
        let missing = || Invalid::new(format!("`{option}` has nothing behind it"), "write its value");
        self.take().ok_or_else(missing)
    }

    fn option(&mut self, option: &str, not: bool, given: Option<&'a str>) -> Result<(), Invalid> {
        let start = self.next.saturating_sub(1);
        // `-d ! 10.0.0.0/8`, as it was written once.
        let mut not = Not(not);
        let mut value = |reader: &mut Self| -> Result<&'a str, Invalid> {
            let value = given.map_or_else(|| reader.value(option), Ok)?;
            if value != "!" {
                return Ok(value);
            }
            not = Not(true);
            reader.value(option)
        };
        let family = self.family;
        match option {
            "-i" | "--in-interface" | "-o" | "--out-interface" => {
                let Some(pattern) = words::interface(value(self)?)? else { return Ok(()) };
                let patterns = vec![pattern];
                let incoming = matches!(option, "-i" | "--in-interface");
                self.add(if incoming { Match::Incoming(not, patterns) } else { Match::Outgoing(not, patterns) });
            }
            "-s" | "--source" | "--src" => {
                let spans = words::addresses(value(self)?, family)?;
                self.add(Match::Source(not, family, spans));
            }
            "-d" | "--destination" | "--dst" => {
                let spans = words::addresses(value(self)?, family)?;
                self.add(Match::Destination(not, family, spans));
            }
            "--src-range" => {
                let spans = words::range(value(self)?, family)?;
                self.add(Match::Source(not, family, spans));
            }
            "--dst-range" => {
                let spans = words::range(value(self)?, family)?;
                self.add(Match::Destination(not, family, spans));
            }
            "-p" | "--protocol" | "--proto" => {
                if let Some(protocol) = words::protocol(value(self)?)? {
                    self.add(Match::Protocol(not, vec![protocol]));
                }
            }
            "--dport" | "--destination-port" | "--dports" | "--destination-ports" => {
                let ports = words::ports(value(self)?, self.services)?;
                self.add(Match::Ports(not, ports));
            }
            "--sport" | "--source-port" | "--sports" | "--source-ports" => {
                let ports = words::ports(value(self)?, self.services)?;
                self.add(Match::SourcePorts(not, ports));
            }
            "--syn" => self.add(Match::Syn(not)),
            "--tcp-flags" => {
                let (mask, flags) = (value(self)?.to_owned(), self.value(option)?);
                let mut looked: Vec<&str> = mask.split(',').collect();
                looked.sort_unstable();
                match (looked.as_slice(), flags) {
                    (["ACK", "FIN", "RST", "SYN"], "SYN") => self.add(Match::Syn(not)),
                    _ => self.unsupported(
                        start,
                        "a grant or a denied range has no flags of TCP; leave the rule to iptables",
                    ),
                }
            }
            "--ctstate" | "--state" => {
                let bits = words::states(value(self)?)?;
                self.add(Match::State(not, bits));
            }
            "--ctdir" => match value(self)?.to_ascii_uppercase().as_str() {
                "REPLY" => self.add(Match::Reply(!not.0)),
                "ORIGINAL" => self.add(Match::Reply(not.0)),
                _ => self.unsupported(start, "write REPLY or ORIGINAL"),
            },
            "--limit" | "--hashlimit" | "--hashlimit-upto" | "--hashlimit-above" => {
                let text = value(self)?;
                let limit = self.limit();
                limit.rate = words::rate(text);
                limit.above = (option == "--hashlimit-above") != not.0;
            }
            "--limit-burst" | "--hashlimit-burst" => {
                let burst = value(self)?.parse().ok();
                self.limit().burst = burst;
            }
            "--hashlimit-mode" => {
                let each = value(self)?.to_owned();
                self.limit().each = Some(each);
            }
            // Its table is the meter's, whose sizes and times are dockwall's own.
            option if option.starts_with("--hashlimit-") => {
                value(self)?;
                self.limit();
            }
            "--comment" => self.rule.comment = Some(value(self)?.to_owned()),
            "-m" | "--match" => self.module(start, not)?,
            "-j" | "--jump" => {
                let target = value(self)?;
                self.target(target, start);
            }
            "-g" | "--goto" => self.rule.target = Target::Goto(value(self)?.to_owned()),
            "--log-prefix" | "--nflog-prefix" => self.log.prefix = Some(value(self)?.to_owned()),
            "--nflog-group" => self.log.group = Some(value(self)?.parse().unwrap_or_default()),
            "--log-level" | "--nflog-threshold" | "--nflog-size" | "--nflog-range" | "--reject-with" => {
                value(self)?;
            }
            "-c" | "--set-counters" => {
                value(self)?;
                self.value(option)?;
            }
            "-w" | "--wait" | "-W" | "--wait-interval" => {
                // Its number may be left out.
                if self.words.get(self.next).is_some_and(|word| word.parse::<u32>().is_ok()) {
                    self.next += 1;
                }
            }
            "--log-tcp-sequence" | "--log-tcp-options" | "--log-ip-options" | "--log-uid" | "-4" | "-6" | "-v"
            | "--verbose" | "-n" | "--numeric" | "--ipv4" | "--ipv6" => {}
            "--match-set" => {
                let set = value(self)?.to_owned();
                self.skip();
                self.unsupported(
                    start,
                    &format!(
                        "`ipset list {set}` shows its members: write them to deny.ranges, or a [[grant]] for each"
                    ),
                );
            }
            option if option.starts_with('-') => {
                self.skip();
                self.unsupported(
                    start,
                    "dockwall decides by interface, address, protocol and port; leave the rule to iptables",
                );
            }
            word => {
                let problem = format!("`{}` is no option of iptables", word.escape_debug());
                return Err(Invalid::new(
                    problem,
                    "write one rule a line, with what has spaces in it in quotation marks",
                ));
            }
        }
        Ok(())
    }

    /// The values of an option that is not known.
    fn skip(&mut self) {
        while self.words.get(self.next).is_some_and(|word| word != "!" && !word.starts_with('-')) {
            self.next += 1;
        }
    }

    /// `-m NAME`: those of which no option speaks stand for themselves.
    fn module(&mut self, start: usize, not: Not) -> Result<(), Invalid> {
        let name = self.value("-m")?;
        match name {
            "hashlimit" | "limit" => {
                // `limit`'s defaults, iptables-extensions(8).
                let limit = self.limit();
                if name == "limit" && limit.rate.is_none() {
                    (limit.rate, limit.burst) = (words::rate("3/hour"), Some(5));
                }
            }
            "socket" | "u32" | "bpf" | "cluster" | "quota" | "rpfilter" | "statistic" => {
                self.unsupported(
                    start,
                    "dockwall decides by interface, address, protocol and port; leave the rule to iptables",
                );
            }
            _ if not.0 => self.unsupported(start, "write what it is to be, not what not"),
            _ => {}
        }
        Ok(())
    }

    fn limit(&mut self) -> &mut Limit {
        self.limit.get_or_insert(Limit { rate: None, burst: None, each: None, above: false })
    }

    fn target(&mut self, name: &str, start: usize) {
        self.rule.target = match name {
            "ACCEPT" => Target::Accept,
            "DROP" => Target::Drop,
            "REJECT" | "%%REJECT%%" => Target::Reject,
            "RETURN" => Target::Return,
            "LOG" | "NFLOG" => Target::Log(Log::default()),
            name if super::TARGETS.contains(&name) => {
                self.skip_all();
                let text = self.text(start);
                Target::Other(Unsupported {
                    text,
                    cure: "dockwall only lets packets go on or turns them away; leave it to iptables".into(),
                })
            }
            name => Target::Jump(name.to_owned()),
        };
    }

    fn skip_all(&mut self) {
        self.next = self.words.len();
    }

    fn text(&self, start: usize) -> String {
        self.words.get(start..self.next).unwrap_or_default().join(" ")
    }

    fn unsupported(&mut self, start: usize, cure: &str) {
        let text = self.text(start);
        self.add(Match::Other(Unsupported { text, cure: cure.to_owned() }));
    }

    fn add(&mut self, condition: Match) {
        self.rule.matches.push(condition);
    }

    fn finish(mut self) -> Rule {
        if let Some(limit) = self.limit.take() {
            self.rule.matches.push(Match::Limit(limit));
        }
        if let Target::Log(log) = &mut self.rule.target {
            *log = self.log;
        }
        self.rule
    }
}
