//! What the kernel does with what is sent to it: each in a network namespace made for the test.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod counting;
mod foreign;
mod grants;
mod large;
mod listed;
mod moved;
mod owned;
mod passing;
mod refused;
mod repair;
mod restored;
mod together;

#[path = "../support/mod.rs"]
mod support;
