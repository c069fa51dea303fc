//! Text from elsewhere, such as an engine's words, within a document.

use std::borrow::Cow;

/// Text of which Markdown makes nothing but text.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        // Within a word it means nothing (CommonMark 6.2), and names of metrics are full of it.
        let is_within =
            before.is_alphanumeric() && letters.peek().is_some_and(|next| next.is_alphanumeric());
        match letter {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' => out.push(' '),
            '_' if is_within => out.push('_'),
            '*' | '_' | '`' | '[' | ']' | '@' | '#' | '~' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
        before = letter;
    }
    out
}

/// Makes control characters visible, but for the ends of lines: what a server or a file says must not move a
/// terminal's cursor.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    // Those of ASCII, and the first byte of all others: most texts have none.
    if !text.bytes().any(|byte| byte < 0x20 || byte == 0x7f || byte == 0xc2) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push('\n'),
            control if control.is_control() => out.extend(control.escape_default()),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// Text as it may stand in XML and HTML, also within quotes; XML knows no control characters.
pub(crate) fn escape(text: &str) -> String {
    printable(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Text without control characters.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn text_stays_text_in_markdown() {
        for (text, shown) in [
            ("<img src=x> & *b*", "&lt;img src=x> &amp; \\*b\\*"),
            ("latency_p99_us", "latency_p99_us"),
            ("_a_ b__c", "\\_a\\_ b\\_\\_c"),
            ("~1.0x [1]\n`x`", "\\~1.0x \\[1\\] \\`x\\`"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }
}
