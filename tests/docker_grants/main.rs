//! What grants open to real containers, and that nothing beside it is open.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod commands;
mod kinds;
mod names;
mod others;
mod overlapping;
mod passing;
mod stage;

#[path = "../support/mod.rs"]
mod support;
