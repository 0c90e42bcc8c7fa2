//! Docker and k3s on one host: pods, their services and their LAN are none of the wall's business, although all of their
//! addresses are private.

use crate::support::lab::{ENFORCE, LAN, Lab, Row, Verdict, WAN, from, of_tcp};

/// What flannel and kube-proxy write with iptables, as far as it decides where packets go: both families of the ranges,
/// pod-2 behind the service, and the service.
const FAMILIES: [(&str, &str, &str, &str); 2] = [
    ("iptables", "10.42.0.0/16", "10.42.0.3:7000", "10.43.0.10/32"),
    ("ip6tables", "fd00:d0c:42::/56", "[fd00:d0c:42::3]:7000", "fd00:d0c:43::10/128"),
];

/// A service's address and port, of each family.
const SERVICE: [&str; 2] = ["tcp 10.43.0.10 80", "tcp fd00:d0c:43::10 80"];
/// The second pod.
const POD: [&str; 2] = ["10.42.0.3", "fd00:d0c:42::3"];

fn forward_and_translate(lab: &Lab) {
    for (iptables, pods, pod, service) in FAMILIES {
        for rule in [
            "-N FLANNEL-FWD".to_owned(),
            format!("-A FLANNEL-FWD -s {pods} -j ACCEPT"),
            format!("-A FLANNEL-FWD -d {pods} -j ACCEPT"),
            "-I FORWARD -j FLANNEL-FWD".to_owned(),
            "-t nat -N FLANNEL-POSTRTG".to_owned(),
            format!("-t nat -A FLANNEL-POSTRTG -s {pods} ! -d {pods} -j MASQUERADE"),
            "-t nat -A POSTROUTING -j FLANNEL-POSTRTG".to_owned(),
            "-t nat -N KUBE-SERVICES".to_owned(),
            format!("-t nat -A KUBE-SERVICES -d {service} -p tcp --dport 80 -j DNAT --to-destination {pod}"),
            "-t nat -I PREROUTING -j KUBE-SERVICES".to_owned(),
            "-t nat -I OUTPUT -j KUBE-SERVICES".to_owned(),
        ] {
            lab.exec("host", &format!("{iptables} -w {rule}"));
        }
    }
}

/// With the real plugins of CNI on k3s' bridge.
#[test]
fn n3_pods_reach_services_pods_and_the_lan_with_the_wall_as_without() {
    let lab = Lab::up(&["--with", "containernetworking-plugins"]);
    lab.control("cni add pod-1 k3s");
    lab.control("cni add pod-2 k3s");
    forward_and_translate(&lab);
    let service = |place: &str| from(place, SERVICE.map(str::to_owned), Verdict::Ok);
    let mut pods: Vec<Row> = from("pod-1", of_tcp(&[&POD[..], &LAN, &WAN].concat()), Verdict::Ok);
    pods.extend(service("pod-1"));
    pods.extend(service("host"));
    lab.expect("without the wall", &pods);
    let before = lab.snapshot();
    lab.apply("mode = \"audit\"\n");
    lab.apply(ENFORCE);
    let after = lab.snapshot();
    assert!(before == after, "{}", before.difference(&after));
    lab.expect("with the wall", &pods);
    assert_eq!(lab.status()["wall"]["denied"]["packets"], 0, "what pods send is not even looked at");

    let mut containers = from("app", of_tcp(&[&POD[..], &LAN].concat()), Verdict::Timeout);
    containers.extend(from("app", SERVICE.map(str::to_owned), Verdict::Timeout));
    containers.extend(from("app", of_tcp(&WAN), Verdict::Ok));
    lab.expect("Docker's containers are closed to pods as well", &containers);
    let said = lab.try_dockwall("--json doctor --only unpoliced-network");
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("the bridge cni0 is not policed"), "whose it is, is for people to say: {said}");
    lab.apply(&format!("{ENFORCE}containers.exclude = [\"cni0\"]\n"));
    lab.expect("said so", &pods);
    let said = lab.try_dockwall("--json doctor --only unpoliced-network");
    assert_eq!(said.status.code(), Some(0), "{said:?}");
}
