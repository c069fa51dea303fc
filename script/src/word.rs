//! What all backslash commands have in common: blanks and words, up to the end of the line. A backslash
//! right before the end of a line continues it.

/// Where the next character stands that is no blank; the end of a line is none.
pub fn skip_blanks(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        at += match rest.chars().next() {
            Some(' ' | '\t' | '\r' | '\u{b}' | '\u{c}') => 1,
            Some('\\') if continuation(rest) > 0 => continuation(rest),
            _ => return at,
        };
    }
}

/// The length of a backslash with the end of a line behind it; 0 for anything else.
fn continuation(text: &str) -> usize {
    match text.as_bytes() {
        [b'\\', b'\n', ..] => 2,
        [b'\\', b'\r', b'\n', ..] => 3,
        _ => 0,
    }
}

/// The word that begins at `at`; empty at the end of the line.
pub fn word(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    let ends = |(index, character): (usize, char)| match character {
        ' ' | '\t' | '\r' | '\u{b}' | '\u{c}' | '\n' => true,
        '\\' => continuation(&rest[index..]) > 0,
        _ => false,
    };
    let end = rest.char_indices().find(|found| ends(*found)).map_or(rest.len(), |(end, _)| end);
    &rest[..end]
}

/// Behind the end of the command that goes on at `at`: where the next line begins.
pub fn end_of_command(text: &str, mut at: usize) -> usize {
    while at < text.len() {
        at = skip_blanks(text, at);
        match text[at..].chars().next() {
            None => break,
            Some('\n') => return at + 1,
            Some(character) => at += character.len_utf8(),
        }
    }
    text.len()
}
