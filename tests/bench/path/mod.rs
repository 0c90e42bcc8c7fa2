//! What a packet on its way through a Docker host costs, and what a wall adds to it.
//!
//! A container, the host and everything beyond are three network namespaces in a row, once for each wall. One
//! thread, kept on one processor, sends; a veth hands each packet on before the call that sends it returns, so that
//! the time this thread had of the processor is the packet's whole way. Each run of a wall stands between two runs
//! without rules, and counts as a ratio to those two.

mod bars;
mod lane;
mod measure;
mod packets;
mod recipe;
mod sender;
mod shapes;
mod table;
mod throughput;
mod wall;
mod walls;

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use crate::machine::Machine;
use crate::report;
use bars::Bar;
use lane::Lane;
use packets::{Kind, Version};
use table::Table;
use wall::Wall;
use walls::names;

/// What to measure, and what to do with it.
pub struct Options {
    /// How often each wall is measured by each kind of packet.
    pub runs: u16,
    /// The most denied networks that dockwall is measured with.
    pub networks: u32,
    /// Print JSON.
    pub json: bool,
    /// A document that keeps the tables.
    pub write: Option<PathBuf>,
    /// A directory of rulesets to measure, in place of dockwall.
    pub shapes: Option<PathBuf>,
}

/// Measures, prints, and says whether every bar is met.
pub fn run(dockwall: &Path, options: &Options) -> anyhow::Result<bool> {
    let beside = dockwall.parent().context("dockwall lies in no directory")?;
    let directory = tempfile::Builder::new().prefix("bench-path-").tempdir_in(beside)?;
    let machine = Machine::read(dockwall, directory.path())?;
    let walls = match &options.shapes {
        Some(shapes) => shapes::walls(shapes)?,
        None => walls::all(dockwall, directory.path(), options.networks)?,
    };
    let lanes: Vec<Lane> = walls.iter().map(raise).collect::<anyhow::Result<_>>()?;
    let processor = sender::pin()?;
    let kinds = if options.shapes.is_some() { shapes::KINDS.as_slice() } else { Kind::ALL.as_slice() };
    let mut tables = Vec::new();
    for kind in kinds {
        tables.push(measure_kind(*kind, &walls, &lanes, options)?);
    }
    let throughput = match options.shapes {
        Some(_) => Vec::new(),
        None => throughput(&walls, &lanes, options.runs.min(9))?,
    };
    let bars = if options.shapes.is_some() { Vec::new() } else { bars::all(&tables) };
    let met = bars.iter().all(Bar::met);
    if options.json {
        let tables: Vec<_> = tables.iter().map(Table::to_json).collect();
        let tcp: Vec<_> = throughput.iter().map(|(wall, cost)| json!({ "wall": wall, "gigabits": cost.nanoseconds.median(), "ratio": cost.ratio.median() })).collect();
        let told = json!({ "machine": machine, "runs": options.runs, "packets": tables, "tcp": tcp, "bars": bars });
        println!("{}", serde_json::to_string_pretty(&told)?);
        return Ok(met);
    }
    let mut text = format!("{}\n", head(&machine, processor, options.runs));
    if !bars.is_empty() {
        text += &format!("\n{}", table::bars_markdown(&bars));
    }
    for table in &tables {
        text += &format!("\n{}", table.to_markdown());
    }
    if !throughput.is_empty() {
        text += &format!("\n{}", table::throughput_markdown(&throughput));
    }
    print!("{text}");
    if let Some(document) = &options.write {
        keep(document, &text)?;
    }
    Ok(met)
}

fn raise(wall: &Wall) -> anyhow::Result<Lane> {
    let lane = Lane::make()?;
    eprintln!("raising: {}", wall.name);
    wall.raise(&lane).with_context(|| wall.name.clone())?;
    Ok(lane)
}

fn measure_kind(kind: Kind, walls: &[Wall], lanes: &[Lane], options: &Options) -> anyhow::Result<Table> {
    eprintln!("sending: {}", kind.title());
    let met = |wall: &Wall| options.shapes.is_some() || walls::meets(kind, &wall.name);
    let (names, lanes): (Vec<&str>, Vec<&Lane>) =
        walls.iter().zip(lanes).filter(|(wall, _)| met(wall)).map(|(wall, lane)| (wall.name.as_str(), lane)).unzip();
    let four = measure::measure(&lanes, kind, Version::Four, options.runs)?;
    let six = measure::measure(&lanes, kind, Version::Six, options.runs)?;
    let rows =
        names.into_iter().zip(four.into_iter().zip(six)).map(|(name, (four, six))| (name.to_owned(), [four, six]));
    Ok(Table { kind, rows: rows.collect() })
}

/// Of a few walls: a connection by TCP has large packets, and few of them.
fn throughput(walls: &[Wall], lanes: &[Lane], runs: u16) -> anyhow::Result<Vec<(String, measure::Cost)>> {
    let chosen =
        [names::NONE, names::AGAIN, names::RECIPE_NFT, names::RECIPE_LEGACY, names::DOCKWALL, &walls::most_grants()];
    let (names, lanes): (Vec<String>, Vec<&Lane>) = walls
        .iter()
        .zip(lanes)
        .filter(|(wall, _)| chosen.contains(&wall.name.as_str()))
        .map(|(wall, lane)| (wall.name.clone(), lane))
        .unzip();
    Ok(names.into_iter().zip(throughput::measure(&lanes, runs)?).collect())
}

fn head(machine: &Machine, processor: usize, runs: u16) -> String {
    let counters = if sender::counts_instructions() { "" } else { "; this machine lets nobody count instructions" };
    format!(
        "{}, Linux {}, load {}\n{}\nnanoseconds of processor {processor} for each UDP packet of 46 bytes, medians of {runs} runs \
         between runs without rules{counters}",
        machine.processors,
        machine.kernel,
        machine.load,
        machine.versions.join(", ")
    )
}

const BEGIN: &str = "<!-- written by scripts/bench --path --write -->\n";

/// Puts the text between the marks of a document.
fn keep(document: &Path, text: &str) -> anyhow::Result<()> {
    let (head, tables) = text.split_once("\n\n").unwrap_or((text, ""));
    report::write(document, BEGIN, &format!("```text\n{head}\n```\n\n{tables}"))
}
