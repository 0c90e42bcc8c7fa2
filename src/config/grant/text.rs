//! A grant as it stands in a file.

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

use super::Grant;

impl Grant {
    /// The `[[grant]]` table that reads back as this grant, wherever it comes from.
    pub fn to_toml(&self) -> String {
        let mut table = Table::new();
        table.insert("name", value(&self.name));
        table.insert("to", value(self.to.to_string()));
        if !self.ports.is_empty() {
            let ports: Array = self.ports.iter().map(ToString::to_string).collect();
            table.insert("ports", value(ports));
        }
        if let Some(protocol) = self.protocol {
            table.insert("protocol", value(protocol.to_string()));
        }
        if let Some(from) = &self.from {
            table.insert("from", value(from.to_string()));
        }
        if let Some(until) = self.until {
            table.insert("until", value(until.to_string()));
        }
        if self.required {
            table.insert("required", value(true));
        }
        if let Some(comment) = &self.comment {
            table.insert("comment", value(comment));
        }
        let mut document = DocumentMut::new();
        document.insert("grant", Item::ArrayOfTables(ArrayOfTables::from_iter([table])));
        document.to_string()
    }
}
