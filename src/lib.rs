//! dockwall
pub mod config;
pub mod interval;
pub mod netlink;
pub mod policy;
pub mod ruleset;
