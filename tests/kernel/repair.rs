//! Somebody changed our table by hand: it shows, and it is put right.

use dockwall::netlink::{Commit, Error};
use dockwall::policy::Policy;
use dockwall::ruleset::{Change, Elements, Set, diff};

use crate::is_at_least;
use crate::support::policies::{networks, plain, table};
use crate::support::{Netns, listing};

/// Does `tamper`, and checks that the digest tells and that applying again repairs all of it.
#[track_caller]
fn is_noticed_and_repaired(tamper: &str) {
    is_noticed_and_repaired_after("", tamper);
}

/// The same in two transactions, since the kernel does not put a table to sleep while it changes
/// the base chains in it.
#[track_caller]
fn is_noticed_and_repaired_after(earlier: &str, tamper: &str) {
    let netns = Netns::new();
    let want = table(&plain(), 3);
    netns.replace(&want);
    let before = listing::blocks(&netns.list());
    netns.load(earlier);
    netns.load(tamper);

    let live = netns.table();
    assert_ne!(live.digest(), live.marker().unwrap().digest, "not noticed: {tamper}");
    netns.replace(&want);
    assert_eq!(listing::blocks(&netns.list()), before, "{tamper}");
    let live = netns.table();
    assert_eq!(live.digest(), live.marker().unwrap().digest, "{tamper}");
    assert_eq!(diff(Some(&live), &want), vec![], "{tamper}");
}

/// The handle of the rule of `chain` that contains `text`.
fn handle(netns: &Netns, chain: &str, text: &str) -> String {
    let listed = netns.nft(&format!("-a list chain inet dockwall {chain}"));
    let line = listed.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{text} is not in {listed}"));
    line.rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn b12_a_rule_inserted_by_hand() {
    is_noticed_and_repaired("insert rule inet dockwall forward accept");
    is_noticed_and_repaired("add rule inet dockwall DOCKER-USER-DROP log prefix \"x\" accept");
}

#[test]
fn b12_a_rule_with_an_anonymous_set_inserted_by_hand() {
    is_noticed_and_repaired("insert rule inet dockwall forward ip daddr { 10.0.0.1, 10.0.0.2 } accept");
    is_noticed_and_repaired(
        "insert rule inet dockwall forward ip daddr vmap { 10.0.0.1 : accept, 10.0.0.2 : jump DOCKER-USER-DROP }",
    );
}

#[test]
fn b12_a_rule_deleted_by_hand() {
    is_noticed_and_repaired("flush chain inet dockwall DOCKER-USER-DROP");
    is_noticed_and_repaired("flush chain inet dockwall forward");
}

#[test]
fn b12_a_rule_moved_by_hand() {
    let netns = Netns::new();
    let want = table(&plain(), 3);
    netns.replace(&want);
    let before = netns.list();
    let chain = "DOCKER-USER";
    netns.nft(&format!("delete rule inet dockwall {chain} handle {}", handle(&netns, chain, "ct direction reply")));
    netns.load(&format!(
        "add rule inet dockwall {chain} ct direction reply return comment \"answers to flows from outside\""
    ));
    let live = netns.table();
    assert_ne!(live.digest(), want.digest());
    // Only what was moved is touched.
    assert_eq!(netns.replace(&want).changes, 2);
    assert_eq!(netns.list(), before);
}

#[test]
fn chains_and_sets_that_are_not_ours_go() {
    is_noticed_and_repaired("add chain inet dockwall x { type filter hook forward priority -21; policy accept; }");
    is_noticed_and_repaired(
        "table inet dockwall { chain x { accept; }; chain y { jump x; }; chain forward { jump y; }; }",
    );
    is_noticed_and_repaired("add set inet dockwall x { type ifname; flags interval; elements = { \"a*\" }; }");
    is_noticed_and_repaired("add map inet dockwall x { type ipv4_addr : mark; elements = { 10.0.0.1 : 7 }; }");
}

#[test]
fn a_map_with_jumps_goes_before_the_chain_that_it_jumps_to() {
    is_noticed_and_repaired(
        "table inet dockwall { chain x { accept; }; map m { type ipv4_addr : verdict; elements = { 10.0.0.1 : jump x } }
         chain forward { ip daddr vmap @m; }; }",
    );
}

#[test]
fn elements_that_came_or_went_by_hand() {
    is_noticed_and_repaired("add element inet dockwall grant4 { 11.0.0.0/9, 192.168.0.0-192.168.0.9 }");
    is_noticed_and_repaired("add element inet dockwall grant4 { 12.0.0.0/8 comment \"mine\" }");
    is_noticed_and_repaired("delete element inet dockwall deny4 { 10.0.0.0/8 }");
    is_noticed_and_repaired("flush set inet dockwall deny6");
    is_noticed_and_repaired("add element inet dockwall containers { \"eth0\" }");
    is_noticed_and_repaired("delete element inet dockwall port-protocols { tcp }");
}

#[test]
fn an_element_for_everything_is_noticed_and_goes() {
    // Linux knows such elements since 5.13.
    if !is_at_least(5, 13) {
        let netns = Netns::new();
        netns.replace(&table(&plain(), 1));
        assert!(!netns.try_load("add element inet dockwall port-protocols { * }").status.success());
        return;
    }
    is_noticed_and_repaired("add element inet dockwall port-protocols { * }");

    // nft 1.0.6 crashes when it adds one to an interval set that is there, so that one is loaded.
    let netns = Netns::new();
    let want = table(&Policy { denied: networks(&["10.0.0.0/8"]), ..plain() }, 3);
    let text = want.to_string();
    let (before, after) = text.split_once("set deny6 {\n").unwrap();
    netns.load(&format!("{before}set deny6 {{\nelements = {{ * }}\n{after}"));
    assert_ne!(netns.table().digest(), want.digest());
    netns.replace(&want);
    assert_eq!(netns.table().digest(), want.digest());
    assert!(!netns.list().contains("{ * }"));
}

#[test]
fn sets_declared_in_another_way_are_made_anew_with_the_rules_that_use_them() {
    is_noticed_and_repaired(
        "flush chain inet dockwall DOCKER-USER-DENY-INTERNAL; flush chain inet dockwall DOCKER-USER-PUBLISHED
         delete set inet dockwall grant4
         add set inet dockwall grant4 { type ipv4_addr; flags interval,timeout; }
         add rule inet dockwall DOCKER-USER-DENY-INTERNAL ip daddr @grant4 accept",
    );
}

#[test]
fn the_policy_of_a_base_chain_is_put_back() {
    is_noticed_and_repaired("add chain inet dockwall forward { policy drop; }");
}

#[test]
fn a_table_that_was_put_to_sleep_is_woken() {
    is_noticed_and_repaired("add table inet dockwall { flags dormant; }");
    let asleep = "add chain inet dockwall x { type filter hook input priority 0; }; flush chain inet dockwall forward";
    is_noticed_and_repaired_after(asleep, "add table inet dockwall { flags dormant; }");
    let asleep = "add chain inet dockwall forward { policy drop; }";
    is_noticed_and_repaired_after(asleep, "add table inet dockwall { flags dormant; }");
    let asleep = "flush chain inet dockwall forward; delete chain inet dockwall forward";
    is_noticed_and_repaired_after(asleep, "add table inet dockwall { flags dormant; }");
}

#[test]
fn a_table_that_was_deleted_is_made_anew() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    let before = netns.list();
    netns.nft("delete table inet dockwall");
    assert!(netns.read().table.is_none());
    netns.replace(&table(&plain(), 1));
    assert_eq!(netns.list(), before);
}

#[test]
fn i16_an_element_that_somebody_deleted_meanwhile_does_not_abort_the_rest() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    let want = table(&Policy { grants: Vec::new(), denied: networks(&["172.16.0.0/12"]), ..plain() }, 2);
    let mut tampered = false;
    let sent = netns.kernel().replace(|_| {
        // Between our reading and our batch.
        if !std::mem::replace(&mut tampered, true) {
            netns.nft("delete element inet dockwall grant4 { 10.57.17.6 }");
        }
        Ok::<_, Error>(want.clone())
    });
    assert_eq!(sent.unwrap().batches, 1);
    assert_eq!(netns.table().digest(), want.digest());
}

#[test]
fn i16_an_element_that_is_gone_makes_the_change_stale_and_not_wrong() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    let before = netns.list();
    let gone = Set::ipv4_intervals("grant4", networks(&["203.0.113.0/24"]).ipv4);
    let there = Set { elements: Elements::Ipv4(networks(&["10.57.17.6"]).ipv4), ..gone.clone() };
    let generation = netns.read().generation;
    for change in [Change::DeleteElements(gone), Change::AddElements(there)] {
        let other = Change::DeleteElements(Set::ipv4_intervals("deny4", networks(&["10.0.0.0/8"]).ipv4));
        let commit = netns.kernel().commit(&[other, change], generation).unwrap();
        assert!(matches!(commit, Commit::Stale(Some(_))), "{commit:?}");
        assert_eq!(netns.list(), before);
    }
}
