//! The wall in numbers, for Prometheus (text format 0.0.4, which node_exporter's textfile collector reads).
//!
//! Names and units as Prometheus asks for (base units, `_total` for what only grows). Each counter is one of the
//! kernel's, never reckoned from two of them, so that none goes backwards unless its rule was made anew.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use prometheus::proto::{MetricFamily, MetricType};
use prometheus::{GaugeVec, IntCounterVec, Opts, Registry, TextEncoder};
use serde::Serialize;

use super::{Count, Coverage, Wall, What, family_word};
use crate::config::Mode;
use crate::generation::GuardRecord;

/// What every name begins with.
const NAMESPACE: &str = "dockwall";
/// So many containers have a number of their own; the others are one.
const MOST_CONTAINERS: usize = 20;
/// What stands for them, and for addresses that are no container's.
const OTHERS: &str = "other";

/// What there is to tell of.
#[derive(Debug, Clone, Default)]
pub struct Sample<'a> {
    /// Whether denied packets are dropped.
    pub enforced: bool,
    /// The table in force; none without one.
    pub wall: Option<&'a Wall>,
    /// When its generation was applied.
    pub applied: Option<Timestamp>,
    /// Whether it goes back unless somebody confirms it.
    pub unconfirmed: bool,
    /// How many chains of others drop what is granted.
    pub shadows: Option<usize>,
    /// Which containers it is for; none where Docker tells nothing.
    pub coverage: Option<&'a Coverage>,
    /// How full the meters are.
    pub meters: Vec<Fill>,
    /// The flows in them, by who began them.
    pub flows: Vec<FlowCount>,
    /// Whether a guard runs.
    pub has_guard: bool,
    /// What it did.
    pub guarded: Option<GuardRecord>,
}

/// How full a meter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// Its name.
    pub meter: String,
    /// How many flows it remembers.
    pub flows: usize,
    /// How many it can.
    pub size: u32,
}

/// A denied flow that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowCount {
    /// Whose it is; none for an address that is no container's.
    pub container: Option<String>,
    /// Its packets; none where the kernel does not count by flow.
    pub packets: Option<u64>,
}

/// Numbers, ready to be written.
#[derive(Debug)]
pub struct Metrics(Registry);

/// The same for programs that read JSON.
#[derive(Debug, Serialize)]
pub struct Family {
    name: String,
    r#type: &'static str,
    help: String,
    samples: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct Value {
    labels: BTreeMap<String, String>,
    value: f64,
}

type Result<T> = prometheus::Result<T>;

impl Metrics {
    /// What is told where the kernel could not be read: that, and nothing that could be taken for the wall's.
    ///
    /// # Errors
    /// None but by a mistake in this file, as for all here.
    pub fn down() -> Result<Self> {
        let metrics = Self(Registry::new());
        metrics.gauge("up", "Whether the kernel could be read; nothing else is known where it is 0.", 0.0)?;
        metrics.build()?;
        Ok(metrics)
    }

    /// All that is told of a sample.
    ///
    /// # Errors
    /// As above.
    pub fn of(sample: &Sample) -> Result<Self> {
        let metrics = Self(Registry::new());
        metrics.gauge("up", "Whether the kernel could be read; nothing else is known where it is 0.", 1.0)?;
        metrics.build()?;
        metrics.state(sample)?;
        metrics.around(sample)?;
        metrics.memory(sample)?;
        if let Some(wall) = sample.wall {
            metrics.counted(wall)?;
        }
        Ok(metrics)
    }

    /// The exposition.
    ///
    /// # Errors
    /// As above.
    pub fn text(&self) -> Result<String> {
        TextEncoder::new().encode_to_string(&self.0.gather())
    }

    /// The families with their samples.
    pub fn families(&self) -> Vec<Family> {
        self.0.gather().iter().map(family).collect()
    }

    fn build(&self) -> Result<()> {
        let version = env!("CARGO_PKG_VERSION");
        self.gauges("build_info", "Which dockwall tells this.", &["version"], [([version], 1.0)])
    }

    fn state(&self, sample: &Sample) -> Result<()> {
        self.gauge("enforced", "Whether denied packets are really dropped.", truth(sample.enforced))?;
        let mode = sample.wall.and_then(|wall| wall.mode);
        let modes = [("audit", Mode::Audit), ("enforce", Mode::Enforce)];
        let modes = modes.map(|(name, one)| ([name], truth(mode == Some(one))));
        self.gauges("mode", "The mode that the table in force is in.", &["mode"], modes)?;
        self.gauge("present", "Whether there is a table of dockwall's.", truth(sample.wall.is_some()))?;
        if let Some(wall) = sample.wall {
            self.gauge("hooked", "Whether packets meet the table.", truth(wall.hooked))?;
            self.gauge("drifted", "Whether somebody changed the table since it was applied.", truth(wall.drifted))?;
            let generation = wall.generation.map(number);
            self.known("generation", "The generation in force.", generation)?;
            self.gauge("denied_networks", "Networks that are closed to containers.", count(wall.denied_networks))?;
            self.gauge("exceptions", "Elements of the sets of grants.", count(wall.exceptions))?;
        }
        self.gauge("unconfirmed", "Whether the change goes back by itself.", truth(sample.unconfirmed))?;
        let applied = sample.applied.map(seconds);
        self.known("last_apply_timestamp_seconds", "When the generation in force was applied.", applied)?;
        self.gauge("guard_running", "Whether a guard is at work.", truth(sample.has_guard))?;
        if let Some(record) = sample.guarded {
            let help = "How often a guard put the table back.";
            self.counters("guard_repairs_total", help, &[], [([], record.repairs)])?;
            let last = record.last.map(seconds);
            self.known("guard_last_repair_timestamp_seconds", "When it did so last.", last)?;
        }
        Ok(())
    }

    fn around(&self, sample: &Sample) -> Result<()> {
        let shadows = sample.shadows.map(count);
        self.known("shadowing_chains", "Chains of others that drop what is granted.", shadows)?;
        let Some(coverage) = sample.coverage else {
            return Ok(());
        };
        let mut past: Vec<&str> = coverage.not_covered.iter().map(|past| past.container.as_str()).collect();
        past.dedup();
        let containers = [(["true"], count(coverage.containers)), (["false"], count(past.len()))];
        self.gauges(
            "containers",
            "Running containers whose packets meet the wall, and those with some that do not.",
            &["covered"],
            containers,
        )
    }

    fn memory(&self, sample: &Sample) -> Result<()> {
        let fill = |value: fn(&Fill) -> f64| sample.meters.iter().map(move |fill| ([fill.meter.as_str()], value(fill)));
        let flows = fill(|fill| count(fill.flows));
        self.gauges("meter_flows", "Denied flows that a meter remembers.", &["meter"], flows)?;
        let size = fill(|fill| f64::from(fill.size));
        let help = "Flows that a meter can remember; denied ones beyond that are dropped without being remembered.";
        self.gauges("meter_size_flows", help, &["meter"], size)?;
        let by = by_container(&sample.flows);
        let flows = by.iter().map(|(name, (flows, _))| ([*name], number(*flows)));
        self.gauges("remembered_flows", "Denied flows that are remembered, by container.", &["container"], flows)?;
        let packets = by.iter().filter_map(|(name, (_, packets))| Some(([*name], number((*packets)?))));
        let help = "Packets of the denied flows that are remembered, by container.";
        self.gauges("remembered_packets", help, &["container"], packets)
    }

    fn counted(&self, wall: &Wall) -> Result<()> {
        let by_chain = [
            (What::Denied, "denied", "that were dropped, or would have been"),
            (What::DeniedToHost, "denied_to_host", "of the denied that were for the host itself"),
            (What::Granted, "granted", "that a grant let through"),
            (What::Invalid, "invalid", "of no flow that were dropped without a log, or would have been"),
            (
                What::ForEverybody,
                "for_everybody",
                "for everybody on a link that were kept from the host without a log, or would have been",
            ),
        ];
        for (what, name, which) in by_chain {
            for (unit, help, of) in UNITS {
                let counters = wall.counters.iter().filter(|counted| counted.what == what);
                let values = counters.map(|counted| {
                    let family = counted.family.map_or("any", family_word);
                    ([counted.chain.as_str(), family], of(counted.count))
                });
                self.counters(
                    &format!("{name}_{unit}_total"),
                    &format!("{help} {which}."),
                    &["chain", "family"],
                    values,
                )?;
            }
        }
        let help = "Packets that came into the log.";
        self.counters("logged_packets_total", help, &[], wall.logs.then_some(([], wall.logged.packets)))
    }

    fn gauge(&self, name: &str, help: &str, value: f64) -> Result<()> {
        self.gauges(name, help, &[], [([], value)])
    }

    /// A gauge of what is known, or none.
    fn known(&self, name: &str, help: &str, value: Option<f64>) -> Result<()> {
        value.map_or(Ok(()), |value| self.gauge(name, help, value))
    }

    fn gauges<'v, const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str; N],
        values: impl IntoIterator<Item = ([&'v str; N], f64)>,
    ) -> Result<()> {
        let gauges = GaugeVec::new(Opts::new(name, help).namespace(NAMESPACE), labels)?;
        for (labels, value) in values {
            gauges.get_metric_with_label_values(&labels)?.set(value);
        }
        self.0.register(Box::new(gauges))
    }

    fn counters<'v, const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str; N],
        values: impl IntoIterator<Item = ([&'v str; N], u64)>,
    ) -> Result<()> {
        let counters = IntCounterVec::new(Opts::new(name, help).namespace(NAMESPACE), labels)?;
        for (labels, value) in values {
            counters.get_metric_with_label_values(&labels)?.inc_by(value);
        }
        self.0.register(Box::new(counters))
    }
}

/// A unit's name, what a help begins with, and where it is counted.
type Unit = (&'static str, &'static str, fn(Count) -> u64);
const UNITS: [Unit; 2] =
    [("packets", "Packets", |count| count.packets), ("bytes", "Bytes of packets", |count| count.bytes)];

/// Flows and packets by container: those with most flows each for itself, the rest together.
fn by_container(flows: &[FlowCount]) -> BTreeMap<&str, (u64, Option<u64>)> {
    let mut all: BTreeMap<&str, (u64, Option<u64>)> = BTreeMap::new();
    let add = |all: &mut BTreeMap<_, _>, name, (flows, packets): (u64, Option<u64>)| {
        let (known, sum) = all.entry(name).or_insert((0, Some(0)));
        *known += flows;
        *sum = sum.zip(packets).map(|(sum, packets): (u64, u64)| sum + packets);
    };
    for flow in flows {
        add(&mut all, flow.container.as_deref().unwrap_or(OTHERS), (1, flow.packets));
    }
    let mut ranked: Vec<_> = all.into_iter().collect();
    ranked.sort_by_key(|(name, (flows, _))| (*name == OTHERS, Reverse(*flows)));
    let mut kept = BTreeMap::new();
    for (rank, (name, sums)) in ranked.into_iter().enumerate() {
        add(&mut kept, if rank < MOST_CONTAINERS { name } else { OTHERS }, sums);
    }
    kept
}

fn truth(value: bool) -> f64 {
    f64::from(u8::from(value))
}

// Exact up to 2^53, as every number of Prometheus.
#[allow(clippy::cast_precision_loss)]
fn number(value: u64) -> f64 {
    value as f64
}

fn count(value: usize) -> f64 {
    number(value as u64)
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

fn family(family: &MetricFamily) -> Family {
    let is_counter = family.get_field_type() == MetricType::COUNTER;
    let samples = family.get_metric().iter().map(|metric| {
        let labels = metric.get_label().iter().map(|pair| (pair.name().to_owned(), pair.value().to_owned()));
        let value = if is_counter { metric.get_counter().get_value() } else { metric.get_gauge().get_value() };
        Value { labels: labels.collect(), value }
    });
    Family {
        name: family.name().to_owned(),
        r#type: if is_counter { "counter" } else { "gauge" },
        help: family.help().to_owned(),
        samples: samples.collect(),
    }
}

#[cfg(test)]
mod tests;
