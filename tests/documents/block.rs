//! The blocks of a document: what stands between fences, or is indented.

/// What a block has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The number of its first line.
    pub line: usize,
    /// What stands behind the fence, such as `sh`; none where it is only indented.
    pub language: Option<String>,
    /// Its lines, without the indentation.
    pub lines: Vec<String>,
}

/// A command as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The number of its line.
    pub line: usize,
    /// Without prompt, explanations and line breaks.
    pub text: String,
}

/// Languages of blocks that nobody types at a shell.
const NOT_TYPED: [&str; 5] = ["text", "toml", "yaml", "ini", "json"];

/// What lines without a prompt begin with where they are typed.
const PROGRAMS: [&str; 12] = [
    "sudo",
    "dockwall",
    "scripts/",
    "tests/",
    "vagrant/",
    "cd",
    "docker",
    "tar",
    "dmesg",
    "cargo",
    "git",
    "ansible-playbook",
];

impl Block {
    /// Whether its language says that it is data.
    pub fn is_data(&self) -> bool {
        self.language.as_deref().is_some_and(|language| NOT_TYPED.contains(&language))
    }

    /// The commands in it.
    pub fn commands(&self) -> Vec<Typed> {
        if self.is_data() {
            return Vec::new();
        }
        let is_script = self.language.as_deref() == Some("sh");
        let mut commands: Vec<Typed> = Vec::new();
        let mut goes_on = false;
        for (offset, line) in self.lines.iter().enumerate() {
            let typed = match line.strip_prefix("$ ") {
                _ if goes_on => Some(line.trim_start()),
                Some(typed) => Some(typed),
                None if is_script => Some(line.as_str()),
                None => self.language.is_none().then_some(line.as_str()).filter(|line| begins_with_program(line)),
            };
            let Some(typed) = typed.map(without_explanation).filter(|typed| !typed.is_empty()) else {
                continue;
            };
            let text = typed.trim_end_matches('\\').trim();
            match commands.last_mut().filter(|_| goes_on) {
                Some(before) => before.text = format!("{} {text}", before.text),
                None => commands.push(Typed { line: self.line + offset, text: text.to_owned() }),
            }
            goes_on = typed.ends_with('\\');
        }
        commands
    }
}

fn begins_with_program(line: &str) -> bool {
    let word = line.split(' ').next().unwrap_or_default();
    PROGRAMS.iter().any(|program| word == *program || (program.ends_with('/') && word.starts_with(program)))
}

/// An explanation stands behind two spaces or a `#`.
fn without_explanation(line: &str) -> &str {
    let line = line.trim_end();
    let end = [line.find("  "), line.find(" # "), line.starts_with('#').then_some(0)].into_iter().flatten().min();
    line[..end.unwrap_or(line.len())].trim_end()
}

/// All blocks of a document.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fence: Option<Block> = None;
    // An indented block goes on behind blank lines; within a list or a paragraph there is none.
    let mut indented: Option<Block> = None;
    let mut before_is_blank = true;
    for (line, number) in text.lines().zip(1..) {
        match (&mut fence, line.strip_prefix("```")) {
            (Some(open), Some(_)) => {
                blocks.push(open.clone());
                fence = None;
            }
            (Some(open), None) => open.lines.push(line.to_owned()),
            (None, Some(language)) => {
                blocks.extend(indented.take());
                fence = Some(Block { line: number + 1, language: Some(language.to_owned()), lines: Vec::new() });
            }
            (None, None) => match (line.strip_prefix("    "), &mut indented) {
                (Some(inside), Some(open)) => open.lines.push(inside.to_owned()),
                (Some(inside), None) if before_is_blank => {
                    indented = Some(Block { line: number, language: None, lines: vec![inside.to_owned()] });
                }
                (None, Some(open)) if line.is_empty() => open.lines.push(String::new()),
                _ => blocks.extend(indented.take()),
            },
        }
        before_is_blank = line.is_empty();
    }
    blocks.extend(indented);
    blocks
}

#[test]
fn commands_are_found_in_blocks_of_every_kind() {
    let document = "\
Prose with an
    indented line that belongs to it.

    $ sudo dockwall status
    ● enforcing
    $ docker run --detach \\
        --name wall dockwall    # and an explanation
    dmesg | dockwall denied -    from a log

```sh
scripts/test          # all of it
cd x && y
```

```console
$ dockwall check
dockwall is no command in what is printed
```

```toml
$ = 1
```
";
    let typed: Vec<(usize, String)> =
        blocks(document).iter().flat_map(Block::commands).map(|typed| (typed.line, typed.text)).collect();
    let expected = [
        (4, "sudo dockwall status"),
        (6, "docker run --detach --name wall dockwall"),
        (8, "dmesg | dockwall denied -"),
        (11, "scripts/test"),
        (12, "cd x && y"),
        (16, "dockwall check"),
    ];
    let expected: Vec<(usize, String)> = expected.map(|(line, text)| (line, text.to_owned())).to_vec();
    assert_eq!(typed, expected);
}
