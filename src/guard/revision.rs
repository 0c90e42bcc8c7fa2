//! Putting in force what the host makes of what was applied.

use std::sync::Arc;
use std::time::Instant;

use super::News;
use super::follow::{Word, is_same};
use super::look::Look;
use super::resolve::{Followed, Resolution};
use super::sources::Heard;
use super::watching::Guard;
use crate::generation::{in_force, revise};

/// Revises the generation in force, unless it is another than was resolved: what a person applied meanwhile
/// stays. To be called with the state directory's lock held, after a look.
pub fn put_in_force(look: &mut Look, resolution: Resolution) -> Option<Result<News, String>> {
    let Resolution { from, heard, outcome } = resolution;
    let Followed { policy, what } = outcome.ok().flatten()?;
    if !is_same(look.in_force(), Some(&from)) {
        return None;
    }
    let revised = match in_force(&mut look.kernel, &look.store, look.features) {
        Ok(Some(found)) if is_same(Some(&Arc::new(found.generation.clone())), Some(&from)) => {
            revise(&mut look.kernel, &look.store, found, policy, look.features).map_err(|error| error.to_string())
        }
        Ok(_) => return None,
        Err(error) => Err(error.to_string()),
    };
    Some(revised.map(|(generation, sent)| {
        look.revised(Arc::new(generation));
        News::Followed {
            generation: from.number,
            what,
            changes: sent.changes,
            milliseconds: heard.elapsed().as_secs_f64() * 1000.0,
        }
    }))
}

impl<T: FnMut(&News)> Guard<T> {
    /// Takes what was heard of the host.
    pub(super) fn take_host(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Changed => {
                self.sent.taken();
                self.follow.host_changed(now);
            }
            Heard::Docker(told) => match self.follow.docker_told(told, now) {
                Some(Word::Silent(problem)) => self.teller.tell(News::DockerSilent { problem }),
                Some(Word::Speaks) => self.teller.tell(News::DockerSpeaks),
                None => {}
            },
            Heard::Resolved(resolution) => match self.follow.done(*resolution, now) {
                Ok(None) => {}
                Ok(revision) => {
                    self.revise = revision;
                    self.pace.at_once(now);
                }
                Err(problem) => self.teller.tell(News::NotFollowed { problem }),
            },
        }
    }

    /// Takes note of what was put in force, and of the generation that is followed from now on.
    pub(super) fn take_revised(&mut self, revised: Option<Result<News, String>>, now: Instant) {
        match revised {
            None => {}
            Some(Ok(news)) => {
                if let Some(generation) = self.look.in_force() {
                    self.follow.revised(Arc::clone(generation));
                }
                self.teller.tell(news);
            }
            Some(Err(problem)) if self.follow.failed(now) => self.teller.tell(News::NotFollowed { problem }),
            Some(Err(_)) => {}
        }
        let in_force = self.look.in_force();
        if self.follow.take_generation(in_force, now)
            && let Some(generation) = in_force
        {
            let problem = format!(
                "generation {} does not say what it was made from, so that it cannot follow the host: `dockwall apply` \
                 makes one that does",
                generation.number
            );
            self.teller.tell(News::NotFollowed { problem });
        }
    }
}
