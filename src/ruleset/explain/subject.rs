//! What a rule is about, told from its expressions alone: the same for a compiled one and for one that
//! was read from the kernel.

use crate::ruleset::{CtKey, Expr, MetaKey, PayloadBase, Rule, sets};

/// The question that a rule of ours asks of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Whether it goes to a denied range.
    Destination,
    /// Whether it came in by a container interface.
    Incoming,
    /// Whether it leaves by an interface of some kind: a container's, or a policed uplink.
    Outgoing,
    /// Whether it answers a flow of the other end.
    Reply,
    /// Whether a grant is for it.
    Grant,
    /// Whether its source is one that the interface it came by has nobody for.
    Source,
    /// Whether its destination was rewritten: a published port.
    Translation,
    /// Whether it is a message that IPv6 needs on the link.
    Link,
    /// Whether it is for everybody, or a group, on the link.
    Everybody,
    /// Whether it belongs to no flow.
    Invalid,
    /// Nothing: it remembers the packet's flow.
    Meter,
    /// Nothing: it writes the packet to the log.
    Log,
    /// Nothing but perhaps its protocol: it decides.
    Verdict,
    /// Something else, which is none of our rules' questions.
    Other,
}

impl Subject {
    /// What `rule` asks.
    pub fn of(rule: &Rule) -> Self {
        let decisive = rule.expressions.iter().find_map(|expression| match expression {
            Expr::Lookup { set, .. } if sets::holds_exceptions(set) => Some(Self::Grant),
            Expr::Lookup { set, .. } if set.starts_with("deny") => Some(Self::Destination),
            Expr::Dynset { .. } => Some(Self::Meter),
            Expr::Log(_) => Some(Self::Log),
            Expr::Fib { .. } => Some(Self::Source),
            Expr::Ct { key: CtKey::DIRECTION, .. } => Some(Self::Reply),
            Expr::Ct { key: CtKey::STATE, .. } => Some(Self::Invalid),
            Expr::Ct { key: CtKey::STATUS, .. } => Some(Self::Translation),
            Expr::Meta { key: MetaKey::IIFNAME | MetaKey::IIFKIND, .. } => Some(Self::Incoming),
            Expr::Meta { key: MetaKey::OIFNAME | MetaKey::OIFKIND, .. } => Some(Self::Outgoing),
            Expr::Meta { key: MetaKey::PKTTYPE, .. } => Some(Self::Everybody),
            Expr::Payload { base: PayloadBase::TRANSPORT, offset: 0, len: 1, .. } => Some(Self::Link),
            _ => None,
        });
        decisive.unwrap_or_else(|| {
            let decides = |expression: &Expr| matches!(expression, Expr::Verdict(_) | Expr::Reject(_));
            if rule.expressions.iter().any(decides) { Self::Verdict } else { Self::Other }
        })
    }
}
