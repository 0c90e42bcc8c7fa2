//! The kernel modules that expressions are in.

use super::expr;
use crate::host::kernel_release;
use crate::ruleset::{Expr, LogTarget, ONE_LOGGER};

/// The modules that `expression` needs in a rule of family inet, where this kernel has them as modules.
/// The other expressions are in nf_tables itself, or in `nft_NAME` in some kernel.
pub fn of(expression: &Expr) -> Vec<String> {
    in_kernel(&kernel_release(), expression)
}

/// The modules that write packets to the log of the kernel with that release.
pub fn syslog(release: &str) -> &'static [&'static str] {
    if ONE_LOGGER.is_in(release) { &["nf_log_syslog"] } else { &["nf_log_ipv4", "nf_log_ipv6"] }
}

fn in_kernel(release: &str, expression: &Expr) -> Vec<String> {
    let names: &[&str] = match expression {
        // Those of a family are in a module by that family's name: `MODULE_ALIAS_NFT_AF_EXPR` in the kernel.
        Expr::Fib { .. } => &["nft_fib_inet"],
        Expr::Reject(_) => &["nft_reject_inet"],
        // A rule is refused as well where nobody takes its lines: `nf_logger_find_get`.
        Expr::Log(log) => match log.target {
            LogTarget::Kernel { .. } => return of_both("nft_log", syslog(release)),
            LogTarget::Group(_) => &["nft_log", "nfnetlink_log"],
        },
        other => return vec![format!("nft_{}", expr::name(other))],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn of_both(one: &str, others: &[&str]) -> Vec<String> {
    std::iter::once(&one).chain(others).map(|name| (*name).to_owned()).collect()
}

/// Whether it is in a module of its own, in any kernel from 5.10 on, and reads no register: such a one can be a rule
/// by itself.
pub fn is_apart(expression: &Expr) -> bool {
    matches!(expr::name(expression), "ct" | "fib" | "limit" | "log" | "reject")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::policies::{any_policy, table};
    use crate::ruleset::{Log, Reject};

    const LISTED: &str = include_str!("../../packaging/modules-load.d/dockwall.conf");
    /// In nf_tables.ko itself: `nft_basic_types` in net/netfilter/nf_tables_core.c, and nft_counter, which
    /// was a module until Linux 5.17 and cannot be named in a list for later ones.
    const BUILT_IN: [&str; 9] =
        ["immediate", "cmp", "lookup", "bitwise", "byteorder", "payload", "dynset", "range", "meta"];

    /// Whether it is itself in a module, and not what it does per element.
    fn needed_by_itself(expression: &Expr) -> bool {
        !BUILT_IN.contains(&expr::name(expression)) && expr::name(expression) != "counter"
    }

    fn needed(expression: &Expr) -> BTreeSet<String> {
        let inner: &[Expr] = match expression {
            Expr::Dynset { expressions, .. } => expressions,
            _ => &[],
        };
        let all = std::iter::once(expression).chain(inner);
        let modules = all.filter(|each| !BUILT_IN.contains(&expr::name(each)) && expr::name(each) != "counter");
        // Who writes to the kernel log is listed by what every kernel calls it.
        let lasting = |module: String| match module.as_str() {
            "nf_log_syslog" | "nf_log_ipv4" => "nf-logger-2-0".to_owned(),
            "nf_log_ipv6" => "nf-logger-10-0".to_owned(),
            _ => module,
        };
        modules.flat_map(of).map(lasting).collect()
    }

    #[test]
    fn l4_a_module_is_named_as_modprobe_knows_it() {
        let log = |target| Expr::Log(Log { prefix: None, target });
        for (expression, modules) in [
            (Expr::Reject(Reject::TcpReset), vec!["nft_reject_inet"]),
            (log(LogTarget::Kernel { level: 4 }), vec!["nft_log", "nf_log_syslog"]),
            (log(LogTarget::Group(3)), vec!["nft_log", "nfnetlink_log"]),
            (Expr::COUNTER, vec!["nft_counter"]),
        ] {
            assert_eq!(in_kernel("6.1.0-13-amd64", &expression), modules);
        }
        let kernel = log(LogTarget::Kernel { level: 4 });
        assert_eq!(in_kernel("5.10.0-28-amd64", &kernel), ["nft_log", "nf_log_ipv4", "nf_log_ipv6"]);
    }

    proptest! {
        #[test]
        fn l5_every_module_that_a_ruleset_needs_is_loaded_at_boot(policy in any_policy()) {
            let table = table(&policy, 1);
            let listed: BTreeSet<_> = LISTED.lines().filter(|line| !line.starts_with('#')).collect();
            for expression in table.chains.iter().flat_map(|chain| &chain.rules).flat_map(|rule| &rule.expressions) {
                prop_assert_eq!(is_apart(expression), needed_by_itself(expression), "{}", expr::name(expression));
                for module in needed(expression) {
                    prop_assert!(listed.contains(module.as_str()), "{module} is not in modules-load.d/dockwall.conf");
                }
            }
        }
    }
}
