//! `dockwall doctor` on a real Docker host: nothing is found where nothing is wrong, and each check fires where
//! what it looks for was made.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod docker;
mod others;
mod own;
mod probe;
mod stage;
