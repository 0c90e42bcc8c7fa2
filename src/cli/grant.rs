//! `dockwall grant`

use std::cell::Cell;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::context::{Context, beside, hold, read_host};
use super::exit::{Outcome, Usage};
use super::lifetime::Lifetime;
use super::progress::Progress;
use super::words::{in_words_of_the_command_line, value};
use super::{completion, page, paint};
use crate::config::{self, Config, Destination, FileChangeError, Invalid, Mode, Origin, Ports, Protocol, Source};
use crate::generation::{self, Applied, Glance, InForce, Planned, amend, in_force};
use crate::policy::{self, resolve_grant};

const EXAMPLES: &str = "\
Examples:
  dockwall grant 10.1.2.3 --port 5432/tcp                 a database, for every container
  dockwall grant 10.1.2.3 --port 5432/tcp --for 2h        the same until the kernel takes it out
  dockwall grant 10.1.2.3 --port 5432/tcp --from container:web --name database
  dockwall grant 10.60.0.0/16 --protocol icmp             pings to a network
  dockwall grant host --port 9100/tcp --from network:monitoring
  dockwall grant host:published                           ports that containers publish
  dockwall revoke database                                takes it back";

/// Make one exception, at once and to stay.
///
/// The kernel gets it in one small batch, whatever else the table holds, and nothing else of the
/// configuration is applied. It is kept in a file of its own in `grants.d` beside the
/// configuration, from which the next apply takes it too. Where no wall is in force, only the file is written.
///
/// With --json: {name, file, until, mode, generation, batches, changes, bytes, warnings}; mode and generation are
/// null where no wall is in force.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Grant {
    /// Where to: an address, a network, FIRST-LAST, `host` for the host itself, or `host:published`
    /// for the ports that running containers publish on it
    #[arg(value_name = "ADDR|host|host:published", value_parser = value::<Destination>)]
    to: Destination,
    /// To these ports only: 5432/tcp, 8000-8100/tcp, 53/udp; may be given several times
    #[arg(long = "port", value_name = "P/PROTO", value_parser = value::<Ports>)]
    ports: Vec<Ports>,
    /// By this protocol only: icmp (ICMPv6 with IPv6 addresses), gre, esp, ... or its number
    #[arg(long, value_name = "PROTO", value_parser = value::<Protocol>, conflicts_with = "ports")]
    protocol: Option<Protocol>,
    /// For these containers only: an address, a network, network:NAME, container:NAME or label:KEY=VALUE
    #[arg(long, value_name = "SOURCE", value_parser = value::<Source>, add = completion::sources())]
    from: Option<Source>,
    #[command(flatten)]
    lifetime: Lifetime,
    /// What it is called [default: what it opens, such as 10.1.2.3-5432-tcp]
    #[arg(long, value_parser = read_name)]
    name: Option<String>,
    /// Why it is there, in one line
    #[arg(long, value_name = "TEXT", value_parser = config::read_grant_comment)]
    comment: Option<String>,
    /// Refuse every later apply as long as a name in it stands for nothing
    #[arg(long)]
    required: bool,
}

/// What was done.
struct Granted {
    /// As it is written.
    written: config::Grant,
    /// Where.
    file: PathBuf,
    /// What was put in force, and in which mode; none where no wall is.
    applied: Option<(Applied, Mode)>,
    warnings: Vec<String>,
}

/// A name of the command line stands for nothing on this host.
#[derive(Debug, thiserror::Error)]
#[error("{0}; nothing was granted: start what is missing, or name an address")]
pub struct Unresolved(String);

/// Another grant has that name.
#[derive(Debug, thiserror::Error)]
#[error(
    "the grant `{name}` is already at {place}; give this one another --name, or take that one away first: \
     `dockwall revoke {name}`"
)]
pub struct NameTaken {
    name: String,
    place: String,
}

impl Grant {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let granting = Progress::start("granting");
        let granted = match self.at_a_glance(context)? {
            Some(granted) => granted,
            None => self.at_length(context)?,
        };
        drop(granting);
        report(context, &granted);
        Ok(Outcome::Done)
    }

    fn at_length(&self, context: &Context) -> anyhow::Result<Granted> {
        let config = context.load()?.config;
        let written = self.written(&config)?;
        let mut warnings = judge(&config, &written)?;
        let resolved = resolve_grant(&written, &read_host()?).map_err(Unresolved)?;
        let mut kernel = context.kernel()?;
        let mut lock = context.lock()?;
        let _held = hold(&mut lock)?;
        let in_force = in_force(&mut kernel, &context.store, context.features())?;
        let written = self.renamed(&config, in_force.as_ref(), written);
        let file = keep(&config, &written)?;
        let Some(in_force) = in_force else {
            return Ok(Granted { written, file, applied: None, warnings });
        };
        let before = &in_force.generation.policy;
        if warnings.is_empty() && !before.closes_some_of(&resolved) {
            warnings.push(without_effect(&written));
        }
        let mode = before.mode;
        let sources = in_force.generation.sources.as_ref();
        let policy = before.with_grant(policy::Grant { name: written.name.clone(), ..resolved });
        let mut planned = Planned {
            beside: Some(beside(&config, &policy)),
            policy,
            sources: sources.map(|sources| sources.with_grant(&written.name, &file, written.to_toml())),
            inputs: None,
            modes: None,
        };
        let applied = amend(&mut kernel, &context.store, in_force, &mut planned, context.features());
        let applied = Some((applied.map_err(|error| not_granted(error, &file))?, mode));
        Ok(Granted { written, file, applied, warnings })
    }

    /// The same where the configuration is the one that the policy in force was made from, and nothing is unusual:
    /// whatever the size of both, neither is read.
    fn at_a_glance(&self, context: &Context) -> anyhow::Result<Option<Granted>> {
        let Some(first) = context.glance() else {
            return Ok(None);
        };
        let config = first.configuration();
        let Some(name) = self.free_name(&first, &config) else {
            return Ok(None);
        };
        let written = self.as_named(name);
        let mut warnings = judge(&config, &written)?;
        let resolved = resolve_grant(&written, &read_host()?).map_err(Unresolved)?;
        let file = config.drop_in(&written.name);
        let step = |glance: &Glance| glance.with_grant(&resolved, &file, written.to_toml());
        let (Some(matters), Some(_)) = (first.closes_some_of(&resolved), step(&first)) else {
            return Ok(None);
        };
        warnings.extend((warnings.is_empty() && !matters).then(|| without_effect(&written)));
        let mut kernel = context.kernel()?;
        let mut lock = context.lock()?;
        let _held = hold(&mut lock)?;
        let glance = first.again(&mut kernel, &context.store);
        let Some((glance, step)) = glance.and_then(|glance| step(&glance).map(|step| (glance, step))) else {
            return Ok(None);
        };
        let mode = glance.policy().mode;
        keep(&config, &written)?;
        let applied = glance.put(&mut kernel, &context.store, step);
        let applied = Some((applied.map_err(|error| not_granted(error, &file))?, mode));
        Ok(Some(Granted { written, file, applied, warnings }))
    }

    /// The name, where no other grant has it, or one that none has; none where that cannot be told.
    fn free_name(&self, glance: &Glance, config: &Config) -> Option<String> {
        let is_known = Cell::new(true);
        let is_taken = |name: &str| {
            let taken = glance.has_name(name);
            is_known.set(is_known.get() && taken.is_some());
            taken.unwrap_or(false) || config.drop_in(name).exists()
        };
        let name = self.name.clone().filter(|name| !is_taken(name));
        let name = if self.name.is_some() { name } else { Some(self.suggest_name(is_taken)) };
        name.filter(|_| is_known.get())
    }

    /// The grant as a file would have it.
    fn written(&self, config: &Config) -> Result<config::Grant, NameTaken> {
        let taken = |name: &str| config.grants.iter().find(|grant| grant.name == name);
        if let Some(name) = &self.name
            && let Some(other) = taken(name)
        {
            return Err(NameTaken { name: name.clone(), place: config.files.place(other.origin) });
        }
        Ok(self.as_named(self.name.clone().unwrap_or_else(|| self.suggest_name(|name| taken(name).is_some()))))
    }

    fn as_named(&self, name: String) -> config::Grant {
        config::Grant {
            name,
            to: self.to,
            ports: Ports::merge(self.ports.clone()),
            protocol: self.protocol,
            from: self.from.clone(),
            until: self.lifetime.end(Timestamp::now()),
            required: self.required,
            comment: self.comment.clone(),
            origin: Origin::BuiltIn,
        }
    }

    fn suggest_name(&self, is_taken: impl Fn(&str) -> bool) -> String {
        let to = std::iter::once(self.to.to_string());
        let ports = self.ports.iter().map(ToString::to_string);
        let words: Vec<String> = to.chain(ports).chain(self.protocol.iter().map(ToString::to_string)).collect();
        config::suggest_grant_name(&words, is_taken)
    }

    /// Under another name where nobody asked for this one and it is taken.
    fn renamed(&self, config: &Config, in_force: Option<&InForce>, mut grant: config::Grant) -> config::Grant {
        let policy = in_force.map(|in_force| &in_force.generation.policy);
        let is_taken = |name: &str| {
            config.grants.iter().any(|grant| grant.name == name)
                || policy.is_some_and(|policy| policy.grants.iter().any(|grant| grant.name == name))
                || config.drop_in(name).exists()
        };
        if self.name.is_none() {
            grant.name = self.suggest_name(is_taken);
        }
        grant
    }
}

fn without_effect(grant: &config::Grant) -> String {
    format!("nothing in `{}` is denied, so this grant has no effect", grant.to)
}

/// Writes the grant's file.
fn keep(config: &Config, grant: &config::Grant) -> anyhow::Result<PathBuf> {
    let file = config.drop_in(&grant.name);
    config::write_new_file(&file, &grant.to_toml()).map_err(|error| match error {
        FileChangeError::Exists(_) => anyhow::Error::from(error).context("give the grant another --name"),
        error => error.into(),
    })?;
    Ok(file)
}

/// Takes the file away again: half of it would come in force with the next apply.
fn not_granted(error: generation::Error, file: &Path) -> anyhow::Error {
    let error = anyhow::Error::from(error);
    match config::remove_file(file) {
        Ok(()) => error,
        Err(left) => error.context(left.to_string()),
    }
}

/// What is wrong with it that no single option shows, and what is to be said of it.
fn judge(config: &Config, grant: &config::Grant) -> Result<Vec<String>, Usage> {
    let in_words = |diagnostic: &config::Diagnostic| {
        let Invalid { problem, cure } = diagnostic.invalid();
        in_words_of_the_command_line(Invalid { problem, cure })
    };
    match config.judge(grant) {
        Ok(warnings) => Ok(warnings.iter().map(|warning| in_words(warning).to_string()).collect()),
        Err(error) => Err(Usage(error.errors.iter().map(in_words).collect())),
    }
}

/// A name that is no name of a file which is read would be lost with the next apply.
fn read_name(text: &str) -> Result<String, Invalid> {
    let name = config::read_grant_name(text)?;
    match name.strip_prefix('.') {
        Some(rest) => Err(Invalid::new(
            format!("the name `{name}` begins with a dot, so that its file would be hidden and never read"),
            format!("write `{}`", rest.trim_start_matches('.')),
        )),
        None => Ok(name),
    }
}

fn report(context: &Context, Granted { written: grant, file, applied, warnings }: &Granted) {
    let applied = applied.as_ref();
    if context.json {
        let sent = applied.map(|(applied, _)| applied.sent);
        page::json(&json!({
            "name": grant.name,
            "file": file,
            "until": grant.until,
            "mode": applied.map(|(_, mode)| mode),
            "generation": applied.map(|(applied, _)| applied.generation),
            "batches": sent.map_or(0, |sent| sent.batches),
            "changes": sent.map_or(0, |sent| sent.changes),
            "bytes": sent.map_or(0, |sent| sent.bytes),
            "warnings": warnings,
        }));
        return;
    }
    for warning in warnings {
        anstream::eprintln!("{}: {warning}", paint::notable("warning"));
    }
    anstream::println!("{}: {}", paint::good("granted"), grant.name);
    anstream::println!("  opens     {}", grant.to_text());
    anstream::println!("  for       {}", grant.from_text());
    match applied {
        Some((applied, _)) => anstream::println!(
            "  in force  generation {} ({})",
            applied.generation,
            page::counted(applied.sent.changes, "change", "changes")
        ),
        None => anstream::println!(
            "  in force  {}: no wall stands; the next `dockwall apply` takes it in",
            paint::notable("not yet")
        ),
    }
    match grant.until {
        Some(until) => {
            anstream::println!("  until     {until}, by itself, or `dockwall revoke {}`", grant.name);
        }
        None => anstream::println!("  until     `dockwall revoke {}`", grant.name),
    }
    anstream::println!("  kept in   {}", file.display());
    if applied.is_some_and(|(_, mode)| *mode == Mode::Audit) {
        anstream::println!(
            "nothing is denied in audit mode anyway: it matters from `dockwall apply --mode enforce` on"
        );
    }
}
