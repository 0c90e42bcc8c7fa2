//! What several test programs need: a network namespace of their own to program, policies to
//! program it with, and the kernel's objects as the bytes that it sends.
//!
//! Used as `mod support;`. Each test program uses its part of it.
#![allow(dead_code)]

pub mod container;
pub mod docker;
pub mod lab;
pub mod listing;
pub mod monitor;
pub mod netns;
pub mod policies;
pub mod raw;
pub mod terminal;

pub use netns::Netns;
