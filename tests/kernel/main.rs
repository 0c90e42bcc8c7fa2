//! What the kernel does with what is sent to it: each in a network namespace made for the test.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod counting;
mod foreign;
mod forged;
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

/// Whether the kernel that runs the tests is of that version or newer.
fn is_at_least(major: u32, minor: u32) -> bool {
    let release = dockwall::host::kernel_release();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap()) >= (major, minor)
}
