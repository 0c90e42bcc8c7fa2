//! What Docker answers on the stage: the networks and containers that the documents speak of.

pub const DOCKER: &[(&str, u16, &str)] = &[
    ("/version", 200, r#"{ "Version": "29.0.0", "ApiVersion": "1.41" }"#),
    (
        "/networks",
        200,
        r#"[
        { "Id": "3f2a9c000000aaaa", "Name": "backend", "Driver": "bridge", "Options": {},
            "IPAM": { "Config": [ { "Subnet": "172.21.0.0/16", "Gateway": "172.21.0.1" } ] } },
        { "Id": "bbbbbbbbbbbbbbbb", "Name": "monitoring", "Driver": "bridge",
            "Options": { "com.docker.network.bridge.name": "watch0" },
            "IPAM": { "Config": [ { "Subnet": "172.22.0.0/16", "Gateway": "172.22.0.1" } ] } },
        { "Id": "cccccccccccccccc", "Name": "lan", "Driver": "macvlan", "Options": { "parent": "eth0" },
            "IPAM": { "Config": [ { "Subnet": "10.57.17.0/24" } ] } } ]"#,
    ),
    (
        "/containers/json",
        200,
        r#"[
        { "Id": "1", "Names": ["/web-1"], "HostConfig": { "NetworkMode": "backend" }, "NetworkSettings": { "Networks": {
            "backend": { "IPAddress": "172.21.0.3" } } } },
        { "Id": "2", "Names": ["/watcher"], "HostConfig": { "NetworkMode": "monitoring" }, "NetworkSettings": { "Networks": {
            "monitoring": { "IPAddress": "172.22.0.2" } } },
            "Ports": [ { "IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp" } ] },
        { "Id": "3", "Names": ["/cam"], "HostConfig": { "NetworkMode": "lan" }, "NetworkSettings": { "Networks": {
            "lan": { "IPAddress": "10.57.17.99" } } } } ]"#,
    ),
    ("/containers/1/json", 200, INSPECTED),
    ("/containers/2/json", 200, INSPECTED),
    ("/containers/3/json", 200, INSPECTED),
];

/// No container has a resolver of its own.
const INSPECTED: &str = r#"{ "HostConfig": {} }"#;

/// The links that belong to it, as `ip -batch` reads them.
pub const LINKS: &str = "\
link set lo up
link add br-3f2a9c000000 type bridge
link add watch0 type bridge
link add eth0 type veth peer name peer0
link set peer0 up
link set eth0 up
link set br-3f2a9c000000 up
link set watch0 up
address add 172.21.0.1/16 dev br-3f2a9c000000
address add 172.22.0.1/16 dev watch0
address add 10.57.17.2/24 dev eth0
address add fd57:17::2/64 dev eth0 nodad
route add default via 10.57.17.1
route add default via fd57:17::1
";
