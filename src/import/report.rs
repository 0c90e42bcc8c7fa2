//! What becomes of each line: none is left out.

use std::fmt;

use super::model::{Hook, Remark, RuleSet};
use super::space::Space;

/// What becomes of a line, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is no rule: blank, a comment, the frame around rules.
    NoRule,
    /// It is somebody else's matter and stays in force where it is.
    LeftAlone,
    /// It holds without being written.
    Implied,
    /// It stands in the configuration.
    Carried,
    /// It holds otherwise, for a reason.
    Changed,
    /// It does not hold any more.
    NotCarried,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Carried, Self::Implied, Self::Changed, Self::NotCarried, Self::LeftAlone, Self::NoRule];
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NoRule => "no rule",
            Self::LeftAlone => "left alone",
            Self::Implied => "implied by a default",
            Self::Carried => "carried over",
            Self::Changed => "changed on purpose",
            Self::NotCarried => "not carried over",
        })
    }
}

/// One line of the text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Line {
    /// Its number, counted from 1.
    pub line: usize,
    /// It, as it is written.
    pub text: String,
    /// What becomes of it.
    pub status: Status,
    /// To which key or grant it went; why it holds already, or otherwise, or no more.
    pub said: Vec<String>,
    /// What to do about it.
    pub cures: Vec<String>,
}

/// Packets that are treated otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// On which hook.
    pub hook: Hook,
    /// Which ones.
    pub space: Space,
    /// The line that the report says the reason of.
    pub line: usize,
}

/// All lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// As many as the text has.
    pub lines: Vec<Line>,
    /// What holds beside the rules, which no line of them says.
    pub notes: Vec<String>,
    /// Packets that dockwall treats otherwise than a line does.
    pub deviations: Vec<Deviation>,
    said: Vec<bool>,
}

impl Report {
    /// Of a text, with nothing said yet.
    pub fn of(text: &str) -> Self {
        let line = |(index, text): (usize, &str)| Line {
            line: index + 1,
            text: text.to_owned(),
            status: Status::NoRule,
            said: Vec::new(),
            cures: Vec::new(),
        };
        let lines: Vec<Line> = text.lines().enumerate().map(line).collect();
        Self { said: vec![false; lines.len()], lines, notes: Vec::new(), deviations: Vec::new() }
    }

    /// Says what becomes of a line. The gravest that is said of it is its status, and only that is told.
    pub fn say(&mut self, line: usize, status: Status, said: impl Into<String>) {
        let index = line.saturating_sub(1);
        let (Some(entry), Some(is_said)) = (self.lines.get_mut(index), self.said.get_mut(index)) else {
            return;
        };
        if !*is_said || status > entry.status {
            entry.said.clear();
            entry.cures.clear();
            entry.status = status;
        }
        *is_said = true;
        let said = said.into();
        if status == entry.status && !entry.said.contains(&said) {
            entry.said.push(said);
        }
    }

    /// The same with what to do about it.
    pub fn say_with(&mut self, line: usize, status: Status, said: impl Into<String>, cure: impl Into<String>) {
        self.say(line, status, said);
        let cure = cure.into();
        if let Some(entry) = self.lines.get_mut(line.saturating_sub(1))
            && entry.status == status
            && !entry.cures.contains(&cure)
        {
            entry.cures.push(cure);
        }
    }

    /// Says which forwarded packets are treated otherwise than that line does.
    pub fn deviate(&mut self, line: usize, space: Space) {
        self.deviations.push(Deviation { hook: Hook::Forward, space, line });
    }

    /// Whether anything was said of it.
    pub fn is_said(&self, line: usize) -> bool {
        self.said.get(line.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// Takes what the parser said.
    pub fn take(&mut self, rules: &RuleSet) {
        for Remark { line, status, said, cure } in &rules.remarks {
            match cure {
                Some(cure) => self.say_with(*line, *status, said, cure),
                None => self.say(*line, *status, said),
            }
        }
    }

    /// Says of what nobody spoke of that it is not carried over: nothing goes in silence.
    pub fn close(&mut self) {
        let left: Vec<usize> = (1..=self.lines.len()).filter(|line| !self.is_said(*line)).collect();
        for line in left {
            self.say_with(line, Status::NotCarried, "not understood", "read it, and write what it is for by hand");
        }
    }

    /// How many lines have that status.
    pub fn count(&self, status: Status) -> usize {
        self.lines.iter().filter(|line| line.status == status).count()
    }

    /// That line.
    pub fn line(&self, line: usize) -> Option<&Line> {
        self.lines.get(line.checked_sub(1)?)
    }
}
