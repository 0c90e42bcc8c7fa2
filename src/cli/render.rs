//! `dockwall render`

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::Context;
use super::exit::Outcome;
use super::page;
use super::progress::Progress;
use crate::config::Mode;
use crate::host::kernel_release;
use crate::ruleset::{Chain, Features, Set, Table, compile};

/// Print the ruleset that `apply` would put in the kernel.
///
/// `nft -f` of the text makes the same table. Needs no privilege and changes nothing.
///
/// As JSON: {table, sets: [{name, type, dynamic, interval, size, timeout_ms, elements}],
/// chains: [{name, comment, base, rules}]}, elements and rules in nft's words.
#[derive(Debug, Args)]
pub struct Render {
    /// As nft's own syntax, or as JSON
    #[arg(long, value_name = "FORMAT", default_value = "nft")]
    format: Format,
    /// In this mode, whatever the configuration says
    #[arg(long, value_name = "audit|enforce")]
    mode: Option<Mode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Nft,
    Json,
}

impl Render {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let policy = context.policy(self.mode)?;
        // The number that the next apply would take, as far as the state directory can be read.
        let next = context.store.last().unwrap_or(0) + 1;
        let features = Features::of_release(&kernel_release());
        let table = Progress::of("compiling", || compile(&policy, features, Timestamp::now()).marked(next));
        if context.json || self.format == Format::Json {
            page::json(&as_json(&table));
        } else {
            anstream::print!("{table}");
        }
        Ok(Outcome::Done)
    }
}

fn as_json(table: &Table) -> Value {
    json!({
        "table": { "family": "inet", "name": table.name, "comment": table.comment },
        "sets": table.sets.iter().map(set_as_json).collect::<Vec<_>>(),
        "chains": table.chains.iter().map(chain_as_json).collect::<Vec<_>>(),
    })
}

fn set_as_json(set: &Set) -> Value {
    json!({
        "name": set.name,
        "type": set.key.iter().map(|field| field.name()).collect::<Vec<_>>(),
        "dynamic": set.is_dynamic(),
        "interval": set.is_interval(),
        "size": set.size,
        "timeout_ms": set.timeout,
        "elements": set.element_texts(),
    })
}

fn chain_as_json(chain: &Chain) -> Value {
    let base = chain.base.as_ref().map(|base| {
        json!({
            "type": base.kind,
            "hook": base.hook.to_string(),
            "priority": base.priority,
            "policy": base.policy.to_string(),
        })
    });
    json!({
        "name": chain.name,
        "comment": chain.comment,
        "base": base,
        "rules": chain.rules.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
