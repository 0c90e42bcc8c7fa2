//! What the machine says about its network, against what `ip` made it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod addresses;
mod docker;
mod flows;
mod links;
mod namespace;
mod route_to;
mod routes;
mod watch;
mod way;

#[path = "../support/mod.rs"]
mod support;
