//! Tables of probes that say how each one ends without a wall, in audit mode, in enforce mode, and
//! with the grants that open it.

use std::fmt::Write as _;

use super::{Lab, Row, Verdict};

/// What the wall is while a table is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// There is none.
    Open,
    /// It only counts.
    Audit,
    /// It stands.
    Enforce,
    /// It stands and has the grants of the table.
    Granted,
}

/// How one probe ends in each state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Without a wall, and in audit mode.
    pub open: Verdict,
    /// In enforce mode.
    pub enforce: Verdict,
    /// In enforce mode with grants.
    pub granted: Verdict,
}

/// One line of a table.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it is about, for who reads.
    pub what: String,
    /// Where it is asked.
    pub place: String,
    /// What is asked, as a line for `traffic probes`.
    pub probe: String,
    /// How it has to end.
    pub expected: Expected,
}

/// Many of them, and what was found so far.
#[derive(Debug, Default)]
pub struct Table {
    lines: Vec<Line>,
    found: Vec<(State, Vec<Verdict>)>,
}

impl Expected {
    /// The same in every state.
    pub fn always(verdict: Verdict) -> Self {
        Self { open: verdict.clone(), enforce: verdict.clone(), granted: verdict }
    }

    /// Open, and no business of the wall.
    pub fn open() -> Self {
        Self::always(Verdict::Ok)
    }

    /// Closed by the wall, whatever is granted.
    pub fn closed() -> Self {
        Self { open: Verdict::Ok, enforce: Verdict::Timeout, granted: Verdict::Timeout }
    }

    /// Closed by the wall, but for the grant.
    pub fn grantable() -> Self {
        Self { open: Verdict::Ok, enforce: Verdict::Timeout, granted: Verdict::Ok }
    }

    /// Turned away by the wall.
    pub fn turned_away(how: &str) -> Self {
        Self { open: Verdict::Ok, enforce: how.into(), granted: how.into() }
    }

    fn in_state(&self, state: State) -> &Verdict {
        match state {
            State::Open | State::Audit => &self.open,
            State::Enforce => &self.enforce,
            State::Granted => &self.granted,
        }
    }
}

impl Table {
    /// Adds a line for each probe, from one place and with one expectation.
    pub fn add<P: Into<String>>(
        &mut self,
        place: &str,
        what: &str,
        probes: impl IntoIterator<Item = P>,
        expected: Expected,
    ) -> &mut Self {
        self.lines.extend(probes.into_iter().map(|probe| Line {
            what: what.to_owned(),
            place: place.to_owned(),
            probe: probe.into(),
            expected: expected.clone(),
        }));
        self
    }

    /// Asks all of it, in the state that the wall is in now. A line that is wrong is told by
    /// [`Table::judge`].
    #[track_caller]
    pub fn ask(&mut self, lab: &Lab, state: State) -> &mut Self {
        let row = |line: &Line| Row {
            place: line.place.clone(),
            probe: line.probe.clone(),
            verdict: line.expected.in_state(state).clone(),
        };
        let rows: Vec<Row> = self.lines.iter().map(row).collect();
        self.found.push((state, lab.ask(&rows)));
        self
    }

    /// Asks all of it without a wall, then in audit mode and in enforce mode with a policy, then, where
    /// there are any, with its grants as well.
    ///
    /// # Panics
    /// As [`Table::judge`].
    #[track_caller]
    pub fn judge_policy(&mut self, lab: &Lab, title: &str, policy: &str, grants: Option<&str>) {
        self.ask(lab, State::Open);
        lab.apply(&format!("mode = \"audit\"\n{policy}"));
        self.ask(lab, State::Audit);
        lab.apply(&format!("mode = \"enforce\"\n{policy}"));
        self.ask(lab, State::Enforce);
        if let Some(grants) = grants {
            lab.apply(&format!("mode = \"enforce\"\n{policy}\n{grants}"));
            self.ask(lab, State::Granted);
        }
        self.judge(title);
    }

    /// Prints the table: `✓` before what was found in each state that was asked.
    ///
    /// # Panics
    /// When something ended otherwise than expected, with those lines alone and a `✗` before what is wrong: what is
    /// printed of a failure is cut somewhere.
    #[track_caller]
    pub fn judge(&self, title: &str) {
        assert!(!self.lines.is_empty() && !self.found.is_empty(), "{title}: nothing was asked");
        let count = (0..self.lines.len()).filter(|index| self.is_wrong(*index)).count();
        let wrong = self.text(|index| self.is_wrong(index));
        assert!(count == 0, "{title}: {count} of {} probes end otherwise:\n{wrong}", self.lines.len());
        let all = self.text(|_| true);
        println!("{title}: {} probes in {} states\n{all}", self.lines.len(), self.found.len());
    }

    fn is_wrong(&self, index: usize) -> bool {
        self.found.iter().any(|(state, found)| found[index] != *self.lines[index].expected.in_state(*state))
    }

    fn text(&self, is_shown: impl Fn(usize) -> bool) -> String {
        let width = |cell: fn(&Line) -> &str| self.lines.iter().map(|line| cell(line).chars().count()).max();
        let place = width(|line| &line.place).unwrap_or_default();
        let what = width(|line| &line.what).unwrap_or_default();
        let probe = width(|line| &line.probe).unwrap_or_default();
        let mut text = format!("  {:place$}  {:what$}  {:probe$}", "from", "what", "probe");
        for (state, _) in &self.found {
            write!(text, "  {:24}", format!("{state:?}").to_lowercase()).unwrap();
        }
        for (index, line) in self.lines.iter().enumerate().filter(|(index, _)| is_shown(*index)) {
            write!(text, "\n  {:place$}  {:what$}  {:probe$}", line.place, line.what, line.probe).unwrap();
            for (state, found) in &self.found {
                let (expected, found) = (line.expected.in_state(*state), &found[index]);
                let cell = match expected == found {
                    true => format!("✓ {found}"),
                    false => format!("✗ {found}, not {expected}"),
                };
                write!(text, "  {cell:24}").unwrap();
            }
        }
        text + "\n"
    }
}
