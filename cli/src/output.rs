//! Writing for people. Whoever reads it may leave early (`dbdyno list | head`): that is
//! no error, and nothing that is being measured ends for it.

use std::io::Write as _;

use dbdyno_results::redact;

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

/// Tells a person something beside the output: progress, warnings, errors. A terminal may be gone
/// (a closed ssh session) without a run ending for it. Passwords of URLs that were typed in a
/// wrong place are masked.
pub fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", redact(line));
}
