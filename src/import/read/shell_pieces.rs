//! The text of a script, cut into commands.

/// A piece of text between operators, with its line.
pub(super) type Piece = (usize, String);

/// Cuts at ends of lines and at operators, outside of quotation marks; leaves comments out.
pub(super) fn split(text: &str, frame: &mut Vec<(usize, &'static str)>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut piece, mut begun, mut quote) = (String::new(), 0, None::<char>);
    let mut end_of_input: Option<(usize, String)> = None;
    for (index, written) in text.lines().enumerate() {
        let line = index + 1;
        if let Some((asked, word)) = &end_of_input {
            if written.trim() == word {
                frame.push((line, "the end of another command's input"));
                end_of_input = None;
            } else {
                pieces.push((line, format!("<<{asked}")));
            }
            continue;
        }
        if !piece.is_empty() {
            frame.push((line, "goes on from the line before"));
        } else if written.trim().is_empty() {
            frame.push((line, "blank"));
        } else if written.trim_start().starts_with('#') {
            frame.push((line, "a comment"));
            continue;
        }
        let mut characters = written.chars().peekable();
        let mut goes_on = false;
        let mut end = |piece: &mut String, begun: usize| {
            let whole = std::mem::take(piece);
            let mut rest = whole.trim();
            // A word that begins a block is a piece of its own, so that another block may follow it.
            while let Some((word, more)) = rest.split_once(char::is_whitespace).filter(|(word, _)| begins_block(word)) {
                pieces.push((begun, word.to_owned()));
                rest = more.trim_start();
            }
            if !rest.is_empty() {
                pieces.push((begun, rest.to_owned()));
            }
        };
        while let Some(character) = characters.next() {
            if piece.is_empty() {
                begun = line;
            }
            match (character, quote) {
                ('\\', None | Some('"')) => match characters.next() {
                    Some(next) => piece.extend(['\\', next]),
                    None => goes_on = true,
                },
                (mark @ ('"' | '\''), None) => {
                    quote = Some(mark);
                    piece.push(mark);
                }
                (mark, Some(open)) if mark == open => {
                    quote = None;
                    piece.push(mark);
                }
                ('#', None) if piece.is_empty() || piece.ends_with(char::is_whitespace) => break,
                (';' | '|', None) => end(&mut piece, begun),
                ('&', None) if !piece.ends_with('>') && characters.peek() != Some(&'>') => end(&mut piece, begun),
                ('<', None) if characters.peek() == Some(&'<') => {
                    let rest: String = characters.by_ref().collect();
                    let word = rest.trim_start_matches(['<', '-', ' ']).split_whitespace().next().unwrap_or_default();
                    end_of_input = Some((line, word.trim_matches(['"', '\'']).to_owned()));
                }
                (character, _) => piece.push(character),
            }
        }
        if goes_on || quote.is_some() {
            // As a blank, so that the next line counts as going on.
            piece.push(' ');
        } else {
            end(&mut piece, begun);
        }
    }
    if !piece.trim().is_empty() {
        pieces.push((begun, piece.trim().to_owned()));
    }
    pieces
}

pub(super) fn begins_block(word: &str) -> bool {
    matches!(word, "do" | "then" | "else" | "{")
}
