//! `dockwall revoke`

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::context::{Context, beside, hold};
use super::exit::Outcome;
use super::lifeline::Lifeline;
use super::progress::Progress;
use super::{completion, page, paint};
use crate::config::{self, Config};
use crate::generation::{Applied, Generation, Glance, Planned, Revocable, amend, in_force};
use crate::policy::Policy;

/// Take grants back, at once and to stay.
///
/// Their files in `grants.d` are deleted, and the kernel loses them in one small batch; what
/// another grant opens as well stays open. A grant that has run out can be revoked too, which only
/// deletes its file. One that stands among others in a file, or in the configuration, is for you to
/// delete there. With several names all are revoked or none.
///
/// With --json: {names, files, generation, batches, changes, bytes}; generation is null where no
/// wall is in force.
#[derive(Debug, Args)]
pub struct Revoke {
    /// The names of the grants; `dockwall check` lists them
    #[arg(required = true, value_name = "NAME", add = completion::grants())]
    names: Vec<String>,
    /// Even where that cuts the connection that this is run over
    #[arg(long)]
    force: bool,
}

/// What was done.
struct Revoked {
    /// The files that were deleted.
    files: Vec<PathBuf>,
    /// What was put in force; none where no wall is.
    applied: Option<Applied>,
}

/// A grant that stands where only its author may delete it.
#[derive(Debug, thiserror::Error)]
#[error("the grant `{name}` stands at {place}{among}; nothing was revoked: delete it there and run `dockwall apply`")]
pub struct WrittenElsewhere {
    name: String,
    place: String,
    among: String,
}

/// No grant has that name.
#[derive(Debug, thiserror::Error)]
#[error("there is no grant `{name}`, and nothing was revoked; {hint}")]
pub struct Unknown {
    name: String,
    hint: String,
}

impl Revoke {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let revoking = Progress::start("revoking");
        let revoked = match self.at_a_glance(context)? {
            Some(revoked) => revoked,
            None => self.at_length(context)?,
        };
        drop(revoking);
        report(context, &self.names, &revoked);
        Ok(Outcome::Done)
    }

    fn at_length(&self, context: &Context) -> anyhow::Result<Revoked> {
        let config = context.load()?.config;
        let files = files_of(&config, &self.names)?;
        let lifeline = Lifeline::find();
        let mut kernel = context.kernel()?;
        let mut lock = context.lock()?;
        let _held = hold(&mut lock)?;
        let in_force = in_force(&mut kernel, &context.store, context.features())?;
        let before = in_force.as_ref().map(|in_force| in_force.generation.policy.clone());
        refuse_unknown(&config, before.as_ref(), &self.names)?;
        let policy = before.as_ref().map(|policy| policy.without_grants(&self.names));
        if let (Some(before), Some(policy)) = (&before, &policy)
            && lifeline.check(before, false).is_ok()
        {
            lifeline.check(policy, self.force)?;
        }
        // First the files: what is forgotten half way must not come back with the next apply.
        let removed = Removed::take(&files)?;
        let applied = match (in_force, policy) {
            (Some(in_force), Some(policy)) => {
                let Generation { policy: before, sources: known, .. } = &in_force.generation;
                let sources = known.as_ref().map(|sources| sources.without_grants(&self.names, &files));
                match *before == policy && *known == sources {
                    true => Some(Applied::nothing(in_force.generation.number)),
                    // Also what stands for nothing now must not come in force with its container.
                    false => {
                        let mut beside = beside(&config, &policy);
                        beside.retain(|name| !self.names.contains(name));
                        let mut planned = Planned { policy, sources, inputs: None, beside: Some(beside), modes: None };
                        let amended = amend(&mut kernel, &context.store, in_force, &mut planned, context.features());
                        Some(amended.map_err(|error| removed.put_back(error.into()))?)
                    }
                }
            }
            _ => None,
        };
        Ok(Revoked { files, applied })
    }

    /// The same where the configuration is the one that the policy in force was made from, and nothing is unusual:
    /// whatever the size of both, neither is read.
    fn at_a_glance(&self, context: &Context) -> anyhow::Result<Option<Revoked>> {
        let Some(first) = context.glance() else {
            return Ok(None);
        };
        let revocable = |glance: &Glance| {
            let all = self.names.iter().map(|name| glance.revocable(name)).collect::<Option<Vec<_>>>();
            all.filter(|all| all.iter().enumerate().all(|(index, one)| !is_among(&one.path, all.get(..index))))
        };
        let (found, lifeline) = (revocable(&first), Lifeline::find());
        let is_safe = lifeline.check(first.policy(), false).is_ok();
        let Some(found) = found.filter(|found| is_safe && first.without_grants(found).is_some()) else {
            return Ok(None);
        };
        let mut kernel = context.kernel()?;
        let mut lock = context.lock()?;
        let _held = hold(&mut lock)?;
        let glance = first.again(&mut kernel, &context.store);
        let step = glance.as_ref().and_then(|glance| glance.without_grants(&found));
        let Some((glance, step)) = glance.zip(step) else {
            return Ok(None);
        };
        let files: Vec<PathBuf> = found.into_iter().map(|one| one.path).collect();
        // First the files: what is forgotten half way must not come back with the next apply.
        let removed = Removed::take(&files)?;
        let applied = glance.put(&mut kernel, &context.store, step);
        let applied = Some(applied.map_err(|error| removed.put_back(error.into()))?);
        Ok(Some(Revoked { files, applied }))
    }
}

fn is_among(path: &Path, others: Option<&[Revocable]>) -> bool {
    others.is_some_and(|others| others.iter().any(|other| other.path == path))
}

/// The files that hold nothing but these grants.
fn files_of(config: &Config, names: &[String]) -> Result<Vec<PathBuf>, WrittenElsewhere> {
    let is_named = |grant: &&config::Grant| names.contains(&grant.name);
    let mut files: Vec<PathBuf> = Vec::new();
    for grant in config.grants.iter().filter(is_named) {
        let path = config.files.path(grant.origin).unwrap_or(Path::new(""));
        let in_same = config.grants.iter().filter(|other| config.files.path(other.origin) == Some(path));
        let others: Vec<String> =
            in_same.filter(|other| !is_named(other)).map(|other| format!("`{}`", other.name)).collect();
        let is_drop_in = path.parent() == Some(&config.grants_dir());
        if !is_drop_in || !others.is_empty() {
            let among = if is_drop_in { format!(", in one file with {}", others.join(", ")) } else { String::new() };
            let place = config.files.place(grant.origin);
            return Err(WrittenElsewhere { name: grant.name.clone(), place, among });
        }
        if !files.iter().any(|file| file == path) {
            files.push(path.to_owned());
        }
    }
    Ok(files)
}

fn refuse_unknown(config: &Config, policy: Option<&Policy>, names: &[String]) -> Result<(), Unknown> {
    let in_force = policy.iter().flat_map(|policy| &policy.grants).map(|grant| grant.name.as_str());
    let known: Vec<&str> = config.grants.iter().map(|grant| grant.name.as_str()).chain(in_force).collect();
    let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    let hint = match (config::nearest(name, known.iter().copied()), known.is_empty()) {
        (Some(meant), _) => format!("did you mean `{meant}`?"),
        (None, false) => "`dockwall check` lists those there are".to_owned(),
        (None, true) => "there is none at all".to_owned(),
    };
    Err(Unknown { name: name.clone(), hint })
}

/// Files that were deleted, with what was in them.
struct Removed(Vec<(PathBuf, String)>);

impl Removed {
    fn take(files: &[PathBuf]) -> anyhow::Result<Self> {
        let read = |file: &PathBuf| {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            anyhow::Ok((file.clone(), text))
        };
        let texts = files.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
        let mut removed = Self(Vec::new());
        for (file, text) in texts {
            if let Err(error) = config::remove_file(&file) {
                return Err(removed.put_back(error.into()));
            }
            removed.0.push((file, text));
        }
        Ok(removed)
    }

    /// Puts them back because of `error`.
    fn put_back(&self, error: anyhow::Error) -> anyhow::Error {
        let failed = self.0.iter().filter_map(|(file, text)| config::write_new_file(file, text).err());
        failed.fold(error, |error, failed| error.context(format!("{failed}; it is lost, and was still in force")))
    }
}

fn report(context: &Context, names: &[String], Revoked { files, applied }: &Revoked) {
    let applied = applied.as_ref();
    if context.json {
        let sent = applied.map(|applied| applied.sent);
        page::json(&json!({
            "names": names,
            "files": files,
            "generation": applied.map(|applied| applied.generation),
            "batches": sent.map_or(0, |sent| sent.batches),
            "changes": sent.map_or(0, |sent| sent.changes),
            "bytes": sent.map_or(0, |sent| sent.bytes),
        }));
        return;
    }
    anstream::println!("{}: {}", paint::good("revoked"), names.join(", "));
    match applied {
        Some(applied) if applied.sent.batches == 0 => {
            anstream::println!("  in force  generation {}, which had nothing of it open any more", applied.generation);
        }
        Some(applied) => anstream::println!(
            "  in force  generation {} ({})",
            applied.generation,
            page::counted(applied.sent.changes, "change", "changes")
        ),
        None => anstream::println!("  in force  no wall stands"),
    }
    for file in files {
        anstream::println!("  deleted   {}", file.display());
    }
}
