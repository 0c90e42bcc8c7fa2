//! What both sides are given: configurations for dockwall, and the same policy as text for nft.

use std::net::Ipv4Addr;

/// A configuration that denies that many networks, of which no two overlap or touch: in the kernel
/// they stay as many.
pub fn configuration(networks: u32) -> String {
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 0));
    let mut text = "[deny]\nranges = [\n".to_owned();
    for index in 0..networks {
        // Every second /29: a million of them end within 10.0.0.0/8.
        text.extend(["  \"", &Ipv4Addr::from(first + index * 16).to_string(), "/29\",\n"]);
    }
    text + "]\n"
}

/// The same with a grant of one address.
pub fn with_grant(configuration: &str) -> String {
    format!("{configuration}\n[[grant]]\nname = \"first\"\nto = \"10.254.0.1\"\n")
}

/// What a grant opens, by which it is decided in which set it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An address.
    Address,
    /// A port of an address.
    Port,
    /// The same, from one address.
    Flow,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Address, Self::Port, Self::Flow];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Address => "an address",
            Self::Port => "address and port",
            Self::Flow => "source, address and port",
        }
    }
}

/// A configuration with that many grants, of which no two overlap or touch.
pub fn grants(kind: Kind, count: u32) -> String {
    let first = u32::from(Ipv4Addr::new(10, 1, 0, 0));
    let rest = match kind {
        Kind::Address => "",
        Kind::Port => "ports = [\"5432/tcp\"]\n",
        Kind::Flow => "from = \"172.17.0.9\"\nports = [\"5432/tcp\"]\n",
    };
    let grant = |index| {
        let to = Ipv4Addr::from(first + index * 2);
        format!("[[grant]]\nname = \"g{index}\"\nto = \"{to}\"\n{rest}")
    };
    (0..count).map(grant).collect()
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

/// The same rules as firewalld keeps them in its `direct.xml`.
pub fn direct_xml() -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<direct>\n".to_owned();
    for line in iptables().lines() {
        if let Some(chain) =
            line.strip_prefix(':').and_then(|rest| rest.split(' ').next()).filter(|name| *name != "FORWARD")
        {
            text += &format!("  <chain ipv=\"ipv4\" table=\"filter\" chain=\"{chain}\"/>\n");
        }
        if let Some((chain, rule)) = line.strip_prefix("-A ").and_then(|rest| rest.split_once(' ')) {
            let rule = rule.replace('&', "&amp;").replace('<', "&lt;");
            text += &format!("  <rule ipv=\"ipv4\" table=\"filter\" chain=\"{chain}\" priority=\"0\">{rule}</rule>\n");
        }
    }
    text + "</direct>\n"
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
