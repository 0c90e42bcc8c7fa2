//! A guard follows Docker and the host: what was applied stays right though its names stand for something
//! else, by packets.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod host;
mod names;
mod silence;
mod stage;

#[path = "../support/mod.rs"]
mod support;
