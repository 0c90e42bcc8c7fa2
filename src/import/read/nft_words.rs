//! nft's text cut into words, statements and blocks.

/// How deep blocks may be in one another.
const DEEPEST: usize = 16;

/// A word, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The line, counted from 1.
    pub line: usize,
    /// The word, without its quotation marks.
    pub word: String,
    /// Whether it had some.
    pub quoted: bool,
}

impl Token {
    /// The word; of one in quotation marks as well.
    pub fn text(&self) -> &str {
        &self.word
    }

    /// Whether it is that mark or bare word.
    pub fn is(&self, word: &str) -> bool {
        !self.quoted && self.word == word
    }
}

/// A statement: words up to the end of a line or a semicolon, and the statements of the block that follows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Piece {
    /// Its words; those of `{ a, b }` among them, with the braces.
    pub tokens: Vec<Token>,
    /// What stands in its block.
    pub body: Vec<Piece>,
}

impl Piece {
    /// Whether its first word is that.
    pub fn begins(&self, word: &str) -> bool {
        self.tokens.first().is_some_and(|token| token.is(word))
    }

    /// The lines of its own words.
    pub fn lines(&self) -> Vec<usize> {
        let mut lines: Vec<usize> = self.tokens.iter().map(|token| token.line).collect();
        lines.dedup();
        lines
    }

    /// With those of its block.
    pub fn all_lines(&self) -> Vec<usize> {
        let mut lines = self.lines();
        lines.extend(self.body.iter().flat_map(Self::all_lines));
        lines.dedup();
        lines
    }
}

/// Cuts a text.
pub fn pieces(text: &str) -> Vec<Piece> {
    let tokens = tokens(text);
    let mut next = 0;
    let mut pieces = Vec::new();
    // A brace too many ends a block that never began.
    while next < tokens.len() {
        pieces.extend(statements(&tokens, &mut next, 0));
    }
    pieces
}

/// Words and marks; the end of a line is an empty one.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (index, written) in text.lines().enumerate() {
        let line = index + 1;
        let mut word = String::new();
        let mut push = |word: &mut String, quoted: bool| {
            if !word.is_empty() || quoted {
                tokens.push(Token { line, word: std::mem::take(word), quoted });
            }
        };
        let mut characters = written.chars().peekable();
        let mut goes_on = false;
        while let Some(character) = characters.next() {
            match character {
                '"' => {
                    push(&mut word, false);
                    word.extend(characters.by_ref().take_while(|character| *character != '"'));
                    push(&mut word, true);
                }
                '#' => break,
                '\\' if characters.peek().is_none() => goes_on = true,
                character if character.is_whitespace() => push(&mut word, false),
                '{' | '}' | ',' | ';' | '=' => {
                    let is_compare = character == '=' && matches!(word.as_str(), "!" | "=");
                    if !is_compare {
                        push(&mut word, false);
                    }
                    word.push(character);
                    // `==` and `!=` are one word.
                    if character != '=' || is_compare || characters.peek() != Some(&'=') {
                        push(&mut word, false);
                    }
                }
                character => word.push(character),
            }
        }
        push(&mut word, false);
        if !goes_on {
            tokens.push(Token { line, word: String::new(), quoted: false });
        }
    }
    tokens
}

/// The statements up to the end of the block.
fn statements(tokens: &[Token], next: &mut usize, depth: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut piece = Piece::default();
    let mut braces = 0_usize;
    while let Some(token) = tokens.get(*next) {
        *next += 1;
        if braces > 0 {
            match token.text() {
                "{" if !token.quoted => braces += 1,
                "}" if !token.quoted => braces -= 1,
                _ => {}
            }
            if !token.text().is_empty() || token.quoted {
                piece.tokens.push(token.clone());
            }
            continue;
        }
        let is_end = token.is("") || token.is(";");
        if is_end && !piece.tokens.is_empty() {
            pieces.push(std::mem::take(&mut piece));
        } else if token.is("{") && opens_block(&piece) && depth < DEEPEST {
            piece.body = statements(tokens, next, depth + 1);
            pieces.push(std::mem::take(&mut piece));
        } else if token.is("{") {
            braces += 1;
            piece.tokens.push(token.clone());
        } else if token.is("}") {
            break;
        } else if !is_end {
            piece.tokens.push(token.clone());
        }
    }
    if !piece.tokens.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// Whether a block of statements follows, and no list of values.
fn opens_block(piece: &Piece) -> bool {
    let words = ["table", "chain", "set", "map", "counter", "quota", "limit", "ct", "flowtable", "secmark", "synproxy"];
    let first = piece.tokens.iter().find(|token| !token.is("add") && !token.is("create"));
    let is_one = first.is_some_and(|token| words.iter().any(|word| token.is(word)));
    is_one && piece.tokens.len() <= 5 && !piece.tokens.iter().any(|token| token.is("rule"))
}
