//! Resolving what was applied, on the host as it is now.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::followed::words;
use crate::config::Config;
use crate::generation::{Generation, Sources};
use crate::host::{Docker, DockerState, Facts, Host};
use crate::policy::{Policy, untold};

/// What is to be resolved.
pub struct Job {
    /// The generation in force.
    pub generation: Arc<Generation>,
    /// What Docker told last.
    pub docker: Option<Arc<Docker>>,
    /// Why it does not tell now, where it does not.
    pub silence: Option<String>,
    /// When the first change since the last time was heard of.
    pub heard: Instant,
}

/// What came of it.
pub struct Resolution {
    /// The generation that was in force.
    pub from: Arc<Generation>,
    /// When the change was heard of.
    pub heard: Instant,
    /// What it is to be; nothing where it stays what it is; or why nobody can say.
    pub outcome: Result<Option<Followed>, String>,
}

/// What a generation is to be.
pub struct Followed {
    /// What shall hold.
    pub policy: Policy,
    /// What is another in it, in words.
    pub what: Vec<String>,
}

/// Resolves, and keeps what was read of the configuration for the next time.
#[derive(Default)]
pub struct Resolver {
    read: Option<(Sources, Config)>,
}

impl Resolver {
    /// Takes its time: the kernel has to list its links, addresses and routes.
    pub fn resolve(&mut self, job: Job) -> Resolution {
        let outcome = self.try_resolve(&job);
        Resolution { from: job.generation, heard: job.heard, outcome }
    }

    fn try_resolve(&mut self, job: &Job) -> Result<Option<Followed>, String> {
        let Some(sources) = &job.generation.sources else {
            return Ok(None);
        };
        let config = self.config(sources)?;
        let docker = match (&job.docker, &job.silence) {
            (Some(docker), None) => DockerState::Known(Docker::clone(docker)),
            (Some(docker), Some(_)) => {
                DockerState::Known(untold(docker, &Facts::read().map_err(|error| error.to_string())?))
            }
            (None, why) => DockerState::Unreachable(why.clone().unwrap_or_default()),
        };
        let mut host = Host::with_docker(docker, Path::new("/")).map_err(|error| error.to_string())?;
        let before = &job.generation.policy;
        host.remembered = before.containers.exact.iter().cloned().collect();
        let policy = before.follow(config, &host, sources.mode, Timestamp::now()).map_err(|error| error.to_string())?;
        Ok((policy != *before).then(|| Followed { what: words(before, &policy, config), policy }))
    }

    fn config(&mut self, sources: &Sources) -> Result<&Config, String> {
        let read = match self.read.take().filter(|(read, _)| read == sources) {
            Some(read) => read,
            None => {
                let config = sources
                    .config()
                    .map_err(|error| format!("what was applied cannot be read any more, apply it again: {error}"))?;
                (sources.clone(), config)
            }
        };
        Ok(&self.read.insert(read).1)
    }
}
