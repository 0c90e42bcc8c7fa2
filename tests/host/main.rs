//! What the machine says about its network, against what `ip` made it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod addresses;
mod links;
mod namespace;
mod routes;

#[path = "../support/mod.rs"]
mod support;
