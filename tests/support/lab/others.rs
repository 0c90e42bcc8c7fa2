//! What others than this host's Docker bring along: bridges of other programs, Docker in Docker, swarm.

use super::Lab;

/// An option of [`Lab::up`] without which dockerd takes part in no swarm.
pub const FOR_SWARM: [&str; 2] = ["--dockerd-opt", "--live-restore=false"];

/// The port of the container in a container, published by the Docker in between.
pub const NESTED_PORT: u16 = 9300;

impl Lab {
    /// A bridge of another program with a guest on it; returns the guest's place. The host has the
    /// first address of each subnet, the guest the second.
    #[track_caller]
    pub fn bridge_with_guest(&self, bridge: &str, subnets: &[&str]) -> String {
        self.control(&format!("bridge {bridge} {}", subnets.join(" ")));
        format!("{bridge}-guest")
    }

    /// A container with a Docker of its own, and a container in that one; returns the place of the
    /// inner one. `options` are those of `docker run`, then, behind `--`, those of the inner dockerd.
    #[track_caller]
    pub fn nested(&self, name: &str, options: &str) -> String {
        self.control(format!("nested {name} {options}").trim_end());
        format!("{name}-inner")
    }

    /// What a command prints in the container that has a Docker of its own.
    #[track_caller]
    pub fn in_nested(&self, name: &str, command: &str) -> String {
        self.exec("host", &format!("docker exec --env DOCKER_HOST=unix:///run/docker.sock {name} {command}"))
    }

    /// Makes the host a swarm of one.
    #[track_caller]
    pub fn swarm(&self) {
        self.exec("host", "docker swarm init --advertise-addr 10.57.17.2");
    }

    /// A second machine of the swarm in the LAN at 10.57.17.3: a container that the host's Docker gave
    /// no network, plugged into the switch.
    #[track_caller]
    pub fn swarm_node(&self, name: &str) {
        self.nested(name, "--network none");
        self.control(&format!("plug {name} eth0 10.57.17.3/24 fd57:17::3/64"));
        self.exec(name, "ip route replace default via 10.57.17.1");
        let token = self.exec("host", "docker swarm join-token --quiet worker");
        let join = format!("docker swarm join --advertise-addr 10.57.17.3 --token {} 10.57.17.2:2377", token.trim());
        self.in_nested(name, &join);
    }

    /// A service, with options of `docker service create`; returns the place of its first task. On a
    /// kernel without IP_VS it needs `--endpoint-mode dnsrr`.
    #[track_caller]
    pub fn service(&self, name: &str, options: &str) -> String {
        self.control(&format!("service {name} {options}"));
        name.to_owned()
    }
}
