//! (B4) Does the host forward at all?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check =
    Check { id: "forwarding-off", about: "the host does not forward, and Docker has networks", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let leads_out = || patient.docker_bridges().filter(|(network, _)| !network.internal);
    let families = [
        ("IPv4", patient.settings.forwards_ipv4, leads_out().any(|(network, _)| network.subnets.iter().any(is_ipv4)), "net.ipv4.ip_forward"),
        (
            "IPv6",
            patient.settings.forwards_ipv6,
            leads_out().any(|(network, _)| network.subnets.iter().any(|subnet| !is_ipv4(subnet))),
            "net.ipv6.conf.all.forwarding",
        ),
    ];
    let off = families.into_iter().filter(|(_, forwards, has, _)| *has && *forwards == Some(false));
    let finding = |(family, _, _, key): (&str, Option<bool>, bool, &str)| {
        CHECK.found(
            Severity::Warning,
            format!("the host does not forward {family}: {key} is 0"),
            "containers reach nothing but the host, and published ports are dead without Docker's proxy. Docker's nftables \
             backend does not turn it on; the wall has nothing to do with it",
            format!("sudo sysctl -w {key}=1    # and a file in /etc/sysctl.d makes it last"),
        )
    };
    off.map(finding).collect()
}

fn is_ipv4(subnet: &ipnet::IpNet) -> bool {
    subnet.addr().is_ipv4()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::fires;
    use super::*;

    #[test]
    fn a_family_that_docker_uses_must_be_forwarded() {
        let found = fires(&CHECK, |patient| {
            patient.settings.forwards_ipv4 = Some(false);
            patient.settings.forwards_ipv6 = Some(false);
        });
        assert_eq!(found.len(), 2);
        assert!(found[1].contains("IPv6"), "{found:?}");
    }
}
