//! Following the host: what was applied is resolved again when Docker, the links, the addresses, the routes
//! or the resolvers change.
//!
//! It happens beside the guard's loop, one at a time, and once more where something happened meanwhile.
//! What Docker told is kept here, so that nothing ever waits for its answers.

use std::sync::Arc;
use std::sync::mpsc::{SendError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::resolve::{Job, Resolution, Resolver};
use super::sources::{Event, Heard};
use crate::generation::Generation;
use crate::host::{Docker, Told};

/// How long to wait for what belongs to a change of the network: a link, its addresses and its routes come
/// one after the other.
const SETTLE: Duration = Duration::from_millis(30);
/// No longer than this, where it never comes to rest.
const LONGEST_SETTLE: Duration = Duration::from_millis(200);
/// How long nothing is resolved after it was: at least this, and as long as it took, up to the longest.
const REST: Duration = Duration::from_millis(20);
const LONGEST_REST: Duration = Duration::from_secs(1);
/// How long to wait after a failure; twice as long after each further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// What is followed, and when it is resolved again.
pub struct Follow {
    jobs: Sender<Job>,
    /// The generation that is followed.
    generation: Option<Arc<Generation>>,
    /// What Docker told last.
    docker: Option<Arc<Docker>>,
    /// Why it does not tell now.
    silence: Option<String>,
    /// The changes since it was resolved last.
    stirred: Option<Stirred>,
    /// Since when it is being resolved.
    runs_since: Option<Instant>,
    not_before: Instant,
    failures: u32,
}

/// What happened, and not more of it than when.
struct Stirred {
    first: Instant,
    due: Instant,
}

/// What people are to know of Docker.
pub enum Word {
    /// It does not tell any more, for this reason.
    Silent(String),
    /// It tells again.
    Speaks,
}

impl Follow {
    /// Follows nothing yet; what is resolved is sent to `events`.
    pub fn new(events: Sender<Event>, now: Instant) -> Self {
        let (jobs, todo) = channel::<Job>();
        // One thread for all of them, so that many take no more memory than one.
        thread::spawn(move || {
            let mut resolver = Resolver::default();
            for job in todo {
                let resolved = Event::Host(Heard::Resolved(Box::new(resolver.resolve(job))));
                if let Err(SendError(_)) = events.send(resolved) {
                    return;
                }
            }
        });
        Self {
            jobs,
            generation: None,
            docker: None,
            silence: Some("it was not heard yet".to_owned()),
            stirred: None,
            runs_since: None,
            not_before: now,
            failures: 0,
        }
    }

    /// Takes note of which generation is in force. Another one is resolved at once: it may be from a time when the
    /// host was another.
    ///
    /// Says whether this is one that it cannot follow, the first time.
    pub fn take_generation(&mut self, generation: Option<&Arc<Generation>>, now: Instant) -> bool {
        if is_same(self.generation.as_ref(), generation) {
            return false;
        }
        let number = |generation: Option<&Arc<Generation>>| generation.map(|generation| generation.number);
        let is_other = number(self.generation.as_ref()) != number(generation);
        self.generation = generation.cloned();
        if self.follows() {
            self.stir(now, now);
            return false;
        }
        is_other && generation.is_some()
    }

    /// Takes note of a revision of its own making.
    pub fn revised(&mut self, generation: Arc<Generation>) {
        self.generation = Some(generation);
    }

    /// Takes note of a change of the network or of a file.
    pub fn host_changed(&mut self, now: Instant) {
        self.stir(now, now + SETTLE);
    }

    /// Takes note of what Docker tells.
    pub fn docker_told(&mut self, told: Told, now: Instant) -> Option<Word> {
        let mut word = None;
        match told {
            Told::All(docker) => {
                if self.docker.is_some() && self.silence.is_some() {
                    word = Some(Word::Speaks);
                }
                (self.docker, self.silence) = (Some(Arc::new(docker)), None);
            }
            Told::Ended(id) => {
                let docker = self.docker.as_ref().filter(|docker| docker.containers.iter().any(|one| one.id == id))?;
                let mut docker = Docker::clone(docker);
                docker.containers.retain(|container| container.id != id);
                self.docker = Some(Arc::new(docker));
            }
            Told::Nothing(why) => {
                if self.docker.is_some() && self.silence.is_none() {
                    word = Some(Word::Silent(why.clone()));
                }
                self.silence = Some(why);
            }
        }
        self.stir(now, now);
        word
    }

    fn stir(&mut self, now: Instant, due: Instant) {
        let stirred = self.stirred.get_or_insert(Stirred { first: now, due });
        // What settles is waited for anew; what is settled waits for nothing.
        let latest = stirred.first + LONGEST_SETTLE;
        stirred.due = if due <= now { stirred.due.min(due) } else { due.min(latest) };
    }

    fn follows(&self) -> bool {
        self.generation.as_ref().is_some_and(|generation| generation.sources.is_some())
    }

    /// How long until there is something to resolve; none where nothing is.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        let stirred = self.stirred.as_ref().filter(|_| self.runs_since.is_none() && self.follows())?;
        Some(stirred.due.max(self.not_before).saturating_duration_since(now))
    }

    /// Begins to resolve, where it is time to.
    pub fn start_if_due(&mut self, now: Instant) {
        if self.wait(now).is_none_or(|wait| !wait.is_zero()) {
            return;
        }
        if let (Some(generation), Some(stirred)) = (self.generation.clone(), self.stirred.take()) {
            let (docker, silence) = (self.docker.clone(), self.silence.clone());
            let job = Job { generation, docker, silence, heard: stirred.first };
            if self.jobs.send(job).is_ok() {
                self.runs_since = Some(now);
            }
        }
    }

    /// It was resolved. Gives what is to be put in force, unless another generation is since.
    ///
    /// # Errors
    /// Why it could not be resolved, the first time; it is tried again.
    pub fn done(&mut self, resolution: Resolution, now: Instant) -> Result<Option<Resolution>, String> {
        let took = self.runs_since.take().map_or(REST, |since| now.duration_since(since));
        self.not_before = now + took.clamp(REST, LONGEST_REST);
        if !is_same(self.generation.as_ref(), Some(&resolution.from)) {
            return Ok(None);
        }
        match &resolution.outcome {
            Ok(followed) => {
                self.failures = 0;
                Ok(followed.is_some().then_some(resolution))
            }
            Err(problem) => {
                let problem = problem.clone();
                if self.failed(now) { Err(problem) } else { Ok(None) }
            }
        }
    }

    /// It could not be resolved or put in force: it is tried again. Says whether it could before.
    pub fn failed(&mut self, now: Instant) -> bool {
        let delay = FIRST_RETRY.saturating_mul(1 << self.failures.min(16)).min(LONGEST_RETRY);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + delay;
        self.stir(now, now);
        self.failures == 1
    }
}

/// Whether the two say the same: neither a person nor a guard has changed it.
pub fn is_same(one: Option<&Arc<Generation>>, other: Option<&Arc<Generation>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            let what = |generation: &Generation| (generation.number, generation.applied, generation.revised);
            Arc::ptr_eq(one, other) || what(one) == what(other) && one.sources == other.sources
        }
        (one, other) => one.is_none() && other.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use jiff::Timestamp;

    use super::*;
    use crate::config::Config;
    use crate::generation::{Author, Sources};
    use crate::host::Container;
    use crate::policies::plain;

    /// One that follows a generation, and what it sends; at rest until something happens.
    fn following(start: Instant) -> (Follow, Receiver<Event>) {
        let (sender, events) = channel();
        let mut follow = Follow::new(sender, start);
        let texts = Config::parse("a", "").unwrap().texts;
        let generation = Generation {
            number: 1,
            applied: Timestamp::UNIX_EPOCH,
            author: Author::current(),
            parent: None,
            changes: Vec::new(),
            policy: plain(),
            sources: Some(Sources::new(texts, None)),
            revised: None,
        };
        follow.take_generation(Some(&Arc::new(generation)), start);
        (follow, events)
    }

    fn resolved(follow: &mut Follow, now: Instant) {
        let from = follow.generation.clone().unwrap();
        let _ = follow.done(Resolution { from, heard: now, outcome: Ok(None) }, now);
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_docker_tells_is_resolved_at_once_and_a_change_of_the_network_when_it_has_settled() {
        let start = Instant::now();
        let (mut follow, _events) = following(start);
        assert_eq!(follow.wait(start), Some(Duration::ZERO), "another generation");
        follow.start_if_due(start);
        assert_eq!(follow.wait(start), None);
        resolved(&mut follow, start);
        let later = start + Duration::from_secs(1);
        follow.host_changed(later);
        assert_eq!(follow.wait(later), Some(SETTLE));
        follow.host_changed(later + 10 * MS);
        assert_eq!(follow.wait(later + 10 * MS), Some(SETTLE));
        follow.docker_told(Told::All(Docker::default()), later + 15 * MS);
        assert_eq!(follow.wait(later + 15 * MS), Some(Duration::ZERO));
    }

    #[test]
    fn a_steady_storm_is_resolved_one_at_a_time_and_again_and_again() {
        let start = Instant::now();
        let (mut follow, _events) = following(start);
        follow.start_if_due(start);
        resolved(&mut follow, start);
        let (mut times, mut ends) = (0, None);
        for millisecond in 100..2100 {
            let now = start + millisecond * MS;
            follow.host_changed(now);
            if ends == Some(now) {
                resolved(&mut follow, now);
            }
            if follow.wait(now) == Some(Duration::ZERO) {
                follow.start_if_due(now);
                times += 1;
                ends = Some(now + 50 * MS);
            }
        }
        // Each waits for the storm to settle as long as one does at most, and then takes its time.
        assert!((7..=10).contains(&times), "{times}");
        resolved(&mut follow, start + 2200 * MS);
        assert!(follow.wait(start + 2200 * MS).is_some_and(|wait| wait <= LONGEST_SETTLE), "the last is not lost");
    }

    #[test]
    fn one_that_has_ended_is_gone_before_docker_is_asked_and_silence_forgets_nobody() {
        let start = Instant::now();
        let (mut follow, _events) = following(start);
        let containers = ["a", "b"].map(|id| Container { id: id.to_owned(), ..Container::default() }).to_vec();
        assert!(follow.docker_told(Told::Nothing("absent".to_owned()), start).is_none(), "it was never there");
        follow.docker_told(Told::All(Docker { containers, ..Docker::default() }), start);
        follow.docker_told(Told::Ended("a".to_owned()), start);
        let silent = |follow: &mut Follow| follow.docker_told(Told::Nothing("stopped".to_owned()), start);
        assert!(matches!(silent(&mut follow), Some(Word::Silent(why)) if why == "stopped"));
        assert!(silent(&mut follow).is_none(), "it is told once");
        let known: Vec<&str> =
            follow.docker.iter().flat_map(|docker| &docker.containers).map(|one| one.id.as_str()).collect();
        assert_eq!(known, ["b"]);
        assert!(matches!(follow.docker_told(Told::All(Docker::default()), start), Some(Word::Speaks)));
    }

    #[test]
    fn what_cannot_be_resolved_is_told_once_and_tried_again_in_ever_longer_times() {
        let start = Instant::now();
        let (mut follow, _events) = following(start);
        let from = follow.generation.clone().unwrap();
        let fail = |follow: &mut Follow| {
            let resolution = Resolution { from: Arc::clone(&from), heard: start, outcome: Err("no".to_owned()) };
            (follow.done(resolution, start).is_err(), follow.wait(start).unwrap())
        };
        let told: Vec<_> = (0..8).map(|_| fail(&mut follow)).collect();
        let seconds: Vec<u64> = told.iter().map(|(_, wait)| wait.as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(told.iter().filter(|(is_told, _)| *is_told).count(), 1);
    }
}
