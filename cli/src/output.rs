//! Writing to the standard output. Whoever reads it may leave early (`dbdyno list | head`): that is
//! no error, and nothing that is being measured ends for it.

use std::io::Write as _;

/// Prints a line.
pub fn say(line: &str) {
    show(line);
    show("\n");
}

/// Prints text as it is.
pub fn show(text: &str) {
    // Results are in files; nobody is left to be told that nobody reads.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
