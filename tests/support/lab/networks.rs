//! Docker networks of all kinds, each with a container in it.

use super::Lab;

/// A kind of Docker network. Its container is the place `in-NAME`.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// Its name.
    pub name: &'static str,
    /// Options of `docker network create`.
    pub options: &'static str,
    /// The host's addresses in it.
    pub gateways: [&'static str; 2],
    /// The container's addresses.
    pub addresses: [&'static str; 2],
    /// Whether Docker lets its containers out.
    pub leads_out: bool,
}

/// Beside the default bridge and `backend`, which every lab has.
pub const NETWORKS: [Network; 6] = [
    Network {
        name: "internal",
        options: "--internal --subnet 172.23.0.0/16 --subnet fd00:d0c:23::/64",
        gateways: ["172.23.0.1", "fd00:d0c:23::1"],
        addresses: ["172.23.0.2", "fd00:d0c:23::2"],
        leads_out: false,
    },
    Network {
        name: "no-icc",
        options: "-o com.docker.network.bridge.enable_icc=false --subnet 172.24.0.0/16 --subnet fd00:d0c:24::/64",
        gateways: ["172.24.0.1", "fd00:d0c:24::1"],
        addresses: ["172.24.0.2", "fd00:d0c:24::2"],
        leads_out: true,
    },
    Network {
        name: "custom",
        options: "-o com.docker.network.bridge.name=app-net0 --subnet 172.25.0.0/16 --subnet fd00:d0c:25::/64",
        gateways: ["172.25.0.1", "fd00:d0c:25::1"],
        addresses: ["172.25.0.2", "fd00:d0c:25::2"],
        leads_out: true,
    },
    Network {
        name: "public",
        options: "--subnet 172.200.1.0/24 --subnet 2001:db8:d0c::/80",
        gateways: ["172.200.1.1", "2001:db8:d0c::1"],
        addresses: ["172.200.1.2", "2001:db8:d0c::2"],
        leads_out: true,
    },
    Network {
        name: "benchmark",
        options: "--subnet 198.18.0.0/16 --subnet fd00:d0c:26::/64",
        gateways: ["198.18.0.1", "fd00:d0c:26::1"],
        addresses: ["198.18.0.2", "fd00:d0c:26::2"],
        leads_out: true,
    },
    Network {
        name: "cgnat",
        options: "--subnet 100.96.0.0/16 --subnet fd00:d0c:27::/64",
        gateways: ["100.96.0.1", "fd00:d0c:27::1"],
        addresses: ["100.96.0.2", "fd00:d0c:27::2"],
        leads_out: true,
    },
];

impl Network {
    /// The place of its container.
    pub fn place(&self) -> String {
        format!("in-{}", self.name)
    }
}

impl Lab {
    /// Makes a network, with options of `docker network create`.
    #[track_caller]
    pub fn create_network(&self, name: &str, options: &str) {
        self.exec("host", &format!("docker network create --ipv6 {options} {name}"));
    }

    /// Makes a network of a kind, and its container; returns its place.
    #[track_caller]
    pub fn network(&self, network: &Network) -> String {
        self.create_network(network.name, network.options);
        let [ipv4, ipv6] = network.addresses;
        self.container(&network.place(), &format!("--network {} --ip {ipv4} --ip6 {ipv6}", network.name))
    }

    /// Starts a container, with options of `docker run`; returns its place.
    #[track_caller]
    pub fn container(&self, name: &str, options: &str) -> String {
        self.control(format!("run {name} {options}").trim_end());
        name.to_owned()
    }

    /// Makes as many networks as asked for with subnets of Docker's own choice, each with a container;
    /// returns the places.
    #[track_caller]
    pub fn many_networks(&self, count: usize) -> Vec<String> {
        let indices: Vec<usize> = (1..=count).collect();
        // dockerd makes networks one after the other anyway, containers are started by two at once.
        for index in &indices {
            self.create_network(&format!("many-{index}"), &format!("--subnet fd00:d0c:1{index:02}::/64"));
        }
        let start = |index: &usize| self.container(&format!("in-many-{index}"), &format!("--network many-{index}"));
        std::thread::scope(|scope| {
            let (first, second) = indices.split_at(count / 2);
            let first = scope.spawn(move || first.iter().map(start).collect::<Vec<_>>());
            let second: Vec<String> = second.iter().map(start).collect();
            [first.join().unwrap(), second].concat()
        })
    }

    /// The bridge of a network that Docker gave its name.
    #[track_caller]
    pub fn bridge_of(&self, network: &str) -> String {
        let id = self.exec("host", &format!("docker network inspect --format {{{{.Id}}}} {network}"));
        format!("br-{}", &id[..12])
    }

    /// The host's addresses that a container takes for its gateways, of IPv4 first.
    #[track_caller]
    pub fn gateways_of(&self, place: &str) -> Vec<String> {
        let routes = self.exec(place, "ip route show default") + &self.exec(place, "ip -6 route show default");
        let gateway = |route: &str| Some(route.strip_prefix("default via ")?.split(' ').next()?.to_owned());
        routes.lines().filter_map(gateway).collect()
    }
}
