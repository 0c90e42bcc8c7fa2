//! `/etc/firewalld/direct.xml` (firewalld.direct(5)).

use roxmltree::{Document, Node};

use super::iptables::Services;
use super::{Unreadable, commands, words};
use crate::config::Invalid;
use crate::import::Status;
use crate::import::model::RuleSet;

/// Reads it.
///
/// # Errors
/// What is no XML, or another document.
pub fn read(text: &str, services: Services<'_>) -> Result<RuleSet, Unreadable> {
    let document = Document::parse(text).map_err(|error| {
        let line = usize::try_from(error.pos().row).unwrap_or_default();
        Unreadable::new(line, format!("it is no XML: {error}"), "give the file as firewalld wrote it")
    })?;
    let root = document.root_element();
    let row = |node: &Node<'_, '_>, end: bool| {
        let at = if end { node.range().end.saturating_sub(1) } else { node.range().start };
        usize::try_from(document.text_pos_at(at).row).unwrap_or_default()
    };
    if root.tag_name().name() != "direct" {
        let problem = format!("its root is `{}` and not `direct`", root.tag_name().name().escape_debug());
        return Err(Unreadable::new(row(&root, false), problem, "give /etc/firewalld/direct.xml"));
    }
    let mut rules = RuleSet::default();
    for node in root.children().filter(Node::is_element) {
        let line = row(&node, false);
        if let Err(Invalid { problem, cure }) = element(&mut rules, line, &node, services) {
            rules.remark(line, Status::NotCarried, problem, Some(&cure));
        }
        for more in line + 1..=row(&node, true) {
            rules.remark(more, Status::NoRule, format!("goes on from line {line}"), None);
        }
    }
    frame(&mut rules, text, &document);
    Ok(rules)
}

/// What is no element of the document's own: its frame, comments, and blank lines.
fn frame(rules: &mut RuleSet, text: &str, document: &Document<'_>) {
    let mut inside = vec![false; text.lines().count() + 1];
    for node in document.root_element().children().filter(Node::is_element) {
        for at in [node.range().start, node.range().end.saturating_sub(1)] {
            let row = usize::try_from(document.text_pos_at(at).row).unwrap_or_default();
            if let Some(is) = inside.get_mut(row) {
                *is = true;
            }
        }
    }
    for (index, written) in text.lines().enumerate() {
        let line = index + 1;
        // On the same line as a rule, the rule's word is the one that counts.
        let said = match written.trim() {
            "" => "blank",
            text if text.contains("<!--") || !text.starts_with('<') => "a comment",
            _ => "the frame around the rules",
        };
        if !inside.get(line).copied().unwrap_or_default() {
            rules.remark(line, Status::NoRule, said, None);
        }
    }
}

fn element(rules: &mut RuleSet, line: usize, node: &Node<'_, '_>, services: Services<'_>) -> Result<(), Invalid> {
    let attribute = |name: &str| {
        let missing = || Invalid::new(format!("the element has no `{name}`"), "write it as firewalld.direct(5) says");
        node.attribute(name).map(str::to_owned).ok_or_else(missing)
    };
    let arguments = words(node.text().unwrap_or_default().trim())?;
    match node.tag_name().name() {
        "rule" => {
            let head = [attribute("ipv")?, attribute("table")?, attribute("chain")?, attribute("priority")?];
            commands::direct_rule(rules, line, &[head.to_vec(), arguments].concat(), services)
        }
        "chain" => {
            commands::direct_chain(rules, line, &[attribute("ipv")?, attribute("table")?, attribute("chain")?]);
            Ok(())
        }
        "passthrough" => commands::passthrough(rules, line, &[vec![attribute("ipv")?], arguments].concat(), services),
        other => {
            let problem = format!("`{}` is no element of a direct.xml", other.escape_debug());
            Err(Invalid::new(problem, "firewalld.direct(5) lists them"))
        }
    }
}
