use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index as Pick;
use tempfile::TempDir;

use super::*;
use crate::config::{Mode, Texts};
use crate::generation::index::{Kept, MadeFrom};
use crate::generation::{Amendment, Author, Base, Entry, Generation, Modes, Sources, Store, StoreError, index};
use crate::netlink::Live;
use crate::policies::{any_policy, grant, now, plain};
use crate::ruleset::{Elements, Set, Table, compile};

/// A state directory with one generation, which is in force, and its index.
struct State {
    directory: TempDir,
    store: Store,
    /// The generation in force, as it is kept.
    changed: Option<Changed>,
    /// The same, whole.
    whole: Generation,
    /// All that were in force, as they are kept and whole.
    all: Vec<(Option<Changed>, Generation)>,
}

impl State {
    fn new(policy: &Policy) -> Self {
        let directory = TempDir::new().unwrap();
        let (store, configuration) = (Store::new(directory.path()), directory.path().join("dockwall.toml"));
        let sources = Sources { mode: None, texts: Texts::around(&configuration), revoked: vec!["old".to_owned()] };
        let whole = Generation {
            number: 1,
            applied: now(),
            author: Author::current(),
            parent: None,
            changes: Vec::new(),
            policy: policy.clone(),
            sources: Some(sources),
            revised: None,
        };
        store.put(&whole).unwrap();
        let sums = table(policy).sets.iter().map(|set| (set.name.clone(), set.elements.sum())).collect();
        let (base, parent) = (Base::of(&whole), whole.parent);
        let made_from = MadeFrom::of(whole.sources.as_ref().unwrap()).unwrap();
        let kept = Kept { base, parent, policy, made_from, modes: Some(modes()) };
        index::note(&store, kept, sums, &["beside".to_owned()], now());
        let all = vec![(None, whole.clone())];
        Self { directory, store, changed: None, whole, all }
    }

    fn glance(&self) -> Glance {
        let index = Index::open(&self.store).unwrap();
        let head = &index.head;
        let changed = self.changed.clone();
        let changed = changed.unwrap_or_else(|| Changed::nothing(head.revoked.clone(), head.sums.clone()));
        let table = Some(table(&self.whole.policy).marked(self.whole.number).without_elements());
        let frame = Frame::of(Live { generation: 1, table, whole: false });
        Glance::new(index, changed, frame, Features::ALL, 0, now()).unwrap()
    }

    fn drop_in(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("grants.d/{name}.toml"))
    }

    /// Keeps what the step made, and holds it against the whole that was made without it.
    fn take(&mut self, step: Step, policy: Policy, sources: Sources) {
        let number = self.all.len() as u64 + 1;
        let base = Index::open(&self.store).unwrap().head.base;
        let (author, parent) = (Author::current(), Some(self.whole.number));
        let Step { changed, changes, .. } = step;
        self.changed = Some(changed.clone());
        let amendment = Amendment { number, applied: now(), author, parent, changes, base, changed };
        self.store.put_amendment_first(&amendment).unwrap();
        let expected = crate::generation::difference(&self.whole.policy, &policy);
        let Amendment { author, changes, .. } = amendment;
        assert_eq!(changes, expected);
        let sources = Some(sources);
        self.whole = Generation { number, applied: now(), author, parent, changes, policy, sources, revised: None };
        assert_eq!(self.store.get(number).unwrap(), self.whole);
        let Entry { applied, author, parent, changes, mode, .. } =
            self.store.list().unwrap().pop().unwrap().entry.unwrap();
        let whole = &self.whole;
        assert_eq!((applied, mode, parent), (whole.applied, whole.policy.mode, whole.parent));
        assert_eq!((&author, &changes), (&whole.author, &whole.changes));
        self.all.push((self.changed.clone(), self.whole.clone()));
    }

    /// Puts one of them in force again.
    fn put_again(&mut self, index: usize) {
        (self.changed, self.whole) = self.all[index].clone();
    }

    /// What is kept of one of them.
    fn changed_in(&self, index: usize) -> Changed {
        let head = Index::open(&self.store).unwrap().head;
        self.all[index].0.clone().unwrap_or_else(|| Changed::nothing(head.revoked, head.sums))
    }
}

fn table(policy: &Policy) -> Table {
    compile(policy, Features::ALL, now())
}

fn modes() -> Modes {
    let [host, audit_prefix, enforce_prefix] = ["host", "WOULD ", "DROPPED "].map(str::to_owned);
    Modes { host, configured: Mode::Audit, audit_prefix, enforce_prefix }
}

/// What a set holds when the step was taken, of what it held before.
fn after(set: &Set, step: &Step) -> Elements {
    let held = |table: &Table| table.set(&set.name).map_or(set.elements.none(), |set| set.elements.clone());
    let (stays, comes) = (set.elements.without(&held(&step.current)), held(&step.next));
    match (stays, comes) {
        (Elements::Ipv4(a), Elements::Ipv4(b)) => Elements::Ipv4(sorted(a, b)),
        (Elements::Ipv6(a), Elements::Ipv6(b)) => Elements::Ipv6(sorted(a, b)),
        (Elements::Exact(a), Elements::Exact(b)) => Elements::Exact(sorted(a, b)),
        (Elements::Boxes(a), Elements::Boxes(b)) => Elements::Boxes(sorted(a, b)),
        (stays, comes) => panic!("{stays:?} and {comes:?} in one set"),
    }
}

fn sorted<T: Ord + Clone>(mut a: Vec<T>, b: Vec<T>) -> Vec<T> {
    a.extend(b);
    a.sort();
    a
}

/// One grant more, or less; the mode; or what was before.
#[derive(Debug, Clone)]
enum Action {
    Grant(Grant),
    Revoke(Pick),
    Turn(Option<Mode>, Mode),
    GoBack(Pick),
}

fn any_action() -> impl Strategy<Value = Action> {
    let grants = any_policy().prop_filter_map("no grant", |policy| policy.grants.into_iter().next());
    let mode = || prop_oneof![Just(Mode::Audit), Just(Mode::Enforce)];
    let asked = proptest::option::of(mode());
    prop_oneof![
        2 => grants.prop_map(Action::Grant),
        1 => any::<Pick>().prop_map(Action::Revoke),
        2 => (asked, mode()).prop_map(|(asked, configured)| Action::Turn(asked, asked.unwrap_or(configured))),
        2 => any::<Pick>().prop_map(Action::GoBack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The elements that come and go, the rules, the digest and what is kept: all as where everything is read, compiled
    /// and written.
    #[test]
    fn whatever_comes_and_goes_it_is_as_if_all_had_been_done_anew(
        policy in any_policy(),
        actions in vec(any_action(), 1..8),
    ) {
        let mut state = State::new(&policy);
        for (index, action) in actions.into_iter().enumerate() {
            let (glance, before) = (state.glance(), table(&state.whole.policy));
            let sources = state.whole.sources.clone().unwrap();
            let mut back = None;
            let (step, policy, sources) = match action {
                Action::Turn(asked, mode) => {
                    let policy = modes().turn(&state.whole.policy, mode);
                    let step = glance.turned(Settings { mode: asked, policy: policy.outline() });
                    (step, policy, Sources { mode: asked, revoked: Vec::new(), ..sources })
                }
                Action::GoBack(pick) => {
                    let to = pick.index(state.all.len());
                    back = Some(to);
                    let (step, whole) = (glance.to(state.changed_in(to)), state.all[to].1.clone());
                    (step, whole.policy, whole.sources.unwrap())
                }
                Action::Grant(grant) => {
                    let grant = Grant { name: format!("new-{index}"), ..grant };
                    prop_assert_eq!(glance.has_name(&grant.name), Some(false));
                    let (file, text) = (state.drop_in(&grant.name), format!("# {index}"));
                    let sources = sources.with_grant(&grant.name, &file, text.clone());
                    (glance.with_grant(&grant, &file, text), state.whole.policy.with_grant(grant), sources)
                }
                Action::Revoke(pick) if !state.whole.policy.grants.is_empty() => {
                    let grant = pick.get(&state.whole.policy.grants).clone();
                    prop_assert_eq!(glance.has_name(&grant.name), Some(true));
                    let is_of_base = policy.grants.contains(&grant);
                    let (name, path) = (vec![grant.name.clone()], state.drop_in(&grant.name));
                    let sources = sources.without_grants(&name, std::slice::from_ref(&path));
                    let revocable = Revocable { grant, path, is_of_base };
                    (glance.without_grants(&[revocable]), state.whole.policy.without_grants(&name), sources)
                }
                Action::Revoke(_) => continue,
            };
            let (step, after_all) = (step.unwrap(), table(&policy));
            prop_assert_eq!(&step.current_digest, &before.digest());
            prop_assert_eq!(&step.next_digest, &after_all.digest());
            prop_assert_eq!(step.current.without_elements(), before.without_elements());
            prop_assert_eq!(step.next.without_elements(), after_all.without_elements());
            for set in &after_all.sets {
                let held = before.set(&set.name).cloned();
                let held = held.unwrap_or_else(|| Set { elements: set.elements.none(), ..set.clone() });
                if step.next.set(&set.name).is_some_and(|set| !set.elements.is_empty()) || step.current.set(&set.name).is_some_and(|set| !set.elements.is_empty()) {
                    prop_assert_eq!(after(&held, &step), set.elements.clone(), "{}", set.name);
                } else {
                    prop_assert_eq!(&held.elements, &set.elements, "{}", set.name);
                }
            }
            prop_assert_eq!(&step.policy, &policy.outline());
            match back {
                Some(to) => state.put_again(to),
                None => state.take(step, policy, sources),
            }
        }
    }

    #[test]
    fn what_is_denied_is_found_whatever_else_is(policy in any_policy(), grants in vec(any_action(), 1..8)) {
        let state = State::new(&policy);
        let glance = state.glance();
        for action in grants {
            if let Action::Grant(grant) = action {
                prop_assert_eq!(glance.closes_some_of(&grant), Some(policy.closes_some_of(&grant)));
            }
        }
    }
}

#[test]
fn a_name_is_taken_by_what_stands_for_nothing_as_well() {
    let glance = State::new(&plain()).glance();
    let taken = ["database", "beside", "nobody"].map(|name| glance.has_name(name));
    assert_eq!(taken, [Some(true), Some(true), Some(false)]);
}

/// A generation on top of generation 1.
fn amended() -> State {
    let mut state = State::new(&plain());
    let (one, file) = (grant("one", &["10.1.2.3"]), state.drop_in("one"));
    let step = state.glance().with_grant(&one, &file, "# one".to_owned()).unwrap();
    let sources = state.whole.sources.clone().unwrap().with_grant("one", &file, "# one".to_owned());
    let policy = state.whole.policy.with_grant(one);
    state.take(step, policy, sources);
    state
}

fn refusal(store: &Store, number: u64) -> String {
    store.get(number).unwrap_err().to_string()
}

#[test]
fn a_base_that_is_lost_damaged_or_another_is_told() {
    let state = amended();
    let base = state.directory.path().join("generation-1.json");
    let text = fs::read_to_string(&base).unwrap();
    fs::write(&base, text.replace("\"applied\":\"2", "\"applied\":\"1")).unwrap();
    assert!(refusal(&state.store, 2).contains("generation-1.json is another one by now"));
    fs::write(&base, "{").unwrap();
    assert!(refusal(&state.store, 2).contains("generation-1.json is damaged"));
    fs::remove_file(&base).unwrap();
    assert!(refusal(&state.store, 2).contains("generation-1.json is gone"));
    assert!(matches!(state.store.get(3), Err(StoreError::Missing { .. })));
    assert_eq!(state.store.list().unwrap().len(), 1);
}

#[test]
fn who_changes_a_base_keeps_whole_what_rests_on_it() {
    let state = amended();
    let base = state.store.get(1).unwrap();
    state.store.put(&Generation { policy: plain().without_grants(&["site".to_owned()]), ..base }).unwrap();
    assert_eq!(state.store.get(2).unwrap(), state.whole);
    assert_eq!(files(state.directory.path()), ["generation-1.json", "generation-2.json"]);
}

#[test]
fn what_is_revised_is_kept_whole() {
    let state = amended();
    let revised = Generation { revised: Some(now()), ..state.whole.clone() };
    state.store.put(&revised).unwrap();
    assert_eq!(state.store.get(2).unwrap(), revised);
    assert_eq!(files(state.directory.path()), ["generation-1.json", "generation-2.json"]);
    state.store.forget(2).unwrap();
    assert_eq!(files(state.directory.path()), ["generation-1.json"]);
}

/// Killed between the new file and the end of the old one.
#[test]
fn of_two_files_of_one_generation_the_whole_one_holds_and_both_go_together() {
    let state = amended();
    let amended = fs::read(state.directory.path().join("generation-2.on-1.json")).unwrap();
    let revised = Generation { revised: Some(now()), ..state.whole.clone() };
    state.store.put(&revised).unwrap();
    fs::write(state.directory.path().join("generation-2.on-1.json"), amended).unwrap();
    assert_eq!(state.store.get(2).unwrap(), revised);
    assert_eq!(state.store.list().unwrap().len(), 2);
    state.store.forget(2).unwrap();
    assert_eq!(files(state.directory.path()), ["generation-1.json"]);
}

#[test]
fn a_base_stays_as_long_as_something_rests_on_it() {
    let mut state = State::new(&plain());
    for number in 2..=140 {
        let (one, file) = (grant("one", &["10.1.2.3"]), state.drop_in("one"));
        let (policy, sources) = (state.whole.policy.clone(), state.whole.sources.clone().unwrap());
        let glance = state.glance();
        if number % 2 == 0 {
            let step = glance.with_grant(&one, &file, String::new()).unwrap();
            state.take(step, policy.with_grant(one), sources.with_grant("one", &file, String::new()));
        } else {
            let names = ["one".to_owned()];
            let revocable = Revocable { grant: one, path: file.clone(), is_of_base: false };
            let step = glance.without_grants(&[revocable]).unwrap();
            state.take(step, policy.without_grants(&names), sources.without_grants(&names, &[file]));
        }
        state.store.prune(number).unwrap();
    }
    let numbers = state.store.numbers().unwrap();
    assert_eq!((numbers.len(), numbers[0], numbers[1]), (101, 1, 41));
    let whole = Generation { number: 141, ..state.whole.clone() };
    state.store.put(&whole).unwrap();
    (142..=239).for_each(|number| state.store.put(&Generation { number, ..whole.clone() }).unwrap());
    state.store.prune(239).unwrap();
    assert_eq!(state.store.numbers().unwrap()[..3], [1, 140, 141], "the last that rests on it is kept");
    state.store.put(&Generation { number: 240, ..whole }).unwrap();
    state.store.prune(240).unwrap();
    assert_eq!(state.store.numbers().unwrap()[0], 141);
}

#[test]
fn too_much_on_top_of_a_base_is_kept_whole() {
    let mut state = State::new(&plain());
    for number in 0u8..=u8::MAX {
        let name = format!("new-{number}");
        let (one, file) = (grant(&name, &[&format!("10.1.2.{number}")]), state.drop_in(&name));
        let (policy, sources) = (state.whole.policy.clone(), state.whole.sources.clone().unwrap());
        let Some(step) = state.glance().with_grant(&one, &file, String::new()) else {
            assert_eq!(number, 128);
            return;
        };
        state.take(step, policy.with_grant(one), sources.with_grant(&name, &file, String::new()));
    }
    panic!("there is no end to it");
}

#[test]
fn an_index_of_another_boot_or_of_another_file_is_none() {
    let state = State::new(&plain());
    let (index, base) = (state.directory.path().join("index"), state.directory.path().join("generation-1.json"));
    let good = fs::read(&index).unwrap();
    let is_good = || Index::open(&state.store).is_some();
    assert!(is_good());
    for damaged in [Vec::new(), vec![0; 7], vec![0xff; 64], good[1..good.len() - 9].to_vec(), vec![0; good.len()]] {
        fs::write(&index, damaged).unwrap();
        assert!(!is_good());
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let other = "00000000-0000-0000-0000-000000000000";
    let at = good.windows(other.len()).position(|window| window == boot.trim().as_bytes()).unwrap();
    let mut of_other = good.clone();
    of_other[at..at + other.len()].copy_from_slice(other.as_bytes());
    fs::write(&index, of_other).unwrap();
    assert!(!is_good());
    fs::write(&index, &good).unwrap();
    assert!(is_good());
    fs::write(&base, fs::read(&base).unwrap()).unwrap();
    assert!(!is_good());
}

#[test]
fn a_base_is_told_by_its_number_and_its_times() {
    let state = State::new(&plain());
    let one = Base::of(&state.whole);
    let others =
        [Base { number: 2, ..one }, Base { applied: Timestamp::MIN, ..one }, Base { revised: Some(now()), ..one }];
    assert!(others.iter().all(|other| *other != one));
}

/// The generations' files.
fn files(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("generation-")).collect();
    names.sort();
    names
}
