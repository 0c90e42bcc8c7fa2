//! What `nft` lists, without what may differ between two rulesets that do the same.

/// The listing without the counts: `counter packets 3 bytes 180` becomes `counter`.
pub fn without_counts(listing: &str) -> String {
    listing.lines().map(|line| line_without_counts(line) + "\n").collect()
}

/// The listing without the time that is left of elements, which differs by milliseconds from one to the
/// next: `timeout 1h expires 59m59s992ms comment "…"` becomes `timeout 1h comment "…"`.
pub fn without_expiry(listing: &str) -> String {
    let mut parts = listing.split(" expires ");
    let first = parts.next().unwrap_or_default().to_owned();
    // The time itself ends at the next word.
    parts.fold(first, |kept, part| kept + &part[part.find(' ').unwrap_or(part.len())..])
}

fn line_without_counts(line: &str) -> String {
    let mut words = line.split(' ').peekable();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        kept.push(word);
        if word.trim_start() == "counter" && words.peek() == Some(&"packets") {
            words.by_ref().take("packets 3 bytes 180".split(' ').count()).for_each(drop);
        }
    }
    kept.join(" ")
}

/// The sets and chains of our table's listing in the order of their text, and the elements of each
/// set too, whatever order they were made in.
pub fn blocks(listing: &str) -> Vec<String> {
    let listing = without_expiry(&without_counts(listing));
    let content = content(&listing);
    let mut blocks: Vec<String> =
        content.split("\n\n").map(|block| with_sorted_elements(block.trim_matches('\n'))).collect();
    blocks.sort();
    blocks
}

/// What is in the table. Its head says its comment, and whether anybody owns it.
fn content(listing: &str) -> &str {
    let content = listing.strip_prefix("table inet dockwall {").and_then(|rest| rest.strip_suffix("}\n")).unwrap();
    let (head, content) = content.split_once("\tcomment \"dockwall\"\n").unwrap();
    // The owner's name and the flags.
    assert!(!head.contains("set ") && !head.contains("chain "), "{listing}");
    content
}

/// The block with the elements of its set in the order of their text: nft lists boxes in the order in
/// which they came.
fn with_sorted_elements(block: &str) -> String {
    let Some((head, (list, tail))) =
        block.split_once("elements = {").and_then(|(head, rest)| Some((head, rest.split_once('}')?)))
    else {
        return block.to_owned();
    };
    let mut elements: Vec<&str> = list.split(',').map(str::trim).collect();
    elements.sort_unstable();
    format!("{head}elements = {{ {} }}{tail}", elements.join(", "))
}
