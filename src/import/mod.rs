//! From the rules that people have to a configuration of dockwall.
//!
//! Data goes one way: a text is [`read()`] into the [`model`], which is the same for every format; its chains are
//! laid out as one list of ways to a decision (`flat.rs`), each with the packets that it is for (`space.rs`);
//! [`translate()`] turns that into a plan and says of every line what becomes of it; [`write()`] writes the plan. Nothing
//! of a text is run, and nothing here does I/O.
//!
//! A new format is one file in `read/` and a line in [`Kind`].

mod compare;
mod evaluate;
mod flat;
mod grid;
pub mod model;
mod names;
pub mod plan;
mod read;
mod report;
mod space;
pub mod span;
mod translate;
mod write;

pub use compare::{Comparison, Group, compare};
pub use evaluate::{Fate, Flow, Probe, evaluate};
pub use grid::MOST as MOST_COMPARED;
pub use read::{Kind, Services, Source, Unreadable, read};
pub use report::{Line, Report, Status};
pub use translate::{ANSWERS, Translation, translate};
pub use write::write;
