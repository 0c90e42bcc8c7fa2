//! What an exception opens, by where it stands among the rules that deny.

use super::deny::Denied;
use crate::import::flat::{Action, Flat, List};
use crate::import::names::Names;
use crate::import::space::Space;
use crate::import::span::{Span, intersect, subtract};

/// How an exception stands to what is denied.
pub(super) struct Opened {
    /// The destinations that it really opens, for every container.
    pub(super) open: Vec<Span>,
    /// The lines that would deny them.
    pub(super) excepts: Vec<usize>,
    /// A line that denies some of it first.
    pub(super) before: Option<usize>,
    /// A line that denies some of it by other interfaces.
    pub(super) elsewhere: Option<usize>,
}

pub(super) fn opened(list: &List<'_>, group: &[usize], flat: &Flat<'_>, denied: &[&Denied<'_>]) -> Opened {
    let space = &flat.space;
    let mut opened = Opened { open: space.destination.clone(), excepts: Vec::new(), before: None, elsewhere: None };
    for other in denied {
        let hit = &other.flat.space;
        if intersect(&hit.destination, &space.destination).is_empty()
            || intersect(&hit.source, &space.source).is_empty()
        {
            continue;
        }
        let members = group.iter().filter_map(|index| list.flats.get(*index).map(|flat| (*index, flat)));
        let (mut is_excepted, mut is_partly, mut is_before) = (false, false, false);
        for (index, member) in members {
            let Action::Pass(until) = member.action else { continue };
            let meets = member.space.incoming.covers(&other.flat.space.incoming)
                && member.space.outgoing.covers(&other.flat.space.outgoing);
            let touches = member.space.incoming.and(&other.flat.space.incoming).is_some()
                && member.space.outgoing.and(&other.flat.space.outgoing).is_some();
            let comes_first = index < other.index && other.index < until;
            is_excepted |= meets && comes_first;
            is_partly |= touches && comes_first;
            is_before |= touches && other.index < index;
        }
        match is_excepted {
            true => opened.excepts.push(other.flat.line()),
            false => {
                opened.open = subtract(&opened.open, &hit.destination);
                let place = if is_before && !is_partly { &mut opened.before } else { &mut opened.elsewhere };
                place.get_or_insert(other.flat.line());
            }
        }
    }
    // Partly by interface, it excepts something as well.
    if opened.excepts.is_empty() && opened.elsewhere.is_some() {
        let touches = |other: &&&Denied<'_>| {
            group.iter().filter_map(|index| list.flats.get(*index).map(|flat| (*index, flat))).any(|(index, member)| {
                matches!(member.action, Action::Pass(until) if index < other.index && other.index < until)
                    && member.space.incoming.and(&other.flat.space.incoming).is_some()
                    && member.space.outgoing.and(&other.flat.space.outgoing).is_some()
                    && !intersect(&other.flat.space.destination, &member.space.destination).is_empty()
            })
        };
        opened.excepts.extend(denied.iter().find(touches).map(|other| other.flat.line()));
    }
    opened
}

/// The other ways to the same rule that let the same pass by other interfaces.
pub(super) fn same(list: &List<'_>, index: usize) -> Vec<usize> {
    let Some(this) = list.flats.get(index) else { return Vec::new() };
    let is_same = |flat: &Flat<'_>| {
        let whatever = |space: &Space| Space { incoming: Names::Any, outgoing: Names::Any, ..space.clone() };
        matches!(flat.action, Action::Pass(_))
            && flat.rule().zip(this.rule()).is_some_and(|(one, other)| std::ptr::eq(one, other))
            && whatever(&flat.space) == whatever(&this.space)
    };
    list.flats.iter().enumerate().filter(|(_, flat)| is_same(flat)).map(|(index, _)| index).collect()
}

/// The earlier rules that let pass what would come to the one at that index.
fn earlier<'l, 'r>(list: &'l List<'r>, index: usize) -> impl Iterator<Item = &'l Flat<'r>> {
    let passes = move |flat: &Flat<'_>| matches!(flat.action, Action::Pass(until) if index < until);
    list.flats.iter().take(index).filter(move |flat| passes(flat))
}

/// The line that lets all of it pass, so that no packet comes to any of the group.
pub(super) fn taken_before(list: &List<'_>, group: &[usize]) -> Option<usize> {
    let mut first = None;
    for index in group {
        let space = &list.flats.get(*index)?.space;
        first = Some(earlier(list, *index).find(|flat| flat.space.covers(space))?.line());
    }
    first
}

/// A line that lets some of it pass.
pub(super) fn returned_before(list: &List<'_>, group: &[usize]) -> Option<usize> {
    let members = group.iter().filter_map(|index| list.flats.get(*index).map(|flat| (*index, flat)));
    let mut met = members.filter_map(|(index, flat)| earlier(list, index).find(|other| other.space.meets(&flat.space)));
    met.next().map(Flat::line)
}
