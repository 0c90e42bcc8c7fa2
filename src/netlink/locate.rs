//! From the byte that the kernel points at (`NLMSGERR_ATTR_OFFS`) back to the expression or the
//! element that it belongs to.

use super::attribute::{Attribute, Attributes};
use super::message::{HEADER_LEN, NFGEN_LEN};
use super::{element, expr, rule};
use crate::ruleset::{Change, Set};

/// What stands at an offset of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The expression, counted from 1, and its name.
    pub expression: Option<(usize, String)>,
    /// The element's key, as text.
    pub element: Option<String>,
}

/// Finds what stands `offset` bytes into `message`, the message of `change`. Nothing where the
/// kernel points at no expression and no element, or nowhere.
pub fn locate(message: &[u8], offset: usize, change: &Change) -> Place {
    find(message, offset, change).unwrap_or_default()
}

fn find(message: &[u8], offset: usize, change: &Change) -> Option<Place> {
    let start = HEADER_LEN + NFGEN_LEN;
    let (outer, begin) = containing(message.get(start..)?, start, offset)?;
    match change {
        Change::AddRule { .. } if outer.kind == rule::NFTA_RULE_EXPRESSIONS => {
            let (number, expression) = nth(&outer, begin, offset)?;
            let name = expression.nested().find(expr::NFTA_EXPR_NAME).ok()??.string().ok()?;
            Some(Place { expression: Some((number, name)), element: None })
        }
        Change::AddElements(set) | Change::DeleteElements(set)
            if outer.kind == element::NFTA_SET_ELEM_LIST_ELEMENTS =>
        {
            let (_, element) = nth(&outer, begin, offset)?;
            Some(Place { element: element_text(&element, set), ..Place::default() })
        }
        _ => None,
    }
}

/// The attribute that holds the byte at `offset`, and where it begins; both count from the start
/// of the message, in which `bytes` begin at `start`.
fn containing(bytes: &[u8], start: usize, offset: usize) -> Option<(Attribute<'_>, usize)> {
    Attributes::new(bytes).flatten().find_map(|attribute| {
        let begin = start + attribute.offset;
        let end = begin + super::attribute::HEADER_LEN + attribute.payload.len();
        (begin..end).contains(&offset).then_some((attribute, begin))
    })
}

/// The member of the list `outer`, which begins at `begin`, that holds the byte at `offset`.
fn nth<'a>(outer: &Attribute<'a>, begin: usize, offset: usize) -> Option<(usize, Attribute<'a>)> {
    let start = begin + super::attribute::HEADER_LEN;
    let (member, _) = containing(outer.payload, start, offset)?;
    let number = outer.nested().flatten().take_while(|other| other.offset < member.offset).count() + 1;
    Some((number, member))
}

fn element_text(attribute: &Attribute, set: &Set) -> Option<String> {
    let element = element::decode(attribute).ok()?;
    Some(set.key_text(&element.bound.key))
}
