//! `nft` is the second opinion: whatever the policy, the text that `render` prints, loaded by
//! `nft`, and the messages that `apply` sends make the same kernel state.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use dockwall::config::Preset;
use dockwall::netlink::Error;
use dockwall::policy::{Grant, Networks, Opening, Policy};
use dockwall::ruleset::{Change, Expr, Rule, Table, chains, diff};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use support::policies::{any_policy, grant, plain, services, table};
use support::{Netns, listing, raw};

/// Runs `check` on that many policies (or pairs of them), in namespaces made once.
fn check_any<S: Strategy>(cases: u32, strategy: S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    // Fewer where a processor is emulated.
    let cases = std::env::var("DOCKWALL_CASES").map_or(cases, |cases| cases.parse().unwrap());
    let config = ProptestConfig { cases, max_shrink_iters: 200, failure_persistence: None, ..Default::default() };
    if let Err(failure) = TestRunner::new(config).run(&strategy, check) {
        panic!("{failure}");
    }
}

/// The table as it was defined, without what the kernel numbers and counts.
fn definition(table: &Table) -> Table {
    let mut table = table.clone();
    for rule in table.chains.iter_mut().flat_map(|chain| &mut chain.rules) {
        *rule = rule.definition();
    }
    table
}

#[test]
fn what_is_rendered_and_what_is_applied_are_the_same_to_nft_and_to_the_kernel() {
    let (by_nft, by_us) = (Netns::new(), Netns::new());
    check_any(96, any_policy(), |policy| same_to_both(&by_nft, &by_us, &table(&policy, 7)));
}

#[test]
fn every_preset_is_taken_by_nft_as_it_is_written() {
    let (by_nft, by_us) = (Netns::new(), Netns::new());
    for preset in ["internal", "recipe", "special"] {
        let denied: Networks = preset.parse::<Preset>().unwrap().targets().iter().copied().collect();
        assert!(!denied.ipv4.is_empty() && !denied.ipv6.is_empty());
        // The same networks as where from and where to of grants of every kind.
        let whole = Grant {
            openings: vec![Opening { to: denied.clone(), host: false, services: Vec::new() }],
            ..grant("whole", &[])
        };
        let ports = Grant {
            from: Some(denied.clone()),
            openings: vec![Opening { to: denied.clone(), host: true, services: services(&["443/tcp"]) }],
            ..grant("ports", &[])
        };
        let policy = Policy { denied, grants: vec![whole, ports], ..plain() };
        same_to_both(&by_nft, &by_us, &table(&policy, 7)).unwrap();
    }
}

/// That `nft` and the kernel say the same of the table, whether `nft` loaded its text or it was applied.
fn same_to_both(by_nft: &Netns, by_us: &Netns, want: &Table) -> Result<(), TestCaseError> {
    by_nft.nft("flush ruleset");
    by_us.kernel().remove().unwrap();
    by_us.replace(want);
    if !by_nft.loads(&want.to_string()) {
        // What it cannot write it reads all the same.
        prop_assert!(by_us.list().contains("table inet dockwall"));
        prop_assert_eq!(by_us.table().digest(), want.marker().unwrap().digest);
        return Ok(());
    }

    prop_assert_eq!(listing::without_expiry(&by_nft.list()), listing::without_expiry(&by_us.list()));
    prop_assert_eq!(raw::normal(raw::rules(by_nft)), raw::normal(raw::rules(by_us)));
    prop_assert_eq!(raw::chains(by_nft), raw::chains(by_us));
    prop_assert_eq!(raw::sets(by_nft), raw::sets(by_us));
    let (loaded, applied) = (by_nft.table(), by_us.table());
    prop_assert_eq!(definition(&loaded), definition(&applied));
    for read in [&loaded, &applied] {
        prop_assert_eq!(read.digest(), want.marker().unwrap().digest);
        prop_assert_eq!(diff(Some(read), want), vec![]);
    }
    Ok(())
}

#[test]
fn a_change_from_any_policy_to_any_other_gives_what_a_fresh_one_gives() {
    let (changed, fresh) = (Netns::new(), Netns::new());
    check_any(64, (any_policy(), any_policy()), |(before, after)| {
        changed.replace(&counted(&before));
        let live = changed.table();
        let want = table(&after, 2);
        let changes = diff(Some(&live), &want);
        prop_assert!(changes.iter().all(|change| !unhooks(change, &live, &want)), "{:?}", changes);

        changed.replace(&want);
        fresh.kernel().remove().unwrap();
        fresh.replace(&want);
        prop_assert_eq!(listing::blocks(&changed.list()), listing::blocks(&fresh.list()));
        prop_assert_eq!(kept_rules(&live, &changes), kept_rules(&changed.table(), &[]));
        prop_assert_eq!(changed.replace(&want).batches, 0);
        Ok(())
    });
}

#[test]
fn a18_i22_applying_fifty_times_sends_nothing_and_keeps_every_count() {
    let netns = Netns::new();
    netns.replace(&counted(&plain()));
    let (listed, generation) = (netns.list(), netns.read().generation);
    let mut kernel = netns.kernel();
    for _ in 0..50 {
        let sent = kernel.replace(|_| Ok::<_, Error>(table(&plain(), 1))).unwrap();
        assert_eq!((sent.batches, sent.changes, sent.bytes), (0, 0, 0));
    }
    assert_eq!(netns.list(), listed);
    assert_eq!(netns.read().generation, generation);
    assert!(listed.contains("counter packets 7 bytes 700"), "{listed}");
}

/// The table of generation 1 with every counter at seven packets, as if it had seen traffic.
fn counted(policy: &Policy) -> Table {
    let mut table = table(policy, 1);
    let rules = table.chains.iter_mut().flat_map(|chain| &mut chain.rules);
    for expression in rules.flat_map(|rule| &mut rule.expressions) {
        if matches!(expression, Expr::Counter { .. }) {
            *expression = Expr::Counter { packets: 7, bytes: 700 };
        }
    }
    table
}

/// Whether a base chain goes that is still wanted: the one at the input goes with the wish to close the
/// host, and the one before routing with the last grant for certain containers.
fn unhooks(change: &Change, live: &Table, want: &Table) -> bool {
    match change {
        Change::DeleteTable => true,
        Change::DeleteChain(name) if [chains::INPUT, chains::PREROUTING].contains(&name.as_str()) => {
            want.chain(name).is_some()
        }
        Change::DeleteChain(name) => live.chain(name).is_some_and(|chain| chain.base.is_some()),
        _ => false,
    }
}

/// The rules, with handles and counts, that `changes` leave alone; without changes, those that
/// were there before this generation, which their counts tell, and all of the base chain.
fn kept_rules(table: &Table, changes: &[Change]) -> Vec<(String, Rule)> {
    let deleted: Vec<Option<u64>> = changes
        .iter()
        .filter_map(|change| match change {
            Change::DeleteRule { rule, .. } => Some(rule.handle),
            _ => None,
        })
        .collect();
    let rules = table.chains.iter().flat_map(|chain| chain.rules.iter().map(|rule| (chain.name.clone(), rule.clone())));
    rules
        .filter(|(chain, rule)| chain == chains::FORWARD || rule.counter() == Some((7, 700)))
        .filter(|(_, rule)| !deleted.contains(&rule.handle))
        .collect()
}
