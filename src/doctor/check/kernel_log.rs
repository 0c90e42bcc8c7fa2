//! (K4, K5, K7) Does the log reach anybody?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;
use crate::config::LogTarget;
use crate::host::how_to_load;
use crate::netlink::syslog_modules;

/// The check.
pub const CHECK: Check = Check {
    id: "log",
    about: "the log goes nowhere: a mute namespace, a missing module, no listener",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(log) = patient.policy().map(|policy| &policy.log).filter(|log| log.enabled) else {
        return Vec::new();
    };
    let settings = &patient.settings;
    let (modules, logger) = match log.target {
        LogTarget::Kernel => (syslog_modules(&patient.kernel_release), ["nf_log_ipv4", "nf_log_ipv6"]),
        LogTarget::Nflog(_) => (&["nfnetlink_log"][..], ["nfnetlink_log"; 2]),
    };
    let mut found = Vec::new();
    let lacks = settings.loggers.as_ref().is_some_and(|loggers| {
        // Before 5.14 each family's logger was a module of its own, by another name.
        loggers.iter().zip(logger).any(|(have, wanted)| !have.iter().any(|name| name == wanted || name == "nf_log_syslog"))
    });
    if lacks {
        found.push(CHECK.found(
            Severity::Warning,
            format!("enforcing, logging off: the kernel has nobody to take the lines (missing: {})", modules.join(", ")),
            "what is denied is dropped and counted, and no line tells of it",
            how_to_load(modules),
        ));
    }
    match log.target {
        LogTarget::Kernel if !settings.is_initial_netns => found.push(CHECK.found(
            Severity::Warning,
            "the kernel may write no line of the wall: this is not the network namespace that it was booted with",
            "from any other it logs only where net.netfilter.nf_log_all_netns is 1 outside, which cannot be seen from here; \
             the counters and `dockwall status` tell all the same",
            "write `log.target = \"nflog:5\"`, or outside: sudo sysctl -w net.netfilter.nf_log_all_netns=1",
        )),
        LogTarget::Nflog(group) if settings.log_groups.as_ref().is_some_and(|groups| !groups.contains(&group)) => {
            found.push(CHECK.found(
                Severity::Notice,
                format!("nobody listens to NFLOG group {group}"),
                "the wall's log goes there, and its lines are lost",
                format!("sudo tcpdump -i nflog:{group}    # or ulogd2"),
            ));
        }
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, re_apply};
    use super::*;

    #[test]
    fn a_namespace_other_than_the_first_is_mute_unless_it_is_nflog() {
        let with = |text: &str| {
            fires(&CHECK, |patient| {
                re_apply(patient, text);
                patient.settings.is_initial_netns = false;
                patient.settings.log_groups = Some(vec![5]);
            })
        };
        assert!(with("")[0].contains("not the network namespace"));
        assert_eq!(with("log.target = 'nflog:5'").len() + with("log.enabled = false").len(), 0);
        assert!(with("log.target = 'nflog:6'")[0].starts_with("notice: nobody listens"));
    }

    #[test]
    fn a_missing_module_is_logging_off() {
        for (release, module) in [("6.1.0-13-amd64", "nf_log_syslog"), ("5.10.0-28-amd64", "nf_log_ipv4, nf_log_ipv6")] {
            let found = fires(&CHECK, |patient| {
                patient.kernel_release = release.into();
                patient.settings.loggers = Some([vec!["nfnetlink_log".into()], Vec::new()]);
            });
            assert!(found[0].contains("enforcing, logging off") && found[0].contains(module), "{found:?}");
        }
    }
}
