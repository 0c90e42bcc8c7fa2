//! Many probes of one namespace at once: a table of verdicts in little more than one timeout.

use std::io::{Read, stdin};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::{fs, io};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::probe::{DEFAULT_SIZE, DEFAULT_TIMEOUT, Kind, Probe, Verdict};

/// Probes that run at the same time.
const AT_ONCE: usize = 256;

/// Ask many servers at once: prints each line of FILE with its verdict, in the same order
///
/// A line is `tcp ADDRESS PORT [SIZE]`, `udp ADDRESS PORT [SIZE]`, `ping ADDRESS [SIZE]`, `dns ADDRESS PORT`
/// or `dns-tcp ADDRESS PORT`; empty lines and those that begin with # are left out. The verdict (see `traffic probe --help`) follows
/// the line after one space. The exit status is 0 whatever the verdicts are.
#[derive(Args)]
pub struct Probes {
    /// Where the lines are; - is standard input
    file: PathBuf,

    /// Milliseconds to wait, as in `traffic probe`
    #[arg(long, value_name = "MS", default_value_t = DEFAULT_TIMEOUT)]
    timeout: u64,
}

impl Probes {
    pub fn run(&self) -> Result<ExitCode> {
        let text = self.read().with_context(|| format!("cannot read {}", self.file.display()))?;
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        let probes = lines
            .iter()
            .map(|line| self.parse(line).with_context(|| format!("cannot understand `{line}`")))
            .collect::<Result<Vec<Probe>>>()?;
        for (lines, probes) in lines.chunks(AT_ONCE).zip(probes.chunks(AT_ONCE)) {
            for (line, verdict) in lines.iter().zip(verdicts(probes)) {
                println!("{line} {verdict}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn read(&self) -> io::Result<String> {
        if self.file.as_os_str() != "-" {
            return fs::read_to_string(&self.file);
        }
        let mut text = String::new();
        stdin().read_to_string(&mut text)?;
        Ok(text)
    }

    fn parse(&self, line: &str) -> Result<Probe> {
        let mut words = line.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let kind = Kind::from_str(kind, false).map_err(anyhow::Error::msg)?;
        let address = words.next().context("an address is missing")?.parse()?;
        let port = match kind {
            Kind::Ping => 0,
            _ => words.next().context("a port is missing")?.parse()?,
        };
        let size = words.next().map_or(Ok(DEFAULT_SIZE), str::parse)?;
        if let Some(word) = words.next() {
            bail!("`{word}` is too much");
        }
        Ok(Probe { kind, address, port, size, timeout: self.timeout, source_port: None })
    }
}

fn verdicts(probes: &[Probe]) -> Vec<Verdict> {
    thread::scope(|scope| {
        let threads: Vec<_> = probes.iter().map(|probe| scope.spawn(|| probe.verdict())).collect();
        let died = |_| Verdict::Error("the probe panicked".to_owned());
        let verdict = |thread: thread::ScopedJoinHandle<Verdict>| thread.join().unwrap_or_else(died);
        threads.into_iter().map(verdict).collect()
    })
}
