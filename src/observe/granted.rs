//! Which grants let packets through, by name.
//!
//! The rules count what each *set* of grants let through, and several grants have elements in one set:
//! a counter at every element would cost memory and time with thousands of grants, and kernels 5.15 fail
//! with it on large sets (openwrt/openwrt#10416). So grants are told apart as far as their sets are apart,
//! and share a count where they share a set; it is never guessed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::{Count, Counted, What};
use crate::policy::Policy;
use crate::ruleset::sets_of;

/// What one grant let through, or several together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrantedBy {
    /// Their names; a resolver's is `dns` and its address.
    pub grants: Vec<String>,
    /// How much, since their rules were made.
    #[serde(flatten)]
    pub count: Count,
}

/// What the grants of `policy`, which is in force, let through; the most first, and all of it shared out. A set's
/// counter goes on when a grant in it is revoked, so what that one let through is in it as well.
pub fn granted_by(policy: &Policy, counted: &[Counted], now: Timestamp) -> Vec<GrantedBy> {
    let mut groups: Vec<Group> = Vec::new();
    for grant in policy.exceptions() {
        let sets = sets_of(&grant, now);
        if !sets.is_empty() {
            add(&mut groups, grant.name.clone(), sets);
        }
    }
    let granted = || counted.iter().filter(|counted| counted.what == What::Granted);
    let by = groups.into_iter().map(|Group { grants, sets }| {
        let within = |counted: &&Counted| counted.set.as_ref().is_some_and(|set| sets.contains(set));
        GrantedBy { grants, count: granted().filter(within).map(|counted| counted.count).sum() }
    });
    let mut by: Vec<GrantedBy> = by.collect();
    by.sort_by_key(|by| std::cmp::Reverse(by.count.packets));
    by
}

/// Grants, and the sets that they have to themselves.
struct Group {
    grants: Vec<String>,
    sets: BTreeSet<String>,
}

/// Adds a grant to the group that it shares a set with; where there are several, they become one.
fn add(groups: &mut Vec<Group>, name: String, sets: Vec<String>) {
    let shares = |group: &Group| sets.iter().any(|set| group.sets.contains(set));
    let mut joined = match groups.iter().position(&shares) {
        Some(index) => groups.swap_remove(index),
        None => Group { grants: Vec::new(), sets: BTreeSet::new() },
    };
    while let Some(index) = groups.iter().position(&shares) {
        let Group { grants, sets } = groups.swap_remove(index);
        joined.grants.extend(grants);
        joined.sets.extend(sets);
    }
    joined.grants.push(name);
    joined.sets.extend(sets);
    groups.push(joined);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::{grant, narrow_grant, plain};
    use crate::policy::Grant;
    use crate::ruleset::{Features, compile};

    /// Each rule of grants has counted as many packets as its place says.
    fn counted(policy: &Policy, now: Timestamp) -> Vec<Counted> {
        let table = compile(policy, Features::ALL, now);
        let mut number = 0;
        let mut count = |mut one: Counted| {
            if one.what == What::Granted {
                number += 1;
                one.count = Count { packets: number, bytes: 0 };
            }
            one
        };
        super::super::counted(&table).into_iter().map(&mut count).collect()
    }

    #[test]
    fn a_grant_in_two_sets_joins_those_of_both() {
        let grants = vec![
            grant("ldap", &["10.57.17.5"]),
            narrow_grant("postgres", &["10.57.17.6"], &["5432/tcp"]),
            Grant {
                openings: vec![
                    narrow_grant("", &["10.57.17.9"], &["80/tcp"]).openings.remove(0),
                    grant("", &["10.57.17.8"]).openings.remove(0),
                ],
                ..grant("both", &[])
            },
        ];
        let policy = Policy { grants, resolvers: Vec::new(), ..plain() };
        let by = granted_by(&policy, &[], Timestamp::now());
        assert_eq!(by.len(), 1, "{by:?}");
        assert_eq!(by[0].grants, ["ldap", "postgres", "both"]);
    }

    #[test]
    fn grants_share_a_count_where_they_share_a_set_and_all_of_it_is_shared_out() {
        let grants = vec![
            grant("ldap", &["10.57.17.5"]),
            narrow_grant("postgres", &["10.57.17.6"], &["5432/tcp"]),
            narrow_grant("redis", &["10.57.17.7"], &["6379/tcp"]),
            grant("site", &["fd57:17::/64"]),
        ];
        let policy = Policy { grants, resolvers: Vec::new(), ..plain() };
        let now = Timestamp::now();
        let counted = counted(&policy, now);
        let by = granted_by(&policy, &counted, now);
        let names: BTreeSet<Vec<&str>> = by.iter().map(|by| by.grants.iter().map(String::as_str).collect()).collect();
        assert_eq!(names, [vec!["ldap"], vec!["postgres", "redis"], vec!["site"]].into());
        let all: u64 = counted.iter().filter(|one| one.what == What::Granted).map(|one| one.count.packets).sum();
        assert_eq!(by.iter().map(|by| by.count.packets).sum::<u64>(), all);
        assert!(all > 0);
    }
}
