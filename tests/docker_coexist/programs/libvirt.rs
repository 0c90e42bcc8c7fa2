//! (N1) Its default network, with a guest's interface on it: no business of the wall.

use crate::program::{Act, Program};
use crate::support::lab::{HOST, LAN, Verdict, WAN, from, of_tcp};

/// As `/usr/share/libvirt/networks/default.xml`, and IPv6; without a search for loops, which takes seconds.
const NETWORK: &str = "\
<network>
  <name>default</name>
  <bridge name='virbr0' stp='off'/>
  <forward mode='nat'><nat ipv6='yes'/></forward>
  <ip address='192.168.122.1' netmask='255.255.255.0'><dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp></ip>
  <ip family='ipv6' address='fd00:122::1' prefix='64'/>
</network>
";

/// It answers when it has read its networks.
const AWAIT: &str = "for _ in $(seq 300); do virsh -q net-list --all >/dev/null 2>&1 && exit; sleep 0.1; done; exit 1\n";

pub const PROGRAM: Program = Program {
    name: "libvirt, its default network",
    with: &["--with", "libvirt"],
    version: "libvirtd --version",
    prepare: |lab| {
        lab.write("/etc/libvirt/qemu/networks/default.xml", NETWORK);
        lab.write("/run/await-libvirt", AWAIT);
    },
    start: Act::of(&[
        "lab unit libvirtd start",
        "sh /run/await-libvirt",
        "virsh -q net-start default",
        "lab guest vm-1 virbr0 192.168.122.1 192.168.122.9/24 fd00:122::1 fd00:122::9/64",
    ]),
    reload: Act::of(&["lab unit libvirtd reload", "sh /run/await-libvirt"]),
    stop: Act::of(&["virsh -q net-destroy default", "lab unit libvirtd stop"]),
    alive: &[("virsh -q net-list", "default"), ("iptables-save", "LIBVIRT_FWO"), ("ip6tables-save", "LIBVIRT_FWO")],
    published: &HOST,
    rows: |_| from("vm-1", of_tcp(&[&LAN[..], &WAN].concat()), Verdict::Ok),
};
