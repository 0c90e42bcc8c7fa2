//! Putting in force what the host makes of what was applied.

use std::sync::Arc;

use super::News;
use super::follow::is_same;
use super::look::Look;
use super::resolve::{Followed, Resolution};
use crate::generation::{in_force, revise};

/// Revises the generation in force, unless it is another than was resolved: what a person applied meanwhile
/// stays. To be called with the state directory's lock held, after a look.
pub fn put_in_force(look: &mut Look, resolution: Resolution) -> Option<Result<News, String>> {
    let Resolution { from, heard, outcome } = resolution;
    let Followed { policy, what } = outcome.ok().flatten()?;
    if !is_same(look.in_force(), Some(&from)) {
        return None;
    }
    let revised = match in_force(&mut look.kernel, &look.store, look.features) {
        Ok(Some(found)) if is_same(Some(&Arc::new(found.generation.clone())), Some(&from)) => {
            revise(&mut look.kernel, &look.store, found, policy, look.features).map_err(|error| error.to_string())
        }
        Ok(_) => return None,
        Err(error) => Err(error.to_string()),
    };
    Some(revised.map(|(generation, sent)| {
        look.revised(Arc::new(generation));
        News::Followed {
            generation: from.number,
            what,
            changes: sent.changes,
            milliseconds: heard.elapsed().as_secs_f64() * 1000.0,
        }
    }))
}
