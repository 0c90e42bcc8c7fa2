//! `dockwall import`

mod as_json;
mod compared;
mod sheet;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::context::Context;
use super::exit::Outcome;
use super::page;
use crate::config::{self, Config};
use crate::host::Services;
use crate::import::{Kind, Status, Translation, read, translate, write};

const EXAMPLES: &str = "\
Examples:
  sudo firewall-cmd --permanent --direct --get-all-rules | dockwall import -
                                                  what firewalld's direct interface holds
  dockwall import /etc/firewalld/direct.xml --output dockwall.toml
  sudo iptables-save | dockwall import -          DOCKER-USER and the chains behind it; ip6tables-save as well
  dockwall import firewall.sh                     a script of iptables or firewall-cmd commands: read, never run
  dockwall import /etc/ufw/after.rules            ufw-docker's block
  sudo iptables-save | dockwall import - --compare
                                                  which packets would fare otherwise, and why
  sudo iptables-save | dockwall import - --compare --config dockwall.toml
                                                  the same of a configuration that was edited since

What is written is a beginning: look at what was not carried over, then
  dockwall check --config dockwall.toml           what it means on this host
  sudo dockwall apply --config dockwall.toml --mode audit

With --json: {kind, written_to, text, lines: [{line, text, status, said, cures}], notes, counts}. status is carried, implied, changed,
not_carried, left_alone or no_rule; there is one entry for every line that was read. With --compare: {kind, packets, whole, differing, unexplained,
groups: [{reason, line, theirs, ours, packets: [{hook, incoming, outgoing, source, destination, protocol, port, flow}]}]}; theirs and ours are
passes, dropped, rejected or unknown; reason is null where nothing explains it.

Exit status: 0 every line is carried over, implied or changed on purpose; 4 some line could not be carried over, or with --compare
some packet fares otherwise for no reason of the report; 3 the text cannot be read.";

/// Make a configuration of the rules that there are.
///
/// Reads what is in force today as data, and runs nothing: the rules of firewalld's direct interface, iptables, a script of
/// either, or ufw-docker's block. Prints a configuration with the same meaning, and on standard error what
/// became of each line: carried over, implied by a default, changed on purpose, or not carried over and what to do
/// about it. Needs no privilege and changes nothing.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Import {
    /// The rules, `-` for standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Read it as this, whatever it looks like
    #[arg(long, value_name = "KIND")]
    from: Option<Kind>,
    /// Write the configuration to this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave open what the rules leave open: the host, the networks on its links; and grant no resolver
    #[arg(long)]
    literal: bool,
    /// Ask both, the rules and the configuration, about the same packets, and list those that fare otherwise
    #[arg(long, conflicts_with = "output")]
    compare: bool,
}

/// The longest text that is read, in bytes.
const LONGEST: u64 = 64 << 20;

impl Import {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let name = if self.is_stdin() { "standard input".to_owned() } else { self.file.display().to_string() };
        let services = Services::read();
        let named =
            |word: &str| (1..=u16::MAX).find(|port| [6, 17].iter().any(|it| services.name(*port, *it) == Some(word)));
        let source = read(&self.text(&name)?, self.from, &named).with_context(|| format!("cannot read {name}"))?;
        let translation = translate(&source, self.literal);
        let Translation { plan, report } = &translation;
        let text = write(plan, &name);
        // What is written has to be read again.
        let loaded = Config::parse("the imported configuration", &text)?;
        if self.compare {
            let config = if context.config_option().is_some() { context.load()?.config } else { loaded.config };
            return compared::run(context, &source, &translation, &config);
        }
        if let Some(output) = &self.output {
            config::write_new_file(output, &text)?;
        }
        match context.json {
            true => page::json(&as_json::as_json(source.kind, &text, report, self.output.as_deref())),
            false => {
                if self.output.is_none() {
                    anstream::print!("{text}");
                }
                sheet::print(report, source.kind, context.verbose);
                sheet::print_next(self.output.as_deref(), &loaded.warnings);
            }
        }
        Ok(if report.count(Status::NotCarried) == 0 { Outcome::Done } else { Outcome::NotSo })
    }

    fn is_stdin(&self) -> bool {
        self.file == Path::new("-")
    }

    fn text(&self, name: &str) -> anyhow::Result<String> {
        let mut bytes = Vec::new();
        let read = match self.is_stdin() {
            true => io::stdin().lock().take(LONGEST).read_to_end(&mut bytes),
            false => File::open(&self.file).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)),
        };
        read.with_context(|| format!("cannot read {name}"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
