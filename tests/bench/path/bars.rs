//! What is asked of the forward path.

use serde::Serialize;

use super::packets::{Kind, Version};
use super::table::Table;
use super::walls::{most_grants, names, with_exceptions};

/// A bar, and what was measured.
#[derive(Debug, Serialize)]
pub struct Bar {
    /// What was measured.
    pub what: String,
    /// What came of it.
    pub measured: f64,
    /// The most it may be.
    pub at_most: f64,
}

impl Bar {
    /// Whether it is met.
    pub fn met(&self) -> bool {
        self.measured <= self.at_most
    }
}

/// Two medians of the same thing differ by as much on a quiet machine.
const NOISE: f64 = 0.015;

/// All bars, of each family.
pub fn all(tables: &[Table]) -> Vec<Bar> {
    let mut bars = Vec::new();
    for version in [Version::Four, Version::Six] {
        let ratio = |kind, wall: &str| tables.iter().find(|table| table.kind == kind)?.ratio(wall, version);
        let mut bar = |what: &str, measured: Option<f64>, at_most: f64| {
            let what = format!("{}: {what}", version.name());
            bars.extend(measured.map(|measured| Bar { what, measured, at_most }));
        };
        let allowed = |wall: &str| ratio(Kind::Allowed, wall);
        let against = |other: Option<f64>| Some(allowed(names::DOCKWALL)? - other?);
        bar("an allowed packet / no rules", allowed(names::DOCKWALL), 1.04);
        for recipe in [names::RECIPE_NFT, names::RECIPE_LEGACY] {
            bar(&format!("an allowed packet, above the {recipe}"), against(allowed(recipe)), 0.01);
            let many = with_exceptions(recipe);
            bar(&format!("an allowed packet, above the {many}"), against(allowed(&many)), 0.0);
        }
        let flat = || Some((allowed(&most_grants())? - allowed(names::DOCKWALL)?).abs());
        bar(&format!("an allowed packet, {} beside none", most_grants()), flat(), NOISE);
        let denied = |wall: &str| ratio(Kind::Denied, wall);
        for recipe in [names::RECIPE_NFT, names::RECIPE_LEGACY] {
            let measured = || Some(denied(names::DOCKWALL)? / denied(recipe)?);
            bar(&format!("a denied packet / the {recipe}"), measured(), 1.0);
        }
    }
    bars
}
