//! What shall hold on this host: the configuration with every word resolved. Pure data, which a
//! generation keeps and from which the ruleset is compiled.

mod evident;
mod follow;
mod grant;
mod interfaces;
mod names;
mod networks;
mod notice;
mod resolve;
mod resolver;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;
use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use evident::{Evidence, Excluded, evidently_no_container_bridge};
pub use follow::untold;
pub use grant::{Grant, Opening, Service};
pub use interfaces::InterfaceNames;
pub use names::resolve_grant;
pub use networks::Networks;
pub use notice::{Notice, NoticeKind};
pub use resolve::{Resolved, Unresolvable};
pub use resolver::{OpenResolver, Reach, UsedResolver, resolvers_under};

use crate::config::{Action, LogTarget, Mode, Protocol, Rate};
use crate::host::Session;

/// A policy: two equal ones compile to equal rulesets, as long as nothing in them runs out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Whether denied packets are dropped or only counted and logged.
    #[serde(with = "text")]
    pub mode: Mode,
    /// How they are dropped.
    #[serde(with = "text")]
    pub action: Action,
    /// The container interfaces: what comes in on them is policed.
    pub containers: InterfaceNames,
    /// Whether every other bridge is one as well for what the host forwards, whatever its name.
    pub bridges: bool,
    /// What the prefixes of the container interfaces take in, or a bridge is, and is not policed.
    pub excluded: InterfaceNames,
    /// The outgoing interfaces that are policed; none when it is any.
    pub uplinks: Option<InterfaceNames>,
    /// Where containers must not open flows to.
    pub denied: Networks,
    /// Whether they must not open flows to the host either.
    pub host: bool,
    /// The exceptions, in the order in which they are written.
    pub grants: Vec<Grant>,
    /// The resolvers that are excepted, sorted.
    pub resolvers: Vec<OpenResolver>,
    /// What is logged of it.
    pub log: Log,
    /// Whether a guard owns the table, where the kernel can keep it for an owner. It decides about no packet.
    #[serde(default = "owns_by_default")]
    pub own: bool,
}

/// What holds for a generation from before there was the choice.
fn owns_by_default() -> bool {
    true
}

/// What is logged of denied packets, and how long they are remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Whether there is a log; denied flows are counted and remembered without one too.
    pub enabled: bool,
    /// Per source, destination, protocol and port.
    #[serde(with = "text")]
    pub rate: Rate,
    /// How many packets of one flow may be logged at once.
    pub burst: u32,
    /// Over all flows.
    #[serde(with = "text")]
    pub limit: Rate,
    /// What the lines begin with in this policy's mode.
    pub prefix: String,
    /// Where they go.
    #[serde(with = "text")]
    pub target: LogTarget,
    /// How long a denied flow stays listed after its last packet, in seconds.
    pub remember: u64,
}

impl Policy {
    /// The exceptions: grants and resolvers.
    pub fn exceptions(&self) -> impl Iterator<Item = Cow<'_, Grant>> {
        let resolvers = self.resolvers.iter().map(|resolver| Cow::Owned(resolver.grant()));
        self.grants.iter().map(Cow::Borrowed).chain(resolvers)
    }

    /// The policy without what there may be much of: its denied networks and its grants.
    pub fn outline(&self) -> Self {
        let Self { containers, excluded, uplinks, resolvers, log, .. } = self;
        let (containers, excluded, uplinks) = (containers.clone(), excluded.clone(), uplinks.clone());
        let (denied, grants, resolvers, log) = (Networks::default(), Vec::new(), resolvers.clone(), log.clone());
        Self { containers, excluded, uplinks, denied, grants, resolvers, log, ..*self }
    }

    /// The policy with one more grant, in the place of one of the same name.
    pub fn with_grant(&self, grant: Grant) -> Self {
        let mut policy = self.without_grants(std::slice::from_ref(&grant.name));
        policy.grants.push(grant);
        policy
    }

    /// The policy without the grants of these names.
    pub fn without_grants(&self, names: &[String]) -> Self {
        let names: HashSet<&String> = names.iter().collect();
        let grants = self.grants.iter().filter(|grant| !names.contains(&grant.name)).cloned().collect();
        Self { grants, ..self.clone() }
    }

    /// When the next of its grants runs out; none where none does any more.
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.grants.iter().filter_map(|grant| grant.until).filter(|until| *until > now).min()
    }

    /// Whether anything that `grant` opens would be closed without it and the other grants.
    pub fn closes_some_of(&self, grant: &Grant) -> bool {
        grant.openings.iter().any(|opening| if opening.host { self.host } else { self.denied.touches(&opening.to) })
    }

    /// Whether packets that come in on an interface of that name are policed on their way to the
    /// host.
    pub fn polices(&self, interface: &str) -> bool {
        self.containers.contains(interface) && !self.excluded.contains(interface)
    }

    /// Whether the wall would drop the packets of `session`, whose client is reached over `interface`:
    /// a remote login over an interface that is taken for a container's.
    pub fn cuts(&self, session: &Session, interface: &str) -> bool {
        let Session { client, server } = session;
        let granted =
            || self.exceptions().any(|grant| grant.opens_host(client.ip(), server.ip(), Protocol::Tcp, server.port()));
        self.mode == Mode::Enforce && self.host && self.polices(interface) && !granted()
    }
}
