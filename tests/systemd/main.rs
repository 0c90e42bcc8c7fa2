//! dockwall's units under a real systemd, which boots in a container of its own and may be cut off at any time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod boot;
mod cgroup;
mod guard;
mod machine;
mod trial;
mod user;
