//! The names of engines that scripts and the files beside them are for.

use dbdyno_script::Mistake;

use super::files::File;
use super::sheet::{self, OTHERS};

/// How like two names must be for one to be the other misspelt.
const ALIKE: f64 = 0.85;

/// Every engine that there is. Where it is none, whatever is named is taken for one.
#[derive(Clone, Debug, Default)]
pub struct Engines(Vec<String>);

impl Engines {
    pub fn new(names: &[impl AsRef<str>]) -> Self {
        Self(names.iter().map(|name| name.as_ref().to_owned()).collect())
    }

    /// Whether it is the name of one.
    pub fn has(&self, name: &str) -> bool {
        let is_word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
        if self.0.is_empty() { is_word } else { self.0.iter().any(|known| known == name) }
    }

    /// The engine that may be meant by a name that is none.
    pub fn near(&self, name: &str) -> Option<&str> {
        let score = |known: &&String| strsim::jaro_winkler(&name.to_ascii_lowercase(), known);
        let near = self.0.iter().max_by(|a, b| score(a).total_cmp(&score(b)))?;
        (score(&near) >= ALIKE).then_some(near)
    }

    /// That a file's blocks are for engines that there are: what is for others is never read, so that
    /// nobody would notice.
    ///
    /// # Errors
    /// The first name that is none.
    pub fn check(&self, file: &File) -> Result<(), Mistake> {
        for (label, text) in file.labelled() {
            for named in sheet::engines(text) {
                if named.name == OTHERS || self.has(named.name) {
                    continue;
                }
                let what = format!(
                    "there is no engine `{}`, expected one of {}, or `{OTHERS}`",
                    named.name,
                    self.0.join(", ")
                );
                let mistake = Mistake::new(label, named.line, named.column, named.shown, what);
                return Err(match self.near(named.name) {
                    Some(near) => mistake.next(format!("did you mean `{near}`?")),
                    None => mistake,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_no_engine_are_told_by_place() {
        let engines = Engines::new(&["sqlite", "postgres", "mariadb"]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.sql");
        let told = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let file = File::read(&path, &engines).unwrap();
            engines.check(&file).err().map(|why| (why.line(), why.column(), why.to_string()))
        };
        assert_eq!(told("-- @engine mariadb, sqlite\nx\n-- @engine others\ny\n-- @end"), None);
        let (line, column, why) = told("x\n  -- @engine sqlite,  MariaDB\ny\n-- @end").unwrap();
        assert_eq!((line, column), (2, 23), "{why}");
        assert!(why.contains("there is no engine `MariaDB`"), "{why}");
        assert!(why.contains("2 |   -- @engine sqlite,  MariaDB"), "{why}");
        assert_eq!(engines.near("MariaDB"), Some("mariadb"));
        assert_eq!(engines.near("postgresql"), Some("postgres"));
        assert_eq!(engines.near("v2"), None);
    }
}
