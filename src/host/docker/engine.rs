//! What Docker's daemon says of itself.

use std::path::Path;
use std::time::Duration;

use bollard::models::{LocalNodeState, SystemInfo};
use bollard::{API_DEFAULT_VERSION, Docker as Daemon};

/// How long its answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A daemon's own state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Engine {
    /// Whether it is a node of a swarm.
    pub in_swarm: bool,
    /// Who its rules are made by, such as `iptables`, `iptables+firewalld` or `nftables`; none before 28.
    pub firewall: Option<String>,
}

impl Engine {
    /// Asks the daemon of this machine; none where none answers.
    pub fn read() -> Option<Self> {
        super::client::socket().and_then(|socket| Self::at(&socket))
    }

    fn at(socket: &Path) -> Option<Self> {
        if !socket.exists() {
            return None;
        }
        let daemon = Daemon::connect_with_unix(socket.to_str()?, PATIENCE.as_secs(), API_DEFAULT_VERSION).ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, daemon.info()).await });
        Some(Self::from(answer.ok()?.ok()?))
    }
}

impl From<SystemInfo> for Engine {
    fn from(info: SystemInfo) -> Self {
        let state = info.swarm.and_then(|swarm| swarm.local_node_state);
        let in_swarm = !matches!(state, None | Some(LocalNodeState::EMPTY | LocalNodeState::INACTIVE));
        Self { in_swarm, firewall: info.firewall_backend.and_then(|backend| backend.driver) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_in_a_swarm_unless_it_is_inactive() {
        let read = |text: &str| Engine::from(serde_json::from_str::<SystemInfo>(text).unwrap());
        assert_eq!(read("{}"), Engine::default());
        assert!(!read(r#"{ "Swarm": { "LocalNodeState": "inactive" } }"#).in_swarm);
        let engine =
            read(r#"{ "Swarm": { "LocalNodeState": "active" }, "FirewallBackend": { "Driver": "nftables" } }"#);
        assert_eq!(engine, Engine { in_swarm: true, firewall: Some("nftables".to_owned()) });
    }
}
