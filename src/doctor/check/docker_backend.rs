//! (B6, B7) Which packet filter does Docker use, and is it the only one?

use super::super::finding::{Check, Finding, Severity, listed};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check = Check {
    id: "docker-backend",
    about: "iptables-legacy beside nf_tables: two packet filters at once",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    let (Some(ruleset), Some(legacy)) = (patient.ruleset(), &patient.settings.legacy_tables) else {
        return Vec::new();
    };
    if legacy.is_empty() {
        return Vec::new();
    }
    let by_nft = ["ip", "ip6"].iter().flat_map(|family| {
        let names = ["filter", "nat"].into_iter().filter(|name| ruleset.has_table(family, name));
        names.map(|name| format!("{family} {name}")).collect::<Vec<_>>()
    });
    let native = ["ip", "ip6"].into_iter().filter(|family| ruleset.has_table(family, "docker-bridges"));
    let native = native.map(|family| format!("{family} docker-bridges"));
    let others: Vec<String> = by_nft.chain(native).collect();
    let mut legacy = legacy.clone();
    // One list for each family.
    legacy.sort_unstable();
    legacy.dedup();
    let finding = match others.is_empty() {
        true => CHECK.found(
            Severity::Notice,
            format!("iptables-legacy has tables here: {}", listed(legacy)),
            "`nft` does not show them, and neither can dockwall look into them; the wall works all the same",
            "sudo iptables-legacy-save",
        ),
        false => CHECK.found(
            Severity::Warning,
            format!(
                "two packet filters are at work: iptables-legacy ({}) and nf_tables ({})",
                listed(legacy),
                listed(others)
            ),
            "a packet must pass both, and each program shows one of them: published ports and swarm's may be dead for \
             rules that nobody sees. The wall works all the same",
            "sudo iptables-legacy-save; sudo iptables-nft-save    # and flush those that nobody needs",
        ),
    };
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, ruleset_of};
    use super::*;

    #[test]
    fn legacy_alone_is_a_notice_and_beside_another_a_warning() {
        let legacy = |patient: &mut Patient| patient.settings.legacy_tables = Some(vec!["nat".into(), "filter".into()]);
        let both = fires(&CHECK, legacy);
        assert!(both[0].starts_with("warning: two packet filters") && both[0].contains("ip filter"), "{both:?}");
        let alone = fires(&CHECK, |patient| {
            legacy(patient);
            ruleset_of(patient).tables.clear();
        });
        assert!(alone[0].starts_with("notice: "), "{alone:?}");
    }
}
