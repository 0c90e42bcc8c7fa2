//! (E1, E3) Can containers ask the resolvers that they are given?

use super::super::finding::{Check, Finding, Severity, listed};
use super::super::patient::Patient;
use crate::policy::{Reach, UsedResolver, resolvers_under};

/// The check.
pub const CHECK: Check =
    Check { id: "resolvers", about: "containers are given resolvers that the wall denies", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(policy) = patient.policy() else {
        return Vec::new();
    };
    let used = resolvers_under(policy, &patient.host);
    let is_asked = |used: &&UsedResolver| used.origin.is_some();
    let closed: Vec<&UsedResolver> = used.iter().filter(is_asked).filter(|used| used.reach == Reach::Closed).collect();
    if closed.is_empty() {
        return Vec::new();
    }
    let all = closed.len() == used.iter().filter(is_asked).count();
    let name = |used: &&UsedResolver| match &used.origin {
        Some(origin) => format!("{} ({origin})", used.address),
        None => used.address.to_string(),
    };
    let opened_now = patient.resolved().is_some_and(|resolved| {
        closed.iter().all(|closed| {
            resolved.resolvers.iter().any(|used| used.address == closed.address && used.reach != Reach::Closed)
        })
    });
    let cure = match opened_now {
        true => patient.cure_by_following(),
        false => "write `dns.allow = \"auto\"`, or list them there; then `sudo dockwall apply`",
    };
    vec![CHECK.found(
        if all { Severity::Error } else { Severity::Warning },
        format!("containers are told to ask {}, which is denied", listed(closed.iter().map(name))),
        if all { "they look up no name at all" } else { "they wait for its answer before they ask another" },
        cure,
    )]
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, re_apply};
    use super::*;
    use crate::host::{Resolver, ResolverOrigin};

    #[test]
    fn a_resolver_that_the_policy_closes_is_told() {
        let none = fires(&CHECK, |patient| re_apply(patient, "dns.allow = 'none'"));
        assert!(none[0].starts_with("error: containers are told to ask 10.57.17.5 (/etc/resolv.conf)"), "{none:?}");
        let moved = fires(&CHECK, |patient| {
            let origin = ResolverOrigin::ResolvConf("/etc/resolv.conf".into());
            patient.host.resolvers.push(Resolver { address: "10.57.17.9".parse().unwrap(), origin });
        });
        assert!(moved[0].starts_with("warning: containers are told to ask 10.57.17.9"), "{moved:?}");
    }
}
