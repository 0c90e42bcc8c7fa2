//! What the chains and the sets are called.

/// The chains, by the names that the recipe for firewalld gave them.
pub mod chains {
    /// The base chain that sees what came in before it is routed, where the kernel can tell a forged source
    /// only there.
    pub const PREROUTING: &str = "prerouting";
    /// Packets of containers, of which those with a forged source go no further.
    pub const FORGED: &str = "DOCKER-USER-FORGED";
    /// The base chain that sees what the host forwards.
    pub const FORWARD: &str = "forward";
    /// Packets to a denied range.
    pub const USER: &str = "DOCKER-USER";
    /// Packets of containers to a denied range.
    pub const DENY: &str = "DOCKER-USER-DENY-INTERNAL";
    /// Packets of containers to another container.
    pub const BETWEEN: &str = "DOCKER-USER-BETWEEN";
    /// Those of them that were addressed to a published port of the host.
    pub const PUBLISHED: &str = "DOCKER-USER-PUBLISHED";
    /// The base chain that sees what is for the host itself.
    pub const INPUT: &str = "input";
    /// Packets of containers to the host.
    pub const HOST: &str = "DOCKER-USER-HOST";
    /// What nothing excepted.
    pub const DROP: &str = "DOCKER-USER-DROP";
    /// What of it comes into the log.
    pub const LOG: &str = "DOCKER-USER-LOG";
}

/// The sets. At most 15 bytes each, the limit of old kernels.
pub mod sets {
    /// The container interfaces that have a whole name.
    pub const CONTAINERS: &str = "containers";
    /// What a prefix of the container interfaces takes in and is not policed.
    pub const EXCLUDED: &str = "excluded";
    /// The policed uplinks that have a whole name.
    pub const UPLINKS: &str = "uplinks";
    /// The protocols that have ports where UDP has them.
    pub const PORT_PROTOCOLS: &str = "port-protocols";

    use crate::ruleset::Family;

    /// Whether a set of that name holds exceptions.
    pub fn holds_exceptions(name: &str) -> bool {
        [BEYOND, ON_HOST].iter().any(|prefix| name.starts_with(prefix))
    }

    /// What the names of the sets begin with that hold what is granted beyond the host.
    pub(in crate::ruleset) const BEYOND: &str = "grant";
    /// What those begin with that hold what is granted on the host.
    pub(in crate::ruleset) const ON_HOST: &str = "host";

    /// The denied ranges.
    pub fn deny(family: Family) -> String {
        format!("deny{}", family.digit())
    }

    /// The first octets of what is denied, each as the lowest address that begins with it.
    pub fn first(family: Family) -> String {
        format!("first{}", family.digit())
    }

    /// The meter of denied flows: per source, destination, protocol and port.
    pub fn denied(family: Family) -> String {
        format!("denied{}", family.digit())
    }

    /// The same for protocols without ports.
    pub fn denied_other(family: Family) -> String {
        format!("denied{}-other", family.digit())
    }
}
