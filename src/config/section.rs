//! One table of a file.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::rc::Rc;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Kind;
use super::field::Field;
use super::invalid::{Invalid, quote, shorten};
use super::origin::Origin;
use super::reader::Reader;

/// One table. Every key is asked for once; what was not asked for when the section has been read is
/// reported as unknown.
///
/// A refused value reads as its default: the error is filed, and a configuration with errors is
/// never handed out.
pub(super) struct Section<'r> {
    reader: &'r Reader<'r>,
    /// The dotted name; empty at the top of the file.
    name: String,
    /// None when the table is not there: then every key has its default.
    table: Option<&'r DeTable<'r>>,
    /// Where the table is opened.
    header: Range<usize>,
    asked: Vec<&'static str>,
}

impl<'r> Section<'r> {
    /// The top of a file.
    pub(super) fn top(reader: &'r Reader<'r>, table: &'r DeTable<'r>) -> Self {
        Self { reader, name: String::new(), table: Some(table), header: 0..0, asked: Vec::new() }
    }

    /// Reads the section with `read` and reports the keys that it did not ask for.
    pub(super) fn read<T>(mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let value = read(&mut self);
        for (key, _) in self.table.into_iter().flatten() {
            if !self.asked.iter().any(|asked| asked == key.get_ref()) {
                self.reader.remember_unknown(&self.name, key.get_ref(), self.key(key.get_ref()), self.reader.span(key));
            }
        }
        value
    }

    /// Where the table is opened.
    pub(super) fn origin(&self) -> Origin {
        self.reader.source.origin(self.header.start)
    }

    /// Where the table is opened, as people read it.
    pub(super) fn place(&self) -> String {
        self.reader.source.place(self.header.start)
    }

    /// A text in its own type; `default` also serves as the example of how it is written.
    pub(super) fn text<T: FromStr<Err = Invalid> + Display>(&mut self, name: &'static str, default: T) -> T {
        let example = default.to_string();
        self.parsed(name, &example, str::parse).unwrap_or(default)
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &'static str, default: bool) -> bool {
        let flag = self.field(name).and_then(|field| match field.value() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => field.refuse_type("write `true` or `false` without quotation marks"),
        });
        flag.unwrap_or(default)
    }

    /// A whole number within `bounds`.
    pub(super) fn number(&mut self, name: &'static str, default: u32, bounds: RangeInclusive<u32>) -> u32 {
        self.field(name).and_then(|field| field.number(bounds)).unwrap_or(default)
    }

    /// A list of texts; every wrong item is reported. `parse` is told where each item is written.
    pub(super) fn list<T, L: Default + Extend<T>>(
        &mut self,
        name: &'static str,
        example: &str,
        parse: impl Fn(&str, Origin) -> Result<T, Invalid>,
    ) -> Option<L> {
        self.field(name)?.items(example, parse)
    }

    /// A text that need not be there.
    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        example: &str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        self.field(name)?.parsed(example, parse)
    }

    /// A text that must be there.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        example: &str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        if self.field(name).is_none() {
            let invalid =
                Invalid::new(format!("the key {} is missing", quote(name)), format!("add `{name} = {example:?}`"));
            self.reader.report(Kind::MissingKey, &self.key(name), None, self.header.clone(), invalid);
        }
        self.parsed(name, example, parse)
    }

    /// The value of a key, whatever its type; none when the key is not there.
    pub(super) fn field(&mut self, name: &'static str) -> Option<Field<'r>> {
        let value = self.ask(name)?;
        Some(Field::new(self.reader, Rc::from(self.key(name)), value))
    }

    /// A table, read with `read` whether it is there or not, so that its keys are known and its
    /// defaults have one source.
    pub(super) fn section<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let field = self.field(name);
        let table = field.as_ref().and_then(|field| match field.value() {
            DeValue::Table(table) => Some(table),
            _ => field.refuse_type(&format!("write a section `[{name}]`")),
        });
        let header = field.as_ref().map_or(0..0, Field::span);
        self.inner(name, table, header).read(read)
    }

    /// An array of tables, each read with `read`.
    pub(super) fn sections<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(&mut Section<'_>) -> Option<T>,
    ) -> Vec<T> {
        let cure = format!("write every one as its own table, under a line `[[{name}]]`");
        let Some(field) = self.field(name) else {
            return Vec::new();
        };
        let DeValue::Array(items) = field.value() else {
            field.refuse_type::<()>(&cure);
            return Vec::new();
        };
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => {
                    values.extend(self.inner(name, Some(table), self.reader.span(item)).read(&mut read))
                }
                _ => {
                    field.item(item).refuse_type::<()>(&cure);
                }
            }
        }
        values
    }

    fn inner(&self, name: &'static str, table: Option<&'r DeTable<'r>>, header: Range<usize>) -> Self {
        Self { reader: self.reader, name: self.key(name), table, header, asked: Vec::new() }
    }

    fn ask(&mut self, name: &'static str) -> Option<&'r Spanned<DeValue<'r>>> {
        if !self.asked.contains(&name) {
            self.asked.push(name);
            self.reader.remember_known(self.key(name));
        }
        self.table?.get(name)
    }

    /// The dotted name of a key of this section, quoted where TOML asks for it.
    fn key(&self, name: &str) -> String {
        let bare =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let name = if bare { shorten(name) } else { format!("\"{}\"", shorten(name)) };
        if self.name.is_empty() { name } else { format!("{}.{name}", self.name) }
    }
}
