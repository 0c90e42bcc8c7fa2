//! What both sides are given: configurations for dockwall, and the same policy as text for nft.

use std::net::Ipv4Addr;

/// A configuration that denies that many networks, of which no two overlap or touch: in the kernel
/// they stay as many.
pub fn configuration(networks: u32) -> String {
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 0));
    let mut text = "[deny]\nranges = [\n".to_owned();
    for index in 0..networks {
        // Every second /28.
        text.extend(["  \"", &Ipv4Addr::from(first + index * 32).to_string(), "/28\",\n"]);
    }
    text + "]\n"
}

/// As many flows as a meter holds, of some containers.
pub fn denied_flows() -> String {
    let mut text = "add element inet dockwall denied4 {\n".to_owned();
    for port in 1..=u16::MAX {
        let source = Ipv4Addr::new(172, 21, 0, (port % 250) as u8 + 2);
        text += &format!(
            "{source} . 10.57.17.6 . tcp . {port} counter packets {port} bytes 4000 \
             limit rate 6/minute burst 5 packets timeout 1d,\n"
        );
    }
    text + "}\n"
}

/// A ruleset that takes the place of the one in the kernel, in one transaction.
pub fn reload(rendered: &str) -> String {
    format!("table inet dockwall\ndelete table inet dockwall\n{rendered}")
}

/// The chains in which two rendered rulesets differ, to take the place of those in the kernel in one
/// transaction. The mark is made anew, since a chain that is there keeps its comment.
pub fn change(from: &str, to: &str) -> String {
    let mark = "generation";
    let mut commands = format!("delete chain inet dockwall {mark}\n");
    let mut chains = String::new();
    for (name, chain) in chains_in(to).filter(|(_, chain)| !from.contains(chain)) {
        if name != mark {
            commands += &format!("flush chain inet dockwall {name}\n");
        }
        chains += &format!("{chain}\n");
    }
    format!("{commands}table inet dockwall {{\n{chains}}}\n")
}

/// The chains of a rendered ruleset, each with its name.
fn chains_in(rendered: &str) -> impl Iterator<Item = (&str, &str)> {
    rendered.split("\n\n").filter_map(|block| {
        let (name, _) = block.strip_prefix("\tchain ")?.split_once(' ')?;
        Some((name, block.strip_suffix("\n}\n").unwrap_or(block)))
    })
}

/// The rules as iptables writes them, for IPv4 only: nine networks, a log that is limited for each
/// flow, a drop.
pub fn iptables() -> String {
    let networks = [
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
    ];
    let mut text = "*filter\n:FORWARD ACCEPT [0:0]\n".to_owned();
    text.push_str(":DOCKER-USER - [0:0]\n:DOCKER-USER-DENY-INTERNAL - [0:0]\n:DOCKER-USER-DROP - [0:0]\n");
    text.push_str("-A FORWARD -j DOCKER-USER\n");
    for interface in ["docker0", "br-+"] {
        for network in networks {
            text.extend(["-A DOCKER-USER -d ", network, " -i ", interface, " -j DOCKER-USER-DENY-INTERNAL\n"]);
        }
    }
    text.push_str(
        "-A DOCKER-USER-DENY-INTERNAL -m conntrack --ctdir REPLY -j RETURN\n\
         -A DOCKER-USER-DENY-INTERNAL -o docker0 -j RETURN\n\
         -A DOCKER-USER-DENY-INTERNAL -o br-+ -j RETURN\n\
         -A DOCKER-USER-DENY-INTERNAL -j DOCKER-USER-DROP\n\
         -A DOCKER-USER-DROP -m hashlimit --hashlimit-upto 6/minute --hashlimit-burst 5 \
         --hashlimit-mode srcip,dstip,dstport --hashlimit-name denied -j LOG --log-prefix \"DOCKER_NET_DROP \"\n\
         -A DOCKER-USER-DROP -j DROP\nCOMMIT\n",
    );
    text
}
