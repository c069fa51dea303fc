//! What a statement is, by its words.

use dbdyno_core::Access;

use crate::commands::StatementKind;

/// Follows the body of a routine or trigger, in which semicolons end no statement: from its first `BEGIN`
/// to the `END` that belongs to it.
#[derive(Default)]
pub struct Body {
    depth: usize,
    /// How deep it was before the last `END`.
    before_end: usize,
}

impl Body {
    /// Whether it is under way.
    pub fn is_open(&self) -> bool {
        self.depth > 0
    }

    /// Takes the next word of a statement, which comes behind the others.
    pub fn word(&mut self, word: &str, before: &[String]) {
        let behind_end = before.last().is_some_and(|last| last == "end");
        match word {
            "begin" if self.is_open() || creates_routine(before) => self.depth += 1,
            // `END IF` closes what was not counted, and `END CASE` what was.
            "if" | "loop" | "while" | "repeat" if behind_end => self.depth = self.before_end,
            "case" if self.is_open() && !behind_end => self.depth += 1,
            "end" => {
                self.before_end = self.depth;
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
    }
}

fn creates_routine(words: &[String]) -> bool {
    let mut words = words.iter().map(String::as_str);
    words.next() == Some("create")
        && words.take(6).any(|word| matches!(word, "function" | "procedure" | "trigger"))
}

/// What a statement does to transactions; an error is what it asks for and cannot have.
pub fn kind(words: &[String]) -> Result<StatementKind, &'static str> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["begin", modes @ ..] | ["start", "transaction", modes @ ..] => {
            let modes = match modes {
                ["work" | "transaction", rest @ ..] => rest,
                modes => modes,
            };
            access(modes).map(StatementKind::Begin)
        }
        ["commit" | "end"] | ["commit" | "end", "work" | "transaction"] => {
            Ok(StatementKind::Commit)
        }
        ["rollback" | "abort"] | ["rollback" | "abort", "work" | "transaction"] => {
            Ok(StatementKind::Rollback)
        }
        ["commit" | "end" | "rollback" | "abort", rest @ ..] if rest.contains(&"chain") => {
            Err("a transaction that begins by itself cannot be counted: write COMMIT and BEGIN")
        }
        ["copy", rest @ ..] if rest.contains(&"stdin") || rest.contains(&"stdout") => {
            Err("COPY from or to the client is not supported: write INSERT or SELECT")
        }
        words if reads(words) => Ok(StatementKind::Read),
        _ => Ok(StatementKind::Write),
    }
}

/// What a transaction does, where it says so. `Write` where it does not.
fn access(modes: &[&str]) -> Result<Access, &'static str> {
    match modes {
        ["read", "only"] => Ok(Access::Read),
        [] | ["read", "write"] | ["immediate" | "deferred" | "exclusive"] => Ok(Access::Write),
        _ => Err(
            "the isolation level belongs to the case: leave it out, and say it with --isolation",
        ),
    }
}

/// Whether it says that it writes or only reads.
pub fn says_access(words: &[String]) -> bool {
    let last = words.last().map(String::as_str);
    matches!(last, Some("only" | "write" | "immediate" | "deferred" | "exclusive"))
}

fn reads(words: &[&str]) -> bool {
    // The last is the portable fragment of a locking read.
    const WRITING: [&str; 8] =
        ["insert", "update", "delete", "merge", "replace", "into", "share", "for_update"];
    matches!(words.first(), Some(&("select" | "with" | "values" | "table" | "show" | "explain")))
        && !words.iter().any(|word| WRITING.contains(word))
}
