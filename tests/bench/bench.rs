//! `bench`: dockwall beside `nft -f` and `iptables-restore`, for the same policy in the same kernel.
//!
//! What is timed is whole processes, from before they are started until they have ended. The two
//! sides of a comparison take turns, so that a noisy machine is noisy for both, and every turn
//! begins in the same state. All of it happens in a network namespace that is made for it.
//!
//! It is an example target, built by `scripts/bench`, which calls it.

mod arena;
mod case;
mod cases;
mod comparison;
mod input;
mod machine;
#[path = "../support/netns.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "written for the tests, of which this needs a part")]
mod netns;
mod path;
mod program;
mod report;
mod round;
mod samples;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Parser;

use arena::Arena;
use cases::{Group, Sizes};
use machine::Machine;

/// Measures dockwall beside nft and iptables-restore. Needs root.
#[derive(Parser)]
#[command(name = "bench", max_term_width = 100)]
struct Arguments {
    /// How often each side of a comparison runs
    #[arg(long, value_name = "N", default_value = "11", value_parser = clap::value_parser!(u16).range(7..))]
    runs: u16,
    /// How many denied networks large policies have; of these --path takes the largest
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1000,10000,100000,1000000",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    networks: Vec<u32>,
    /// How many grants policies have
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "10000,100000",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    grants: Vec<u32>,
    /// Only these of the groups
    #[arg(long, value_name = "GROUP,…", value_delimiter = ',')]
    only: Vec<Group>,
    /// Put the results into this document, in the place of those that are there
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
    /// End with status 1 if a bar is missed
    #[arg(long)]
    check: bool,
    /// Measure what a packet costs on its way through the host
    #[arg(long)]
    path: bool,
    /// Measure packets at the rulesets in that directory, beside the recipe
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "path")]
    shapes: Option<PathBuf>,
    /// The program to measure [default: the one that was built with this one]
    #[arg(long, value_name = "FILE")]
    dockwall: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    ensure!(rustix::process::geteuid().is_root(), "programming a kernel needs root: sudo scripts/bench");
    let dockwall = match arguments.dockwall {
        Some(path) => path,
        None => built_beside()?,
    };
    if arguments.path || arguments.shapes.is_some() {
        let Arguments { runs, json, write, shapes, networks, .. } = arguments;
        let networks = networks.into_iter().max().unwrap_or_default();
        let met = path::run(&dockwall, &path::Options { runs, networks, json, write, shapes })?;
        return Ok(if arguments.check && !met { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    let arena = Arena::make(&dockwall)?;
    let machine = Machine::read(&dockwall, arena.directory())?;
    if !arguments.json {
        report::print_machine(&machine, arguments.runs);
    }
    let Arguments { networks, grants, runs, only, .. } = arguments;
    let sizes = Sizes { networks, grants, runs, only };
    // On standard error, so that one sees how far it is.
    let comparisons = cases::measure_all(&arena, &sizes, &mut |one| {
        eprintln!("measured: {}, {:.3} of {}", one.what, one.ratio(), one.rival);
    })?;
    if arguments.json {
        report::print_json(&machine, runs, &comparisons)?;
    } else {
        report::print_table(&comparisons);
    }
    if let Some(document) = &arguments.write {
        report::write(document, report::BEGIN, &report::document(&machine, runs, &comparisons))?;
    }
    let missed = comparisons.iter().any(|comparison| comparison.met() == Some(false));
    Ok(if arguments.check && missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// `target/release/dockwall` for `target/release/examples/bench`.
fn built_beside() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let directory = own.parent().and_then(|examples| examples.parent()).context("this program lies in no directory")?;
    Ok(directory.join("dockwall"))
}
