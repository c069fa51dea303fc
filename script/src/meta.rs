//! Backslash commands.

use crate::commands::{Amount, TimeUnit};
use crate::expression::{self, Expression};
use crate::mistake::Mistake;
use crate::names::{Names, Slot, is_name};
use crate::source::Source;
use crate::word::{end_of_command, skip_blanks, word};

/// A backslash command as it stands in the script.
pub enum Meta {
    Set(Slot, Expression),
    If(Expression),
    Elif(Expression),
    Else,
    EndIf,
    Sleep(Amount, TimeUnit),
    StartPipeline,
    SyncPipeline,
    EndPipeline,
    /// `\gset` and, where true, `\aset`, with the prefix.
    Store(String, bool),
}

/// Every command, for suggestions.
const COMMANDS: [&str; 11] = [
    "set",
    "if",
    "elif",
    "else",
    "endif",
    "gset",
    "aset",
    "sleep",
    "startpipeline",
    "syncpipeline",
    "endpipeline",
];

/// Where variables are read and set.
pub struct Uses<'n> {
    pub names: &'n mut Names,
    /// What is read, and where.
    pub reads: Vec<(Slot, usize)>,
    /// What `\set` sets.
    pub sets: Vec<Slot>,
}

/// Reads the command whose backslash stands at `start`; gives where the next line begins, too.
pub fn parse(
    source: Source<'_>,
    start: usize,
    uses: &mut Uses<'_>,
) -> Result<(Meta, usize), Mistake> {
    let name = word(source.text, start + 1);
    let behind = start + 1 + name.len();
    let command = Backslash { source, start, behind };
    let meta = match name.to_ascii_lowercase().as_str() {
        "set" => command.set(uses)?,
        "if" => Meta::If(command.expression(uses)?),
        "elif" => Meta::Elif(command.expression(uses)?),
        "else" => command.bare(Meta::Else)?,
        "endif" => command.bare(Meta::EndIf)?,
        "sleep" => command.sleep(uses)?,
        "startpipeline" => command.bare(Meta::StartPipeline)?,
        "syncpipeline" => command.bare(Meta::SyncPipeline)?,
        "endpipeline" => command.bare(Meta::EndPipeline)?,
        "gset" => command.store(false)?,
        "aset" => command.store(true)?,
        other => return Err(command.refused(name, other)),
    };
    Ok((meta, end_of_command(source.text, behind)))
}

/// A command of which the name was read.
#[derive(Clone, Copy)]
struct Backslash<'t> {
    source: Source<'t>,
    start: usize,
    /// Where its arguments begin.
    behind: usize,
}

impl<'t> Backslash<'t> {
    fn name(self) -> &'t str {
        &self.source.text[self.start..self.behind]
    }

    /// The words behind its name, with the places where they stand.
    fn words(self) -> Vec<(usize, &'t str)> {
        let mut words = Vec::new();
        let mut at = skip_blanks(self.source.text, self.behind);
        loop {
            let found = word(self.source.text, at);
            if found.is_empty() {
                return words;
            }
            words.push((at, found));
            at = skip_blanks(self.source.text, at + found.len());
        }
    }

    /// The command without arguments.
    fn bare(self, meta: Meta) -> Result<Meta, Mistake> {
        match self.words().first() {
            None => Ok(meta),
            Some((at, found)) => {
                let what = format!("unexpected argument `{found}`: `{}` takes none", self.name());
                Err(self.source.mistake(*at, what))
            }
        }
    }

    fn missing(self, what: &str, example: &str) -> Mistake {
        let what = format!("missing argument: `{}` needs {what}", self.name());
        self.source.mistake(self.behind, what).next(format!("write `{example}`"))
    }

    fn expression(self, uses: &mut Uses<'_>) -> Result<Expression, Mistake> {
        self.expression_at(self.behind, uses)
    }

    fn expression_at(self, at: usize, uses: &mut Uses<'_>) -> Result<Expression, Mistake> {
        expression::parse(self.source, at, uses.names, &mut uses.reads)
    }

    fn set(self, uses: &mut Uses<'_>) -> Result<Meta, Mistake> {
        let at = skip_blanks(self.source.text, self.behind);
        let name = word(self.source.text, at);
        if name.is_empty() {
            return Err(self.missing("a variable and an expression", "\\set name 1 + :other"));
        }
        if !is_name(name) {
            let what = format!(
                "invalid variable name `{name}`: expected letters, digits and underscores, no digit first"
            );
            let mistake = self.source.mistake(at, what);
            return Err(match name.strip_prefix(':') {
                Some(bare) if is_name(bare) => mistake.next(format!("write `\\set {bare} …`")),
                _ => mistake,
            });
        }
        let expression = self.expression_at(at + name.len(), uses)?;
        let slot = uses.names.slot(name);
        uses.sets.push(slot);
        Ok(Meta::Set(slot, expression))
    }

    /// `\sleep number [us|ms|s]`; the unit may stand right behind the number.
    fn sleep(self, uses: &mut Uses<'_>) -> Result<Meta, Mistake> {
        let words = self.words();
        let Some(&(at, amount)) = words.first() else {
            return Err(self.missing("how long", "\\sleep 100 ms"));
        };
        if let Some((at, found)) = words.get(2) {
            let what = format!("too many arguments: found `{found}` behind a number and a unit");
            return Err(self.source.mistake(*at, what));
        }
        if let Some(name) = amount.strip_prefix(':').filter(|name| is_name(name)) {
            let slot = uses.names.slot(name);
            uses.reads.push((slot, at));
            return Ok(Meta::Sleep(Amount::Variable(slot), self.unit(words.get(1).copied())?));
        }
        let digits = amount.find(|c: char| !c.is_ascii_digit()).unwrap_or(amount.len());
        let (number, glued) = amount.split_at(digits);
        let Ok(count) = number.parse() else {
            let what = format!("found `{amount}`, expected a whole number or a variable");
            return Err(self.source.mistake(at, what));
        };
        let unit = match (glued, words.get(1)) {
            ("", second) => second.copied(),
            (glued, None) => Some((at + digits, glued)),
            (_, Some(_)) => {
                let what = format!("found `{amount}` before a unit, expected a whole number");
                return Err(self.source.mistake(at, what));
            }
        };
        Ok(Meta::Sleep(Amount::Given(count), self.unit(unit)?))
    }

    fn unit(self, found: Option<(usize, &str)>) -> Result<TimeUnit, Mistake> {
        let Some((at, found)) = found else { return Ok(TimeUnit::Seconds) };
        match found.to_ascii_lowercase().as_str() {
            "us" => Ok(TimeUnit::Microseconds),
            "ms" => Ok(TimeUnit::Milliseconds),
            "s" => Ok(TimeUnit::Seconds),
            _ => {
                let what = format!("unrecognized time unit `{found}`: expected us, ms or s");
                Err(self.source.mistake(at, what))
            }
        }
    }

    fn store(self, all: bool) -> Result<Meta, Mistake> {
        match self.words().as_slice() {
            [] => Ok(Meta::Store(String::new(), all)),
            [(at, prefix)] if !is_name(prefix) => {
                let what = format!("`{prefix}` cannot begin the name of a variable");
                Err(self.source.mistake(*at, what))
            }
            [(_, prefix)] => Ok(Meta::Store((*prefix).to_owned(), all)),
            [_, (at, found), ..] => {
                let what = format!("too many arguments: found `{found}` behind the prefix");
                Err(self.source.mistake(*at, what))
            }
        }
    }

    /// What is said of a command that there is none of, or not here.
    #[cold]
    fn refused(self, name: &str, lower: &str) -> Mistake {
        const ALIKE: f64 = 0.85;
        let mistake = |what: String| self.source.mistake(self.start, what);
        match lower {
            "shell" | "setshell" => mistake(format!(
                "`\\{name}` is refused: a script that starts other programs measures those, and may do \
                 anything to this machine"
            ))
            .next("compute the value before and pass it with -D name=value, or with \\set"),
            "setrandom" => mistake(
                "`\\setrandom` was taken out of pgbench with PostgreSQL 9.6".to_owned(),
            )
            .next(
                "write `\\set name random(min, max)`; `\\setrandom name min max gaussian p` is \
                 `\\set name random_gaussian(min, max, p)` now, and exponential likewise",
            ),
            "" => mistake("found a backslash, expected the name of a command behind it".to_owned()),
            _ => {
                let score = |known: &&str| strsim::jaro_winkler(lower, known);
                let near = COMMANDS.iter().copied().max_by(|a, b| score(a).total_cmp(&score(b)));
                let mistake = mistake(format!("invalid command `\\{name}`: there is none"));
                match near.filter(|near| score(near) >= ALIKE) {
                    Some(near) => mistake.next(format!("did you mean `\\{near}`?")),
                    None => mistake.next(format!("use one of \\{}", COMMANDS.join(", \\"))),
                }
            }
        }
    }
}
