//! What kernels differ in, asserted of the one that runs: what an older one lacks, the log may lose and the drop may
//! not. `scripts/kernels` runs it under five of them.

use serde_json::Value;

use crate::host::Host;
use crate::support::container;
use dockwall::ruleset::{METER_COUNTERS, Step, WAY_BACK_ANYWHERE, chains};

fn this_kernel_has(step: Step) -> bool {
    step.is_in(&dockwall::host::kernel_release())
}

#[test]
fn before_5_11_a_denied_flow_has_no_counts_and_the_doctor_says_so_and_since_then_it_has() {
    let host = Host::new("mode = \"enforce\"");
    let container = container::behind(&host.netns);
    host.expect(0, "apply");
    container::is_denied(&host.netns, &container, 9);
    let flows = host.json(0, "denied")["flows"].as_array().unwrap().clone();
    let of_port: Vec<&Value> = flows.iter().filter(|flow| flow["port"] == 9).collect();
    assert_eq!(of_port.len(), 2, "{flows:#?}");
    for flow in of_port {
        assert_eq!(flow["verdict"], "dropped");
        for count in ["packets", "bytes"] {
            assert_eq!(flow[count].is_u64(), this_kernel_has(METER_COUNTERS), "{flow}");
        }
    }
    // In all they are counted everywhere.
    assert!(host.json(0, "status")["wall"]["denied"]["packets"].as_u64().unwrap() >= 2);
    let told = host.run("doctor --ignore log");
    let said = told.stdout.contains("counts no packets per denied flow");
    assert_eq!(said, !this_kernel_has(METER_COUNTERS), "{}", told.stdout);
}

#[test]
fn before_5_18_a_forged_source_is_told_before_routing_and_since_then_where_a_packet_is_judged() {
    let host = Host::new("mode = \"enforce\"\n[[grant]]\nname = \"db\"\nto = \"10.1.2.3\"\nfrom = \"172.18.0.0/16\"\n");
    host.expect(0, "apply");
    let listed = host.netns.list();
    let before_routing = listed.contains(&format!("chain {} {{", chains::PREROUTING));
    assert_eq!(before_routing, !this_kernel_has(WAY_BACK_ANYWHERE), "{listed}");
    assert!(listed.contains("fib saddr . iif "), "{listed}");
    assert!(host.json(0, "plan")["changes"].as_array().unwrap().is_empty());
}
