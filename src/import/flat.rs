//! Chains as one list: every way through jumps to a rule that decides, in the order in which packets meet them.

use super::model::{Chain, Hook, Log, Rule, RuleSet, Target, Unsupported};
use super::read::Kind;
use super::space::Space;
use super::span::Family;

/// The deepest jump that is followed, as in the kernel (`NFT_JUMP_STACK_SIZE`).
const DEEPEST: usize = 16;

/// How long the list may get.
const LONGEST: usize = 50_000;

/// One way to a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flat<'r> {
    /// The jumps that lead to it, and the rule.
    pub path: Vec<&'r Rule>,
    /// Which packets come there.
    pub space: Space,
    /// What becomes of them.
    pub action: Action,
}

/// What a rule that decides does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// They go on in the list at that index; behind its end they pass.
    Pass(usize),
    /// They are gone.
    Deny {
        /// Whether the sender is told.
        reject: bool,
    },
    /// They are logged, and go on.
    Log(Log),
    /// Something that dockwall has no word for.
    Other(Unsupported),
}

/// Rules that no packet comes to.
pub type Unreached<'r> = (&'r Rule, &'r Rule);

/// The list of one family and hook.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List<'r> {
    /// In order.
    pub flats: Vec<Flat<'r>>,
    /// What no packet comes to, and the rule before it that lets none through.
    pub unreached: Vec<Unreached<'r>>,
    /// Jumps to chains that the text does not have.
    pub missing: Vec<(&'r Rule, String)>,
    /// Rules that packets may come to, among them those that only count.
    pub seen: Vec<&'r Rule>,
    /// Whether it got too long, or too deep.
    pub is_cut: bool,
}

impl Flat<'_> {
    /// The rule that decides.
    pub fn rule(&self) -> Option<&Rule> {
        self.path.last().copied()
    }

    /// The line of the rule that decides.
    pub fn line(&self) -> usize {
        self.rule().map_or(0, |rule| rule.line)
    }
}

/// The chains that packets come to first on a hook, in order. Of a dump only DOCKER-USER, which is all that is
/// anybody's own in Docker's tables.
pub fn entries(rules: &RuleSet, kind: Kind, family: Family, hook: Hook) -> Vec<&Chain> {
    let of_family = |chain: &&Chain| chain.families.contains(&family) && chain.table != crate::ruleset::TABLE_NAME;
    let user =
        rules.chains.iter().filter(of_family).filter(|chain| chain.table == "filter" && chain.name == "DOCKER-USER");
    let user: Vec<&Chain> = user.collect();
    let is_hooked = |chain: &&Chain| chain.hook.is_some_and(|(at, _)| at == hook);
    let mut bases: Vec<&Chain> = rules.chains.iter().filter(of_family).filter(is_hooked).collect();
    bases.sort_by_key(|chain| chain.hook.map(|(_, priority)| priority));
    if hook != Hook::Forward || user.is_empty() {
        return bases;
    }
    let is_dockers = |chain: &&Chain| chain.table == "filter" && chain.name == "FORWARD";
    match kind {
        Kind::Save | Kind::Ufw | Kind::Nft | Kind::NftJson => {
            let others = bases.into_iter().filter(|chain| !is_dockers(chain));
            user.into_iter().chain(others).collect()
        }
        // Docker's jump to it comes first; one that is written again changes nothing.
        Kind::Direct | Kind::DirectXml | Kind::Script => user.into_iter().chain(bases).collect(),
    }
}

/// The list of one family on a hook.
pub fn flatten<'r>(rules: &'r RuleSet, kind: Kind, family: Family, hook: Hook) -> List<'r> {
    let mut walker = Walker { rules, family, list: List::default() };
    let mut ends = Vec::new();
    for entry in entries(rules, kind, family, hook) {
        walker.chain(entry, &[], &Space::all(family), &mut ends);
        // RETURN here goes on to the next base chain, and ACCEPT as well: each has its say.
        let end = walker.list.flats.len();
        walker.settle(&ends, end);
        ends.clear();
    }
    walker.list
}

struct Walker<'r> {
    rules: &'r RuleSet,
    family: Family,
    list: List<'r>,
}

impl<'r> Walker<'r> {
    /// Where they go on that pass.
    fn settle(&mut self, passes: &[usize], end: usize) {
        for index in passes {
            if let Some(Flat { action: Action::Pass(until), .. }) = self.list.flats.get_mut(*index) {
                *until = end;
            }
        }
    }

    /// `accepted` collects what leaves the whole base chain.
    fn chain(&mut self, chain: &'r Chain, path: &[&'r Rule], space: &Space, accepted: &mut Vec<usize>) {
        let mut returned = Vec::new();
        let mut rules = chain.rules.iter();
        while let Some(rule) = rules.next() {
            if self.list.flats.len() >= LONGEST || path.len() >= DEEPEST {
                self.list.is_cut = true;
                break;
            }
            self.list.seen.push(rule);
            let narrowed = rule.matches.iter().try_fold(space.clone(), |space, condition| space.and(condition));
            let path: Vec<&Rule> = path.iter().copied().chain([rule]).collect();
            let Some(narrowed) = narrowed else { continue };
            let ends = rule.matches.is_empty();
            match &rule.target {
                Target::Nothing => continue,
                Target::Accept => accepted.push(self.push(path, narrowed, Action::Pass(usize::MAX))),
                Target::Return => returned.push(self.push(path, narrowed, Action::Pass(usize::MAX))),
                Target::Drop => drop(self.push(path, narrowed, Action::Deny { reject: false })),
                Target::Reject => drop(self.push(path, narrowed, Action::Deny { reject: true })),
                Target::Log(log) => {
                    self.push(path, narrowed, Action::Log(log.clone()));
                    continue;
                }
                Target::Other(other) => {
                    self.push(path, narrowed, Action::Other(other.clone()));
                    continue;
                }
                Target::Jump(name) | Target::Goto(name) => {
                    match self.rules.chain(self.family, &chain.table, name) {
                        Some(next) => self.chain(next, &path, &narrowed, accepted),
                        None => self.list.missing.push((rule, name.clone())),
                    }
                    if !matches!(rule.target, Target::Goto(_)) {
                        continue;
                    }
                    // What comes back from there leaves this chain as well.
                    returned.push(self.push(path, narrowed, Action::Pass(usize::MAX)));
                }
            }
            if ends {
                self.list.unreached.extend(rules.by_ref().map(|other| (other, rule)));
            }
        }
        let end = self.list.flats.len();
        self.settle(&returned, end);
    }

    fn push(&mut self, path: Vec<&'r Rule>, space: Space, action: Action) -> usize {
        self.list.flats.push(Flat { path, space, action });
        self.list.flats.len() - 1
    }
}
