//! A grant in a few words, for people.

use super::Grant;

impl Grant {
    /// Where it leads and what is open there: `10.1.2.3, 5432/tcp`.
    pub fn to_text(&self) -> String {
        let opened: Vec<String> = match self.protocol {
            Some(protocol) => vec![protocol.to_string()],
            None => self.ports.iter().map(ToString::to_string).collect(),
        };
        let opened = if opened.is_empty() { "everything".to_owned() } else { opened.join(" ") };
        format!("{}, {opened}", self.to)
    }

    /// Who may go there: `container:web`, or `any container`.
    pub fn from_text(&self) -> String {
        self.from.as_ref().map_or_else(|| "any container".to_owned(), ToString::to_string)
    }
}
