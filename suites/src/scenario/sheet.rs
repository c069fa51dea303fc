//! What dbdyno reads in a script's comments, which pgbench passes over: lines that begin with `-- @`, whatever
//! blanks are around the dashes.

use std::fmt::Write as _;

use dbdyno_script::Mistake;

use super::expectation::Expectation;

/// A file as one engine is meant to read it.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Its text; what is for other engines is left out, line by line, so that lines keep their numbers.
    pub text: String,
    /// What its comments say, in order.
    pub directives: Vec<Directive>,
}

/// A line that is more than a comment.
#[derive(Clone, Debug, PartialEq)]
pub struct Directive {
    /// Its line, from 1.
    pub line: usize,
    /// What it says.
    pub says: Says,
}

/// What a directive says.
#[derive(Clone, Debug, PartialEq)]
pub enum Says {
    /// The file that sets the data up, from the folder of this one.
    SetUp(String),
    /// The built-in data set.
    Dataset(String),
    /// What is expected.
    Expect(Expectation),
    /// A query that must answer a number other than 0, before and after.
    Check { name: String, sql: String },
    /// A query for a number that each commit of the script moves by 1.
    Count { name: String, sql: String },
    /// What follows, up to `End`, is done as often as the expression in the same line says.
    Repeat,
    /// The end of what is repeated.
    End,
}

const WORDS: [&str; 8] =
    ["setup", "dataset", "expect", "check", "count", "engine", "repeat", "end"];
/// Stands for all engines that the blocks before it do not name.
pub const OTHERS: &str = "others";

/// Reads `text`, called `file` in messages, for an engine.
///
/// # Errors
/// A directive is malformed, or a block is not closed.
pub fn read(file: &str, text: &str, engine: &str) -> Result<Sheet, Mistake> {
    let mut reader = Reader {
        file,
        engine,
        text: String::with_capacity(text.len()),
        directives: Vec::new(),
        open: Vec::new(),
    };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut at = 0;
    while at < lines.len() {
        at += reader.line(&lines, at)?;
    }
    match reader.open.last() {
        None => Ok(Sheet { text: reader.text, directives: reader.directives }),
        Some(block) => {
            let shown = lines.get(block.line - 1).copied().unwrap_or_default().trim_end();
            Err(Mistake::new(file, block.line, 1, shown, "the block that begins here has no end")
                .next("close it with `-- @end`"))
        }
    }
}

/// The name of an engine that a block is for, and where it stands.
pub struct Named<'t> {
    pub name: &'t str,
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The line itself.
    pub shown: &'t str,
}

/// The engines that a text has blocks for, as often as it names them.
pub fn engines(text: &str) -> impl Iterator<Item = Named<'_>> {
    (1..).zip(text.lines()).flat_map(|(line, shown)| {
        let said = said_in(shown).and_then(|said| said.strip_prefix("engine"));
        let names = said.filter(|names| names.starts_with(char::is_whitespace));
        let names = names.into_iter().flat_map(|names| names.split(','));
        names.map(str::trim).filter(|name| !name.is_empty()).map(move |name| Named {
            name,
            line,
            column: column_of(shown, name),
            shown,
        })
    })
}

/// What stands behind the `@` of a line that is more than a comment.
fn said_in(line: &str) -> Option<&str> {
    line.trim().strip_prefix("--")?.trim_start().strip_prefix('@')
}

/// The column of a part of a line, from 1.
fn column_of(line: &str, part: &str) -> usize {
    line[..offset_of(line, part).min(line.len())].chars().count() + 1
}

/// The byte of a text at which a part of it begins.
fn offset_of(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}

/// What is wrong with a directive, and the part of its text that is.
#[derive(Debug)]
pub struct Wrong<'t> {
    pub part: &'t str,
    pub what: String,
}

impl<'t> Wrong<'t> {
    pub fn new(part: &'t str, what: impl Into<String>) -> Self {
        Self { part, what: what.into() }
    }
}

struct Reader<'t> {
    file: &'t str,
    engine: &'t str,
    text: String,
    directives: Vec<Directive>,
    open: Vec<Block>,
}

/// A block under way.
struct Block {
    line: usize,
    kind: Kind,
}

enum Kind {
    Repeat,
    /// For some engines; those that this one and its neighbours before it name.
    Engine {
        applies: bool,
        named: Vec<String>,
    },
}

impl Reader<'_> {
    /// Whether what comes is for the engine.
    fn applies(&self) -> bool {
        self.open.iter().all(|block| match &block.kind {
            Kind::Repeat => true,
            Kind::Engine { applies, .. } => *applies,
        })
    }

    /// Takes a line, or a directive of several; gives how many they are.
    fn line(&mut self, lines: &[&str], at: usize) -> Result<usize, Mistake> {
        let line = lines[at];
        let Some(first) = said_in(line) else {
            if self.applies() {
                self.text.push_str(line);
            } else if line.ends_with('\n') {
                self.text.push('\n');
            }
            return Ok(1);
        };
        let (said, taken) = continued(first, lines, at);
        let (word, rest) = said.split_at(said.find(char::is_whitespace).unwrap_or(said.len()));
        let file = self.file;
        let wrong = |Wrong { part, what }: Wrong<'_>| {
            // Of what goes on in other lines, the end of the first.
            let place = offset_of(&said, part).min(first.len());
            let place = if first.is_char_boundary(place) { place } else { 0 };
            let column = column_of(line, &first[place..]);
            Mistake::new(file, at + 1, column, line.trim_end(), what)
        };
        let says = match (word, rest.trim()) {
            ("engine", names) => {
                self.begin_engine(at + 1, names).map_err(wrong)?;
                None
            }
            ("end", "") => self.end().map_err(|what| wrong(Wrong::new(word, what)))?,
            ("repeat", _) if !self.applies() => {
                // Its end must not be taken for that of the block around it.
                self.open.push(Block { line: at + 1, kind: Kind::Repeat });
                None
            }
            _ if !self.applies() => None,
            ("repeat", _) if self.repeats() => {
                let what = "what is repeated cannot repeat anything itself";
                return Err(wrong(Wrong::new(word, what)));
            }
            ("repeat", none @ "") => {
                return Err(wrong(Wrong::new(none, "found nothing, expected how often")));
            }
            ("repeat", _) => {
                self.open.push(Block { line: at + 1, kind: Kind::Repeat });
                Some(Says::Repeat)
            }
            (word, rest) => parse(word, rest).map_err(wrong)?,
        };
        self.directives.extend(says.map(|says| Directive { line: at + 1, says }));
        // Comments to the script's own reader, which shows them where something is wrong.
        lines[at..at + taken].iter().for_each(|line| self.text.push_str(line));
        Ok(taken)
    }

    /// Whether what comes is repeated.
    fn repeats(&self) -> bool {
        self.open.iter().any(|block| matches!(block.kind, Kind::Repeat))
    }

    /// A block for some engines, which ends the one before it.
    fn begin_engine<'n>(&mut self, line: usize, said: &'n str) -> Result<(), Wrong<'n>> {
        let names: Vec<String> =
            said.split(',').map(|name| name.trim().to_owned()).filter(|n| !n.is_empty()).collect();
        if names.is_empty() {
            let what = "found nothing, expected engines such as `mariadb, mysql`, or `others`";
            return Err(Wrong::new(said, what));
        }
        let mut named = match self.open.pop_if(|block| matches!(block.kind, Kind::Engine { .. })) {
            Some(Block { kind: Kind::Engine { named, .. }, .. }) => named,
            _ => Vec::new(),
        };
        let is_named = |names: &[String]| names.iter().any(|name| name == self.engine);
        let applies = if names.iter().any(|name| name == OTHERS) {
            !is_named(&named)
        } else {
            is_named(&names)
        };
        named.extend(names);
        self.open.push(Block { line, kind: Kind::Engine { applies, named } });
        Ok(())
    }

    fn end(&mut self) -> Result<Option<Says>, &'static str> {
        match self.open.pop() {
            Some(Block { kind: Kind::Repeat, .. }) => Ok(self.applies().then_some(Says::End)),
            Some(_) => Ok(None),
            None => Err("there is no block to end"),
        }
    }
}

/// A directive with the lines that a backslash at the end of one goes on in.
fn continued(first: &str, lines: &[&str], at: usize) -> (String, usize) {
    let mut said = first.trim_end().to_owned();
    let mut taken = 1;
    while let Some(open) = said.strip_suffix('\\').map(str::trim_end)
        && let Some(next) = lines.get(at + taken).and_then(|line| line.trim().strip_prefix("--"))
    {
        let mut joined = open.to_owned();
        let _ = write!(joined, " {}", next.trim());
        said = joined;
        taken += 1;
    }
    (said, taken)
}

fn parse<'t>(word: &'t str, rest: &'t str) -> Result<Option<Says>, Wrong<'t>> {
    let needed = |what: &str| {
        if rest.is_empty() {
            Err(Wrong::new(rest, format!("found nothing, expected {what}")))
        } else {
            Ok(rest.to_owned())
        }
    };
    Ok(Some(match word {
        "setup" => Says::SetUp(needed("a file")?),
        "dataset" => Says::Dataset(needed("a data set")?),
        "expect" => Says::Expect(Expectation::parse(rest)?),
        "check" | "count" => {
            let (name, sql) = named_query(rest)?;
            if word == "check" { Says::Check { name, sql } } else { Says::Count { name, sql } }
        }
        "end" => {
            let what = format!("found `{rest}` behind `@end`, which takes nothing");
            return Err(Wrong::new(rest, what));
        }
        other => {
            const ALIKE: f64 = 0.85;
            let score = |known: &&&str| strsim::jaro_winkler(&other.to_ascii_lowercase(), known);
            let near = WORDS.iter().max_by(|a, b| score(a).total_cmp(&score(b)));
            // What is like none of them is a comment that happens to begin so.
            return match near.filter(|near| score(near) >= ALIKE) {
                Some(near) => {
                    let what = format!("there is no `@{other}`; did you mean `@{near}`?");
                    Err(Wrong::new(word, what))
                }
                None => Ok(None),
            };
        }
    }))
}

/// `name: SELECT …`
fn named_query(text: &str) -> Result<(String, String), Wrong<'_>> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match text.split_once(':') {
        Some((name, sql))
            if !name.is_empty() && name.chars().all(is_plain) && !sql.trim().is_empty() =>
        {
            Ok((name.to_owned(), sql.trim().trim_end_matches(';').to_owned()))
        }
        _ => {
            let what =
                "expected `name: SELECT …`, the name in small letters, digits and underscores";
            Err(Wrong::new(text, what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(script: &str, engine: &str) -> String {
        read("x.sql", script, engine).unwrap_or_else(|why| panic!("{why}")).text
    }

    #[test]
    fn each_engine_reads_its_own_lines() {
        let script = "a\n-- @engine mariadb, mysql\nb\n-- @engine sqlite\nc\n-- @engine others\nd\n-- @end\ne";
        let engines =
            "-- @engine mariadb, mysql\n{}-- @engine sqlite\n{}-- @engine others\n{}-- @end";
        let lines = |own: [&str; 3]| {
            own.iter().fold(engines.to_owned(), |text, own| text.replacen("{}", own, 1))
        };
        assert_eq!(text(script, "mariadb"), format!("a\n{}\ne", lines(["b\n", "\n", "\n"])));
        assert_eq!(text(script, "sqlite"), format!("a\n{}\ne", lines(["\n", "c\n", "\n"])));
        assert_eq!(text(script, "postgres"), format!("a\n{}\ne", lines(["\n", "\n", "d\n"])));
    }

    #[test]
    fn directives_are_read_with_their_lines() {
        let script = "--@setup schema.sql\n-- a comment, @expect nothing\n-- @author somebody\n\
                      -- @check sums: SELECT \\\n--   COUNT(*) FROM t;\n-- @repeat 10 * :scale\nx\n-- @end\n";
        let sheet = read("x.sql", script, "sqlite").unwrap();
        let directive = |line, says| Directive { line, says };
        assert_eq!(
            sheet.directives,
            [
                directive(1, Says::SetUp("schema.sql".to_owned())),
                directive(
                    4,
                    Says::Check {
                        name: "sums".to_owned(),
                        sql: "SELECT COUNT(*) FROM t".to_owned()
                    }
                ),
                directive(6, Says::Repeat),
                directive(8, Says::End),
            ]
        );
        let kept = script.replace("\nx\n", "\n\n").replace("-- a comment, @expect nothing", "");
        assert_eq!(read("x.sql", script, "").unwrap().text, script);
        let others = read("x.sql", &format!("-- @engine sqlite\n{script}-- @end"), "").unwrap();
        assert_eq!(others.text, format!("-- @engine sqlite\n{kept}-- @end"));
        assert_eq!(others.directives, []);
    }

    #[test]
    fn mistakes_show_their_line() {
        let wrong = [
            "SELECT 1;\n-- @expct p99 < 1ms",
            "-- @expect p99 << 1ms",
            "  --  @expect größe < 1ms",
            "-- @expect rows = \\\n-- many",
            "-- @expect throughput > fast",
            "-- @setup",
            "-- @check Sums: SELECT 1",
            "-- @check sums",
            "-- @engine",
            "-- @end",
            "-- @engine sqlite\nSELECT 1;",
            "-- @repeat 3\n-- @end now",
            "-- @repeat 3\n  -- @repeat 4\n-- @end\n-- @end",
            "-- @repeat",
        ];
        let told: Vec<String> = wrong
            .iter()
            .map(|text| read("x.sql", text, "sqlite").unwrap_err().to_string())
            .collect();
        insta::assert_snapshot!(told.join("\n\n"));
    }
}
