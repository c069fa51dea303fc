//! The files of a scenario: what `--file` names, and what stands beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};
use dbdyno_script::Mistake;

use super::data::told;
use super::engines::Engines;

/// The scripts that come with pgbench, by its names for them.
pub const BUILTINS: [(&str, &str); 3] = [
    ("tpcb-like", include_str!("builtin/tpcb-like.sql")),
    ("simple-update", include_str!("builtin/simple-update.sql")),
    ("select-only", include_str!("builtin/select-only.sql")),
];
const BUILTIN_PREFIX: &str = "builtin:";
/// The largest weight, as in pgbench.
const MOST_WEIGHT: u32 = i32::MAX as u32;

/// A file, with what other files say in its place for single engines.
#[derive(Clone, Debug)]
pub struct File {
    /// As messages call it.
    pub label: String,
    /// Its name without folder and extension.
    pub stem: String,
    text: String,
    /// `NAME.ENGINE.sql` beside `NAME.sql`, by engine: label and text.
    siblings: BTreeMap<String, (String, String)>,
    /// Where it stands; nowhere where it is built in.
    folder: Option<PathBuf>,
}

impl File {
    /// Reads a file and those beside it.
    ///
    /// # Errors
    /// It cannot be read, or is no text.
    pub fn read(path: &Path, engines: &Engines) -> Result<Self> {
        let label = path.display().to_string();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let stem = stem.unwrap_or_else(|| label.clone());
        let text = text_of(path)?;
        let siblings = siblings(path, &folder, &stem, engines)?;
        Ok(Self { label, stem, text, siblings, folder: Some(folder) })
    }

    /// A script that is built in.
    pub fn builtin(name: &str) -> Option<Self> {
        let (name, text) = BUILTINS.iter().find(|(known, _)| *known == name)?;
        Some(Self {
            label: format!("{BUILTIN_PREFIX}{name}"),
            stem: (*name).to_owned(),
            text: (*text).to_owned(),
            siblings: BTreeMap::new(),
            folder: None,
        })
    }

    /// What an engine reads, with its label.
    pub fn for_engine(&self, engine: &str) -> (&str, &str) {
        match self.siblings.get(engine) {
            Some((label, text)) => (label, text),
            None => (&self.label, &self.text),
        }
    }

    /// All that stands in it and beside it.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.labelled().map(|(_, text)| text)
    }

    /// It and those beside it, each with its label.
    pub fn labelled(&self) -> impl Iterator<Item = (&str, &str)> {
        let siblings = self.siblings.values();
        std::iter::once((self.label.as_str(), self.text.as_str()))
            .chain(siblings.map(|(label, text)| (label.as_str(), text.as_str())))
    }

    /// The place of a file that this one names.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.as_deref().unwrap_or(Path::new(".")).join(name)
    }
}

fn text_of(path: &Path) -> Result<String> {
    let failed = |why: String| {
        let names: Vec<&str> = BUILTINS.iter().map(|(name, _)| *name).collect();
        Error::new(format!("read the script {}", path.display()), why).next(format!(
            "name a file of SQL in pgbench's script language, or one that is built in: {}",
            names.join(", ")
        ))
    };
    let bytes = std::fs::read(path).map_err(|why| failed(why.to_string()))?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(why) => return Err(no_text(path, &why)),
    };
    if let Some(at) = text.find('\0') {
        let what = "found a NUL character, which no statement can have";
        return Err(told("read", &path.display().to_string(), mistake_at(path, &text, at, what)));
    }
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// That a file is not UTF-8 text, and where.
fn no_text(path: &Path, why: &std::string::FromUtf8Error) -> Error {
    let (bytes, at) = (why.as_bytes(), why.utf8_error().valid_up_to());
    // As many bytes as before become as many characters as there are.
    let text = String::from_utf8_lossy(bytes);
    let found = bytes.get(at).copied().unwrap_or_default();
    let what = format!("found the byte 0x{found:02x}, expected UTF-8 text");
    told("read", &path.display().to_string(), mistake_at(path, &text, at, &what))
        .next("name a file of SQL in pgbench's script language, written as UTF-8")
}

fn mistake_at(path: &Path, text: &str, at: usize, what: &str) -> Mistake {
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let shown = text[start..].lines().next().unwrap_or_default();
    // Control characters would do to a terminal what they please.
    let shown = shown.replace(char::is_control, "\u{fffd}");
    let (line, column) = (before.matches('\n').count() + 1, before[start..].chars().count() + 1);
    Mistake::new(path.display().to_string(), line, column, shown, what)
}

fn siblings(
    path: &Path,
    folder: &Path,
    stem: &str,
    engines: &Engines,
) -> Result<BTreeMap<String, (String, String)>> {
    let failed = |why: std::io::Error| Error::new(format!("list {}", folder.display()), why);
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let beside = entry.map_err(failed)?.path();
        let word = beside.file_stem().and_then(|name| name.to_str()?.strip_prefix(stem));
        let Some(engine) = word.and_then(|word| word.strip_prefix('.')) else { continue };
        if beside.extension() != path.extension() {
            continue;
        }
        if engines.has(engine) {
            let label = beside.display().to_string();
            found.insert(engine.to_owned(), (label, text_of(&beside)?));
        } else if let Some(near) = engines.near(engine) {
            let doing = format!("read the script {}", path.display());
            let why = format!("{} beside it is for no engine that there is", beside.display());
            return Err(Error::new(doing, why)
                .next(format!("call it {stem}.{near}.… if it is meant for {near}")));
        }
    }
    Ok(found)
}

/// A script of a scenario, and how often it is chosen.
#[derive(Clone, Debug)]
pub struct Weighted {
    pub file: File,
    pub weight: u32,
}

/// Reads what `--file` takes: `FILE[@WEIGHT]`, or the name of a script that is built in.
///
/// # Errors
/// The file cannot be read, or the weight is none.
pub fn weighted(text: &str, engines: &Engines) -> Result<Weighted> {
    let (name, weight) = match text.rsplit_once('@') {
        Some((name, weight)) if !name.is_empty() && !Path::new(text).exists() => {
            let parsed = weight.parse().ok().filter(|weight| *weight <= MOST_WEIGHT);
            let Some(weight) = parsed else {
                let why = format!("`{weight}` is no weight: a whole number up to {MOST_WEIGHT}");
                return Err(Error::new(format!("use the script `{text}`"), why)
                    .next("write such as `checkout.sql@3`"));
            };
            (name, weight)
        }
        _ => (text, 1),
    };
    let named = name.strip_prefix(BUILTIN_PREFIX);
    let builtin = File::builtin(named.unwrap_or(name));
    let file = match builtin {
        Some(builtin) if named.is_some() || !Path::new(name).exists() => builtin,
        _ => File::read(Path::new(name), engines)?,
    };
    Ok(Weighted { file, weight })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_weights_and_siblings() {
        let engines = Engines::new(&["mariadb", "sqlite", "postgres"]);
        let weighted = |text: &str| weighted(text, &engines);
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        for name in [
            "buy.sql",
            "buy.mariadb.sql",
            "buy.old.sql",
            "buy.sqlite.txt",
            "buyer.sqlite.sql",
            "at@2.sql",
            "wrong.sql",
            "wrong.postgresql.sql",
        ] {
            std::fs::write(place(name), name).unwrap();
        }
        let text = |name: &str| place(name).display().to_string();
        let buy = weighted(&format!("{}@3", text("buy.sql"))).unwrap();
        assert_eq!((buy.weight, buy.file.stem.as_str()), (3, "buy"));
        assert_eq!(buy.file.for_engine("mariadb").1, "buy.mariadb.sql");
        assert_eq!(buy.file.for_engine("sqlite").1, "buy.sql");
        let at = weighted(&text("at@2.sql")).unwrap();
        assert_eq!((at.weight, at.file.stem.as_str()), (1, "at@2"));
        let why = weighted(&format!("{}@x", text("buy.sql"))).unwrap_err().to_string();
        assert!(why.contains("is no weight"), "{why}");
        assert_eq!(buy.file.texts().count(), 2);
        let why = weighted(&text("wrong.sql")).unwrap_err().to_string();
        assert!(why.contains("wrong.postgresql.sql beside it is for no engine"), "{why}");
        assert!(weighted(&text("gone.sql")).unwrap_err().to_string().contains("gone.sql"));
    }

    #[test]
    fn what_is_no_text_is_told_by_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.sql");
        let told = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            File::read(&path, &Engines::default()).unwrap_err().to_string()
        };
        let why = told(b"SELECT 1;\nSELECT '\xe9';\n");
        assert!(why.contains("one.sql:2:9: found the byte 0xe9, expected UTF-8 text"), "{why}");
        assert!(why.contains("2 | SELECT '\u{fffd}';"), "{why}");
        let why = told(b"\n\n  \0\x1b[2J SELECT 1;");
        assert!(why.contains("one.sql:3:3: found a NUL character"), "{why}");
        assert!(why.contains("3 |   \u{fffd}\u{fffd}[2J SELECT 1;"), "{why}");
    }

    #[test]
    fn scripts_of_pgbench_go_by_their_names() {
        for (name, weight) in [("tpcb-like", 1), ("builtin:select-only@9", 9), ("simple-update", 1)]
        {
            let found = weighted(name, &Engines::default()).unwrap();
            assert_eq!(found.weight, weight);
            assert!(found.file.label.starts_with("builtin:"), "{}", found.file.label);
        }
        assert!(weighted("builtin:tpcc", &Engines::default()).is_err());
    }
}
