//! One value of a file.

use std::ops::{Range, RangeInclusive};
use std::rc::Rc;

use toml::Spanned;
use toml::de::DeValue;

use super::diagnostic::Kind;
use super::invalid::{Invalid, quote, shorten};
use super::long_list::read_plain;
use super::origin::Origin;
use super::reader::Reader;

/// The value of a key, or an item of a list.
pub(super) struct Field<'r> {
    reader: &'r Reader<'r>,
    /// The dotted name; an item has that of its list.
    key: Rc<str>,
    value: &'r Spanned<DeValue<'r>>,
}

impl<'r> Field<'r> {
    pub(super) fn new(reader: &'r Reader<'r>, key: Rc<str>, value: &'r Spanned<DeValue<'r>>) -> Self {
        Self { reader, key, value }
    }

    /// An item of this list.
    pub(super) fn item(&self, value: &'r Spanned<DeValue<'r>>) -> Self {
        Self { reader: self.reader, key: Rc::clone(&self.key), value }
    }

    pub(super) fn value(&self) -> &'r DeValue<'r> {
        self.value.get_ref()
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.reader.span(self.value)
    }

    pub(super) fn origin(&self) -> Origin {
        self.reader.source.origin(self.span().start)
    }

    /// The text, read with `parse`; `example` shows how it is written.
    pub(super) fn parsed<T>(&self, example: &str, parse: impl Fn(&str) -> Result<T, Invalid>) -> Option<T> {
        match self.value() {
            DeValue::String(text) => self.accept(parse(text)),
            _ => self.refuse_type(&format!("write a text in quotation marks, such as {example:?}")),
        }
    }

    /// A whole number within `bounds`.
    pub(super) fn number(&self, bounds: RangeInclusive<u32>) -> Option<u32> {
        let cure = format!("write a number from {} to {}", bounds.start(), bounds.end());
        let DeValue::Integer(integer) = self.value() else {
            return self.refuse_type(&cure);
        };
        let number =
            u32::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|number| bounds.contains(number));
        self.accept(number.ok_or_else(|| Invalid::new(format!("{} is out of bounds", quote(self.shown())), cure)))
    }

    /// The items of a list of texts, each read with `parse`; the wrong ones are reported and left out.
    pub(super) fn items<T, L: Default + Extend<T>>(
        &self,
        example: &str,
        parse: impl Fn(&str, Origin) -> Result<T, Invalid>,
    ) -> Option<L> {
        let DeValue::Array(items) = self.value() else {
            return self.refuse_type(&format!("write a list, such as [{example:?}]"));
        };
        let mut list = L::default();
        if items.is_empty() {
            self.read_cut_out(parse, &mut list);
        } else {
            let items = items.iter().map(|item| self.item(item));
            list.extend(items.filter_map(|item| item.parsed(example, |text| parse(text, item.origin()))));
        }
        Some(list)
    }

    /// Whether this is a list without items, and not one that was cut out because it is long.
    pub(super) fn is_empty_list(&self) -> bool {
        let is_empty = matches!(self.value(), DeValue::Array(items) if items.is_empty());
        let mut count = 0_usize;
        if is_empty {
            read_plain(self.reader.source.text(), self.span().start, |_, _| count += 1);
        }
        is_empty && count == 0
    }

    /// Adds the items of a list that the parser saw empty: it may be a long one.
    fn read_cut_out<T>(&self, parse: impl Fn(&str, Origin) -> Result<T, Invalid>, list: &mut impl Extend<T>) {
        let source = self.reader.source;
        read_plain(source.text(), self.span().start, |text, span| match parse(text, source.origin(span.start)) {
            Ok(item) => list.extend([item]),
            Err(invalid) => self.reader.report(Kind::Value, &self.key, Some(shorten(text)), span, invalid),
        });
    }

    /// Files the refusal, if it is one.
    pub(super) fn accept<T>(&self, outcome: Result<T, Invalid>) -> Option<T> {
        outcome.map_err(|invalid| self.report(Kind::Value, invalid)).ok()
    }

    /// Files that the value is of another type; `cure` says which one is right.
    pub(super) fn refuse_type<T>(&self, cure: &str) -> Option<T> {
        let article = if matches!(self.value(), DeValue::Integer(_) | DeValue::Array(_)) { "an" } else { "a" };
        let problem = format!("{} is {article} {}", quote(self.shown()), self.value().type_str());
        self.report(Kind::WrongType, Invalid::new(problem, cure));
        None
    }

    /// Files a finding about this value.
    pub(super) fn report(&self, kind: Kind, invalid: Invalid) {
        self.reader.report(kind, &self.key, Some(self.shown()), self.span(), invalid);
    }

    /// The value seen: a text without its quotation marks, anything else as written.
    fn shown(&self) -> String {
        match self.value() {
            DeValue::String(text) => shorten(text),
            _ => self.reader.source.shown(&self.span()),
        }
    }
}
