//! (A17) Was Docker told to make no rules?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check = Check { id: "docker-iptables-off", about: "Docker was told to make no rules", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let daemon = &patient.daemon;
    let off = [("iptables", daemon.iptables), ("ip6tables", daemon.ip6tables)];
    let finding = |(key, _): (&str, Option<bool>)| {
        let why = match key {
            "iptables" => {
                "nothing translates published ports or containers' addresses, and nothing keeps networks apart: dockwall \
                 is no replacement for that. What is forwarded all the same is denied as ever"
            }
            _ => "over IPv6, ports are published by Docker's proxy only and networks are not kept apart",
        };
        let severity = if key == "iptables" { Severity::Warning } else { Severity::Notice };
        let cure = format!("remove `\"{key}\": false` from {}, or --{key}=false, and restart Docker", daemon.file.display());
        CHECK.found(severity, format!("Docker makes no rules of its own: {key} is false"), why, cure)
    };
    off.into_iter().filter(|(_, value)| *value == Some(false)).map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::fires;
    use super::*;

    #[test]
    fn only_a_false_is_told() {
        let with = |value| fires(&CHECK, |patient| patient.daemon.iptables = value);
        assert!(with(Some(false))[0].starts_with("warning: Docker makes no rules"));
        assert_eq!(with(Some(true)).len(), 0);
        assert!(fires(&CHECK, |patient| patient.daemon.ip6tables = Some(false))[0].starts_with("notice: "));
    }
}
