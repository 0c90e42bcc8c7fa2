//! Who is denied, and what would allow it, with real containers.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod follow;
mod listed;
mod suggested;
