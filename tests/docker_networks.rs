//! What is closed to the containers of every kind of Docker network.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use support::lab::table::{Expected, Table};
use support::lab::{
    BEHIND_LAN, BRANCH, CONTAINERS, DENY_ALL_OF_THEM, LAN, Lab, METADATA, NETWORKS, Network, VPN, Verdict, WAN,
    every_way,
};

/// A neighbour, for all containers.
const GRANTS: &str = r#"
[[grant]]
name = "four"
to = "10.57.17.6"
[[grant]]
name = "six"
to = "fd57:17::6"
"#;

const GRANTED: [&str; 2] = ["10.57.17.6", "fd57:17::6"];

fn outside_of(table: &mut Table, place: &str) {
    let not_granted: Vec<&str> = LAN.into_iter().filter(|address| !GRANTED.contains(address)).collect();
    table.add(place, "neighbour", every_way(&GRANTED), Expected::grantable());
    table.add(place, "neighbour", every_way(&not_granted), Expected::closed());
    table.add(place, "in a denied range", every_way(&BEHIND_LAN), Expected::closed());
    table.add(place, "behind a router", every_way(&BRANCH), Expected::closed());
    table.add(place, "VPN", every_way(&VPN), Expected::closed());
    table.add(place, "metadata", METADATA.map(|address| format!("tcp {address} 80")), Expected::closed());
    table.add(place, "the Internet", every_way(&WAN), Expected::open());
}

#[test]
fn c1_c3_c4_c11_e7_the_lan_is_closed_to_every_kind_of_network_by_every_uplink() {
    let lab = Lab::up(&["--tun", "wg0"]);
    let mut table = Table::default();
    for container in CONTAINERS {
        outside_of(&mut table, container);
    }
    for network in &NETWORKS {
        let place = lab.network(network);
        match network {
            Network { leads_out: true, .. } => outside_of(&mut table, &place),
            Network { leads_out: false, .. } => {
                let probes = LAN.iter().chain(&WAN).map(|address| format!("tcp {address} 7000"));
                table.add(&place, "anybody, by Docker", probes, Expected::always(Verdict::Timeout));
            }
        }
    }
    table.judge_policy(&lab, "every kind of network", DENY_ALL_OF_THEM, Some(GRANTS));
}
