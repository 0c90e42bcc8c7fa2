//! `traffic`: the packets of the test lab.
//!
//! One program with both ends of every conversation the tests need: [`serve`] answers and counts,
//! the other subcommands ask, flood, scan or keep a connection busy. Results are printed for
//! machines: one word for a probe, one line of JSON for everything that counts.
//!
//! It is a package of its own, so that the lab builds without what the tests need besides; the lab
//! copies the program and runs it inside network namespaces and containers.

mod address;
mod blast;
mod connect;
mod counts;
mod dns;
mod download;
mod forge;
mod local;
mod open_files;
mod payload;
mod probe;
mod probes;
mod raw;
mod resolve;
mod scan;
mod serve;
mod session;
mod stats;
mod stop;
mod tunnel;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Makes and answers the packets of the test lab.
#[derive(Parser)]
#[command(name = "traffic")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Serve),
    Stats(stats::Stats),
    Probe(probe::Probe),
    Probes(probes::Probes),
    Resolve(resolve::Resolve),
    Download(download::Download),
    Blast(blast::Blast),
    Connect(connect::Connect),
    Scan(scan::Scan),
    Session(session::Session),
    Forge(forge::Forge),
    Raw(raw::Raw),
    Tunnel(tunnel::Tunnel),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Stats(stats) => stats.run(),
        Command::Probe(probe) => probe.run(),
        Command::Probes(probes) => probes.run(),
        Command::Resolve(resolve) => resolve.run(),
        Command::Download(download) => download.run(),
        Command::Blast(blast) => blast.run(),
        Command::Connect(connect) => connect.run(),
        Command::Scan(scan) => scan.run(),
        Command::Session(session) => session.run(),
        Command::Forge(forge) => forge.run(),
        Command::Raw(raw) => raw.run(),
        Command::Tunnel(tunnel) => tunnel.run(),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("traffic: {error:#}");
        ExitCode::from(2)
    })
}
