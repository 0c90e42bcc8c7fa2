//! The recipe for firewalld as iptables has it: what dockwall is compared with.

use std::fmt::{Display, Write};

use super::packets::{granted4, granted6};

/// Its ranges of IPv4, six of nine.
const FOUR: [&str; 6] =
    ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4"];
/// Its ranges of IPv6, three of nine.
const SIX: [&str; 3] = ["fe80::/10", "fc00::/7", "ff00::/8"];

/// The rules for IPv4, with exceptions for as many addresses.
pub fn four(exceptions: u32, drops: bool) -> String {
    rules(&FOUR, (0..exceptions).map(granted4), drops)
}

/// The same of IPv6.
pub fn six(exceptions: u32, drops: bool) -> String {
    rules(&SIX, (0..exceptions).map(granted6), drops)
}

/// Exceptions come first, by RETURN; then each range; then a log that is limited for each flow, and the drop.
fn rules(ranges: &[&str], exceptions: impl Iterator<Item = impl Display>, drops: bool) -> String {
    let mut text = "*filter\n:FORWARD ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n:DOCKER-USER-DENY-INTERNAL - [0:0]\n\
                    :DOCKER-USER-DROP - [0:0]\n-A FORWARD -j DOCKER-USER\n"
        .to_owned();
    for address in exceptions {
        let _ = writeln!(text, "-A DOCKER-USER -d {address} -j RETURN");
    }
    text.push_str("-A DOCKER-USER -i docker0 -j DOCKER-USER-DENY-INTERNAL\n");
    for range in ranges {
        let _ = writeln!(text, "-A DOCKER-USER-DENY-INTERNAL -d {range} -o eth+ -j DOCKER-USER-DROP");
    }
    text.push_str(
        "-A DOCKER-USER-DROP -m hashlimit --hashlimit-upto 6/minute --hashlimit-burst 5 \
         --hashlimit-mode srcip,dstip,dstport --hashlimit-name denied -j LOG --log-prefix \"DOCKER_NET_DROP \"\n",
    );
    text.push_str(if drops { "-A DOCKER-USER-DROP -j DROP\nCOMMIT\n" } else { "COMMIT\n" });
    text
}
