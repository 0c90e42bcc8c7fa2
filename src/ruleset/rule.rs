//! Rules: a list of expressions that a packet runs through until one of them breaks off.

use super::Expr;

/// One rule of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rule {
    /// The expressions, in order.
    pub expressions: Vec<Expr>,
    /// The comment in its userdata, at most 128 bytes.
    pub comment: Option<String>,
    /// The kernel's number of the rule; none while it is not in the kernel.
    pub handle: Option<u64>,
}

impl Rule {
    /// The rule as it was written: without the handle and the counts that the kernel adds. Two
    /// rules with the same definition do the same.
    pub fn definition(&self) -> Self {
        Self {
            expressions: self.expressions.iter().map(Expr::definition).collect(),
            comment: self.comment.clone(),
            handle: None,
        }
    }

    /// The names of the chains and sets that the rule refers to.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.expressions.iter().filter_map(Expr::reference)
    }

    /// The packets and bytes of the rule's first counter.
    pub fn counter(&self) -> Option<(u64, u64)> {
        self.expressions.iter().find_map(|expression| match expression {
            Expr::Counter { packets, bytes } => Some((*packets, *bytes)),
            _ => None,
        })
    }
}
