//! What is to be written: a configuration with the line of the text that each part comes from.

use crate::config::{Action, Destination, InterfacePattern, LogPrefix, LogTarget, Mode, Ports, Protocol, Rate, Target};

/// A configuration to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Whether it drops.
    pub mode: Mode,
    /// `containers.interfaces`; none for the default.
    pub interfaces: Option<Vec<InterfacePattern>>,
    /// `deny.uplinks`; none for the default.
    pub uplinks: Option<Vec<InterfacePattern>>,
    /// `deny.ranges`; none for the default.
    pub ranges: Option<Vec<Range>>,
    /// Whether what no rule says stays as it is: the host and its links open, no resolver granted.
    pub literal: bool,
    /// `deny.host`.
    pub host: bool,
    /// `deny.action`.
    pub action: Action,
    /// `[log]`.
    pub log: Log,
    /// `[[grant]]`.
    pub grants: Vec<Grant>,
}

/// An entry of `deny.ranges`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The destinations.
    pub to: Target,
    /// The line that it comes from.
    pub line: usize,
    /// What that line says of it.
    pub comment: Option<String>,
}

/// The keys of `[log]` that the rules say something of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// `log.rate`.
    pub rate: Option<Rate>,
    /// `log.burst`.
    pub burst: Option<u32>,
    /// `log.limit`.
    pub limit: Option<Rate>,
    /// `log.prefix`, or `log.audit_prefix` in audit mode.
    pub prefix: Option<LogPrefix>,
    /// `log.target`.
    pub target: Option<LogTarget>,
}

/// A `[[grant]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Unique.
    pub name: String,
    /// Where to.
    pub to: Destination,
    /// Its ports.
    pub ports: Vec<Ports>,
    /// Its protocol.
    pub protocol: Option<Protocol>,
    /// Where from.
    pub from: Option<Target>,
    /// What the line says of it.
    pub comment: Option<String>,
    /// The line that it comes from.
    pub line: usize,
}
