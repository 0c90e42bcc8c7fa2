//! What one side of a comparison measured.

use serde::Serialize;

/// Measurements, in ascending order.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Sorts them.
    pub fn new(mut samples: Vec<f64>) -> Self {
        samples.sort_unstable_by(f64::total_cmp);
        Self(samples)
    }

    /// The one in the middle, or between the two in the middle.
    pub fn median(&self) -> f64 {
        let at = |index: usize| self.0.get(index).copied().unwrap_or(f64::NAN);
        let upper = self.0.len() / 2;
        if self.0.len().is_multiple_of(2) { (at(upper.wrapping_sub(1)) + at(upper)) / 2.0 } else { at(upper) }
    }

    /// Between which two the middle half of them lies.
    pub fn quartiles(&self) -> (f64, f64) {
        let at = |index: usize| self.0.get(index).copied().unwrap_or(f64::NAN);
        (at(self.0.len() / 4), at(self.0.len() * 3 / 4))
    }

    /// The lowest and the highest, where there is more than one.
    pub fn spread(&self) -> Option<(f64, f64)> {
        match self.0.as_slice() {
            [lowest, .., highest] => Some((*lowest, *highest)),
            _ => None,
        }
    }
}
