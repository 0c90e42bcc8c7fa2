//! Whatever the kernel holds of ours, and whoever changed it meanwhile, the difference makes it
//! what it shall be, and leaves alone what is right already.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::fake::FakeKernel;
use super::*;
use crate::policies::{self, any_networks, any_policy, plain, table};

/// What somebody may do to our table by hand.
#[derive(Debug, Clone)]
enum Tampering {
    DeleteRule(Index, Index),
    InsertRule(Index, Index, Index),
    MoveRule(Index, Index, Index),
    FlushChain(Index),
    AddChain { jumped_to_from: Index, based: bool },
    AddSet { looked_up_in: Index, anonymous: bool },
    DeleteSet(Index),
    Elements(Index, crate::policy::Networks),
    Redeclare(Index, u32),
    Policy,
    Place(i32),
    Comment(Index),
    Sleep,
}

fn any_tampering() -> impl Strategy<Value = Tampering> {
    let index = any::<Index>;
    prop_oneof![
        (index(), index()).prop_map(|(chain, rule)| Tampering::DeleteRule(chain, rule)),
        (index(), index(), index()).prop_map(|(chain, place, what)| Tampering::InsertRule(chain, place, what)),
        (index(), index(), index()).prop_map(|(chain, from, to)| Tampering::MoveRule(chain, from, to)),
        index().prop_map(Tampering::FlushChain),
        (index(), any::<bool>()).prop_map(|(jumped_to_from, based)| Tampering::AddChain { jumped_to_from, based }),
        (index(), any::<bool>()).prop_map(|(looked_up_in, anonymous)| Tampering::AddSet { looked_up_in, anonymous }),
        index().prop_map(Tampering::DeleteSet),
        (index(), any_networks()).prop_map(|(set, networks)| Tampering::Elements(set, networks)),
        (index(), 0u32..64).prop_map(|(set, flags)| Tampering::Redeclare(set, flags)),
        Just(Tampering::Policy),
        (-30..0).prop_map(Tampering::Place),
        index().prop_map(Tampering::Comment),
        Just(Tampering::Sleep),
    ]
}

impl Tampering {
    fn apply(self, table: &mut Table, number: usize) {
        let handle = Some(1_000_000 + number as u64);
        let chain_at = |table: &Table, index: Index| index.index(table.chains.len());
        match self {
            Self::DeleteRule(chain, rule) => {
                let chain = chain_at(table, chain);
                let rules = &mut table.chains[chain].rules;
                if !rules.is_empty() {
                    rules.remove(rule.index(rules.len()));
                }
            }
            Self::InsertRule(chain, place, what) => {
                let foreign = [Rule::new().drop(), Rule::new().count().return_(), Rule::new().jump(chains::DROP)];
                let chain = chain_at(table, chain);
                let rule = what.get(&foreign).clone();
                let rules = &mut table.chains[chain].rules;
                rules.insert(place.index(rules.len() + 1), Rule { handle, ..rule });
            }
            Self::MoveRule(chain, from, to) => {
                let chain = chain_at(table, chain);
                let rules = &mut table.chains[chain].rules;
                if !rules.is_empty() {
                    let rule = rules.remove(from.index(rules.len()));
                    rules.insert(to.index(rules.len() + 1), Rule { handle, ..rule });
                }
            }
            Self::FlushChain(chain) => {
                let chain = chain_at(table, chain);
                table.chains[chain].rules.clear();
            }
            Self::AddChain { jumped_to_from, based } => {
                let name = format!("foreign-{number}");
                let from = chain_at(table, jumped_to_from);
                let chain =
                    Chain::filter(&name, Hook::INPUT, number as i32, vec![Rule { handle, ..Rule::new().drop() }]);
                if !based {
                    let jump = Rule { handle: handle.map(|handle| handle + 500_000), ..Rule::new().jump(&name) };
                    table.chains[from].rules.push(jump);
                }
                table.chains.push(Chain { base: chain.base.clone().filter(|_| based), ..chain });
            }
            Self::AddSet { looked_up_in, anonymous } => {
                let name = format!("foreign-set-{number}");
                let from = chain_at(table, looked_up_in);
                table.chains[from].rules.push(Rule { handle, ..Rule::new().protocol_in(&name).drop() });
                let set = Set::exact(&name, DataType::InetProto, vec![vec![6]]);
                table.sets.push(Set { flags: if anonymous { SET_ANONYMOUS } else { 0 }, ..set });
            }
            Self::DeleteSet(set) => {
                let gone = table.sets.remove(set.index(table.sets.len())).name;
                for chain in &mut table.chains {
                    chain.rules.retain(|rule| rule.references().all(|name| name != gone));
                }
            }
            Self::Elements(set, networks) => {
                let set = set.index(table.sets.len());
                match &mut table.sets[set].elements {
                    Elements::Ipv4(there) => *there = networks.ipv4,
                    Elements::Ipv6(there) => *there = networks.ipv6,
                    Elements::Exact(there) => there.clear(),
                    Elements::Boxes(there) => {
                        there.pop();
                    }
                }
            }
            Self::Redeclare(set, flags) => {
                let set = set.index(table.sets.len());
                table.sets[set].flags = flags & !SET_ANONYMOUS;
            }
            Self::Policy => table.chains.iter_mut().filter_map(|chain| chain.base.as_mut()).for_each(|base| {
                base.policy = ChainPolicy::Drop;
            }),
            Self::Place(priority) => table.chains.iter_mut().filter_map(|chain| chain.base.as_mut()).for_each(|base| {
                base.priority = priority;
            }),
            Self::Comment(chain) => {
                let chain = chain_at(table, chain);
                table.chains[chain].comment = Some("mine".to_owned());
            }
            Self::Sleep => table.flags |= TABLE_DORMANT,
        }
    }
}

/// An anonymous set goes with its rule.
fn forget_orphans(table: &mut Table) {
    let rules = table.chains.iter().flat_map(|chain| &chain.rules);
    let used: Vec<String> = rules.flat_map(Rule::references).map(str::to_owned).collect();
    table.sets.retain(|set| !set.is_anonymous() || used.contains(&set.name));
}

/// Does what [`crate::netlink::Kernel::replace`] does, and gives the changes of each batch.
fn replace(kernel: &mut FakeKernel, want: &Table) -> Result<Vec<Vec<Change>>, TestCaseError> {
    let mut batches = Vec::new();
    for _ in 0..5 {
        let stages = stages(kernel.table.as_ref(), want.clone());
        let left = stages.iter().map(|stage| diff(kernel.table.as_ref(), stage));
        let Some(changes) = left.into_iter().find(|changes| !changes.is_empty()) else {
            return Ok(batches);
        };
        kernel
            .commit(&changes)
            .map_err(|(change, errno)| TestCaseError::fail(format!("{errno} for {change} in {changes:#?}")))?;
        batches.push(changes);
    }
    Err(TestCaseError::fail(format!("never done: {batches:#?}")))
}

/// All that the table says, in an order of its own.
fn definition(table: &Table) -> Table {
    let mut table = table.clone();
    for chain in &mut table.chains {
        chain.rules = chain.rules.iter().map(Rule::definition).collect();
    }
    table.chains.sort_by(|a, b| a.name.cmp(&b.name));
    table.sets.sort_by(|a, b| a.name.cmp(&b.name));
    table
}

/// The rules that need not be touched: as many as the old and the new chain have in common, in
/// this order. Whatever names an object that is made anew must be made anew.
fn untouched(old: &Chain, new: &Chain, live: &Table, want: &Table) -> usize {
    let kept = |name: &str| {
        let sets = live.set(name).zip(want.set(name)).is_some_and(|(old, new)| old.same_declaration(new));
        let chains = live.chain(name).zip(want.chain(name));
        sets || chains.is_some_and(|(old, new)| old.comment == new.comment)
    };
    let mut longest = vec![0; new.rules.len() + 1];
    for rule in old.rules.iter().filter(|rule| rule.references().all(kept)) {
        let mut diagonal = 0;
        for (index, wanted) in new.rules.iter().enumerate() {
            let above = longest[index + 1];
            let same = rule.definition() == wanted.definition();
            longest[index + 1] = if same { diagonal + 1 } else { longest[index].max(above) };
            diagonal = above;
        }
    }
    longest.last().copied().unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn j2_the_difference_makes_any_table_what_it_shall_be_and_touches_no_rule_that_is_right(
        (before, after) in (any_policy(), any_policy()),
        tampering in vec(any_tampering(), 0..5),
    ) {
        let mut kernel = FakeKernel::default();
        replace(&mut kernel, &table(&before, 1))?;
        let live = kernel.table.as_mut().unwrap();
        tampering.into_iter().enumerate().for_each(|(number, tampering)| tampering.apply(live, number));
        forget_orphans(live);
        let (live, want) = (live.clone(), table(&after, 2));

        let batches = replace(&mut kernel, &want)?;
        let now = kernel.table.clone().unwrap();
        prop_assert_eq!(definition(&now), definition(&want));
        prop_assert_eq!(now.digest(), want.marker().unwrap().digest);
        prop_assert!(replace(&mut kernel, &want)?.is_empty());
        prop_assert_eq!(diff(Some(&now), &want), vec![]);
        if batches.len() == 1 {
            for (old, new) in now.chains.iter().filter_map(|chain| live.chain(&chain.name).zip(Some(chain))) {
                let same_place = old.base.as_ref().map(|base| base.priority) == new.base.as_ref().map(|base| base.priority);
                if same_place && old.comment == new.comment {
                    let handles: Vec<_> = old.rules.iter().map(|rule| rule.handle).collect();
                    let kept = new.rules.iter().filter(|rule| handles.contains(&rule.handle)).count();
                    prop_assert_eq!(kept, untouched(old, new, &live, &want), "{}", new.name);
                }
            }
        }
        for changes in &batches {
            let base = |name: &String| want.chain(name).is_some_and(|chain| chain.base.is_some());
            let unhooked = changes.iter().any(|change| matches!(change, Change::DeleteChain(name) if base(name)));
            // Then another one is hooked, by an earlier batch, or nothing is.
            prop_assert!(!unhooked || batches.len() > 1 || live.is_dormant(), "{changes:#?}");
        }
    }
}

#[test]
fn nothing_is_said_of_what_stays() {
    let mut kernel = FakeKernel::default();
    kernel.commit(&diff(None, &table(&plain(), 1))).unwrap();
    let other = crate::policy::Policy { grants: vec![policies::grant("one", &["10.57.17.6"])], ..plain() };
    let changes = diff(kernel.table.as_ref(), &table(&other, 2));
    let said: Vec<String> = changes.iter().map(ToString::to_string).collect();
    // A set that would be empty goes, with the rules that look into it.
    let looks = |chain| format!("rule {chain} ip6 daddr @grant6 counter return comment \"grants\"");
    assert_eq!(
        said,
        [
            looks(chains::DENY).as_str(),
            &looks(chains::PUBLISHED),
            "set grant6",
            "chain generation",
            "chain generation",
            "element grant4 { 10.60.0.0/16 }"
        ]
    );
}

#[test]
fn the_fake_kernel_refuses_what_the_real_one_refuses() {
    use rustix::io::Errno;
    let mut kernel = FakeKernel::default();
    assert_eq!(kernel.commit(&[Change::DeleteTable]).map_err(|(_, errno)| errno), Err(Errno::NOENT));
    kernel.commit(&diff(None, &table(&plain(), 1))).unwrap();
    let grants = |written: &[&str]| Set::ipv4_intervals("grant4", policies::networks(written).ipv4);
    let rule = |rule| Change::AddRule { chain: "forward".to_owned(), rule, number: 1, before: None };
    let small = Set { size: Some(1), ..grants(&["10.0.0.1", "10.0.0.3"]) };
    let small = Set { name: "small".to_owned(), ..small };
    let empty = Set { elements: small.elements.none(), ..small.clone() };
    for (changes, errno) in [
        (vec![Change::AddTable { comment: None, flags: 0 }], Errno::EXIST),
        (vec![Change::AddSet(grants(&[]))], Errno::EXIST),
        (vec![Change::AddElements(grants(&["10.57.0.0/16"]))], Errno::EXIST),
        (vec![Change::DeleteElements(grants(&["10.57.0.0/16"]))], Errno::NOENT),
        (vec![Change::AddSet(empty), Change::AddElements(small)], Errno::NFILE),
        (vec![Change::DeleteSet("deny4".to_owned())], Errno::BUSY),
        (vec![Change::DeleteSet("nowhere".to_owned())], Errno::NOENT),
        (vec![Change::DeleteChain("forward".to_owned())], Errno::BUSY),
        (vec![Change::AddChain(Chain::regular("forward", Vec::new()))], Errno::EXIST),
        (vec![rule(Rule::new().jump("nowhere"))], Errno::NOENT),
        (vec![Change::DeleteRule { chain: "forward".to_owned(), rule: Rule::new() }], Errno::NOENT),
    ] {
        let before = kernel.table.clone();
        assert_eq!(kernel.commit(&changes).map_err(|(_, errno)| errno), Err(errno), "{changes:?}");
        assert_eq!(kernel.table, before);
    }
}
