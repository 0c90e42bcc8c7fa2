//! The networks and containers that tests and documents speak of.

use serde_json::{Value, json};

use super::StandIn;

/// The links that belong to them, as `ip -batch` reads them.
pub const LINKS: &str = "\
link set lo up
link add br-3f2a9c000000 type bridge
link add edge0 type bridge
link add watch0 type bridge
link add eth0 type veth peer name peer0
link set peer0 up
link set eth0 up
link set br-3f2a9c000000 up
link set edge0 up
link set watch0 up
address add 172.21.0.1/16 dev br-3f2a9c000000
address add fd00:21::1/64 dev br-3f2a9c000000 nodad
address add 172.22.0.1/16 dev edge0
address add 172.23.0.1/16 dev watch0
address add 10.57.17.2/24 dev eth0
address add fd57:17::2/64 dev eth0 nodad
route add default via 10.57.17.1
route add default via fd57:17::1
";

impl StandIn {
    /// One with three bridges, of which one has no name of its own, and containers there, on the host's link and on
    /// the host itself.
    pub fn with_a_scene() -> Self {
        let docker = Self::new();
        docker.add_network(bridge(
            "3f2a9c000000aaaa",
            "backend",
            json!({}),
            &[
                json!({ "Subnet": "172.21.0.0/16", "Gateway": "172.21.0.1" }),
                json!({ "Subnet": "fd00:21::/64", "Gateway": "fd00:21::1" }),
            ],
        ));
        for (id, name, bridge_name, net) in
            [("aaaaaaaaaaaaaaaa", "edge", "edge0", 22), ("bbbbbbbbbbbbbbbb", "monitoring", "watch0", 23)]
        {
            let options = json!({ "com.docker.network.bridge.name": bridge_name });
            let subnet = json!({ "Subnet": format!("172.{net}.0.0/16"), "Gateway": format!("172.{net}.0.1") });
            docker.add_network(bridge(id, name, options, &[subnet]));
        }
        docker.add_network(json!({
            "Id": "cccccccccccccccc", "Name": "lan", "Driver": "macvlan", "Options": { "parent": "eth0" },
            "IPAM": { "Config": [{ "Subnet": "10.57.17.0/24" }] },
        }));
        let web = json!({ "IPAddress": "172.21.0.3", "GlobalIPv6Address": "fd00:21::3" });
        docker.add_on("web-1", "backend", web, json!([]));
        docker.add_on("db", "backend", json!({ "IPAddress": "172.21.0.4" }), json!([]));
        let published = json!([{ "IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp" }]);
        docker.add_on("shop", "edge", json!({ "IPAddress": "172.22.0.2" }), published);
        docker.add_on("watcher", "monitoring", json!({ "IPAddress": "172.23.0.2" }), json!([]));
        docker.add_on("cam", "lan", json!({ "IPAddress": "10.57.17.99" }), json!([]));
        docker.add_container(
            "vpn",
            json!({
                "Id": "vpn", "Names": ["/vpn"], "HostConfig": { "NetworkMode": "host" },
                "NetworkSettings": { "Networks": {} },
            }),
        );
        docker
    }

    fn add_on(&self, name: &str, network: &str, address: Value, published: Value) {
        self.add_container(
            name,
            json!({
                "Id": name, "Names": [format!("/{name}")], "HostConfig": { "NetworkMode": network },
                "NetworkSettings": { "Networks": { network: address } }, "Ports": published,
            }),
        );
    }
}

fn bridge(id: &str, name: &str, options: Value, subnets: &[Value]) -> Value {
    json!({ "Id": id, "Name": name, "Driver": "bridge", "Options": options, "IPAM": { "Config": subnets } })
}
