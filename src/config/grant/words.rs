//! A grant in a few words, for people.

use super::Grant;

impl Grant {
    /// Where it leads and what is open there: `10.1.2.3, 5432/tcp`.
    pub fn to_text(&self) -> String {
        format!("{}, {}", self.to, self.services_text())
    }

    /// What is open there: `5432/tcp 53/udp`, `icmp`, or `everything`.
    pub fn services_text(&self) -> String {
        let ports: Vec<String> = self.ports.iter().map(ToString::to_string).collect();
        match self.protocol {
            Some(protocol) => protocol.to_string(),
            None if ports.is_empty() => "everything".to_owned(),
            None => ports.join(" "),
        }
    }

    /// Who may go there: `container:web`, or `any container`.
    pub fn from_text(&self) -> String {
        self.from.as_ref().map_or_else(|| "any container".to_owned(), ToString::to_string)
    }
}
