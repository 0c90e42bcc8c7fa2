//! Who shadows what.

use super::*;
use crate::config::Mode;
use crate::policies;
use crate::ruleset::Base;

fn chain(family: &'static str, table: &str, name: &str, hook: Hook, policy: ChainPolicy) -> ForeignChain {
    let base = Base { kind: "filter".to_owned(), hook, priority: 0, policy };
    ForeignChain { family, table: table.to_owned(), name: name.to_owned(), base }
}

fn shadowed_by(policy: &Policy, chain: ForeignChain) -> bool {
    !shadows(policy, &[chain]).is_empty()
}

#[test]
fn b1_a_policy_of_drop_shadows_what_is_granted_on_its_hook() {
    use ChainPolicy::{Accept, Drop};
    let beyond = Policy { resolvers: Vec::new(), mode: Mode::Enforce, ..policies::plain() };
    let mut on_host = beyond.clone();
    on_host.grants.iter_mut().flat_map(|grant| &mut grant.openings).for_each(|opening| opening.host = true);
    let nothing = Policy { grants: Vec::new(), ..beyond.clone() };
    for (family, table, name, hook, policy, by_beyond, by_host) in [
        ("inet", "filter", "forward", Hook::FORWARD, Drop, true, false),
        ("inet", "filter", "forward", Hook::FORWARD, Accept, false, false),
        ("ip", "filter", "FORWARD", Hook::FORWARD, Drop, false, false),
        ("ip6", "mine", "forward", Hook::FORWARD, Drop, true, false),
        ("ip", "filter", "INPUT", Hook::INPUT, Drop, false, true),
        ("inet", "filter", "output", Hook(3), Drop, false, false),
    ] {
        let chain = || chain(family, table, name, hook, policy);
        assert_eq!(shadowed_by(&beyond, chain()), by_beyond, "{family} {table} {name}");
        assert_eq!(shadowed_by(&on_host, chain()), by_host, "{family} {table} {name}");
        assert!(!shadowed_by(&nothing, chain()), "{family} {table} {name}");
    }
}
