//! The wall and the programs that people have beside it, the real ones: each is started, loads its rules again and is
//! stopped, before the wall is there and after. Nobody's rules change because of the other, verdicts stay, and the doctor
//! says what is so.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod k3s;
mod matrix;
mod program;
mod programs;
mod together;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use matrix::Line;

/// As many labs run at once.
const AT_ONCE: usize = 2;

/// With the real programs of Debian. `DOCKWALL_PROGRAM=ufw` takes those with that in their name.
#[test]
fn a1_a2_a4_a9_a10_a12_a13_b6_b7_b8_n1_n4_n6_n7_n9_each_program_starts_reloads_and_stops_before_and_after_the_wall_and_neither_disturbs_the_other()
 {
    let wanted = std::env::var("DOCKWALL_PROGRAM").unwrap_or_default();
    let all: Vec<_> = programs::ALL.iter().filter(|program| program.name.contains(&wanted)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut lines: Vec<(usize, Result<Line, String>)> = Vec::new();
        while let Some(program) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let index = all.iter().position(|other| other.name == program.name).unwrap();
            // One that fails must not hide the others; what it says is printed where it panics.
            let line = catch_unwind(AssertUnwindSafe(|| together::live(program)));
            lines.push((index, line.map_err(|_| program.name.to_owned())));
        }
        lines
    };
    let mut lines: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    lines.sort_by_key(|(index, _)| *index);
    let (done, failed): (Vec<_>, Vec<_>) = lines.into_iter().map(|(_, line)| line).partition(Result::is_ok);
    let done: Vec<Line> = done.into_iter().map(Result::unwrap).collect();
    let failed: Vec<String> = failed.into_iter().map(|line| line.err().unwrap()).collect();
    println!("{}", matrix::text(&done));
    assert!(failed.is_empty() && !done.is_empty(), "these do not get along: {}", failed.join("; "));
}
