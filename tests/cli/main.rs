//! The program as its users meet it: what it prints, what it leaves behind, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod boot;
mod cost;
mod crash;
mod denied;
mod explain;
mod golden;
mod grant;
mod guard;
mod host;
mod init;
mod kernel_log;
mod kernels;
mod kill;
mod metrics;
mod modules;
mod old_kernel;
mod permission;
mod progress;
mod state_directory;
mod status;
mod suggest;
mod trial;
mod turn;
mod upgrade;
mod walk;
