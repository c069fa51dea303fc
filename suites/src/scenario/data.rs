//! What a scenario runs on: a built-in data set, or what its own set-up makes.

use std::path::PathBuf;

use async_trait::async_trait;
use dbdyno_core::random::{Rng, fnv64, mix};
use dbdyno_core::schema::Table;
use dbdyno_core::{Driver, Error, Result, RowSource, Scale, Session, Stop};
use dbdyno_datasets::{Dataset, Made, SetUp, Wanted, find};
use dbdyno_script::Mistake;

use super::defined::Defined;
use super::engines::Engines;
use super::files::{File, Weighted};
use super::set_up::Recipe;
use super::sheet::{self, Says};

/// Before the names of namespaces.
const PREFIX: &str = "scenario_";
/// Names of databases have 64 characters at most (MySQL's manual, "Identifier Length Limits"), of schemas
/// 63 bytes (PostgreSQL's, "Identifiers and Key Words"); some are for `dbdyno_` before it.
const LONGEST: usize = 50;

/// What a set-up makes, or nothing, in a namespace of its own.
struct ScriptedData {
    name: &'static str,
    file: Option<File>,
    defined: Defined,
}

/// The data of scripts: what their headers or the command line say.
///
/// # Errors
/// They say two different things, or name what is not there.
pub fn data(
    name: &str,
    scripts: &[Weighted],
    dataset: Option<&str>,
    defined: &Defined,
    engines: &Engines,
) -> Result<&'static dyn Dataset> {
    let (mut datasets, mut set_ups) = named(scripts)?;
    if let Some(dataset) = dataset {
        // What the command line says counts.
        datasets = vec![dataset.to_owned()];
        set_ups.clear();
    }
    datasets.dedup();
    set_ups.dedup();
    let doing = || format!("prepare the scenario `{name}`");
    match (datasets.as_slice(), set_ups.as_slice()) {
        ([], []) => Ok(scripted(name, None, defined)),
        ([dataset], []) => find(dataset).ok_or_else(|| {
            let names: Vec<&str> =
                dbdyno_datasets::datasets().iter().map(|dataset| dataset.name()).collect();
            Error::new(doing(), format!("there is no data set `{dataset}`"))
                .next(format!("use one of {}", names.join(", ")))
        }),
        ([], [file]) => {
            let file = File::read(file, engines)?;
            engines.check(&file).map_err(|mistake| told("read", &file.label, mistake))?;
            Ok(scripted(name, Some(file), defined))
        }
        (datasets, set_ups) => {
            let all = datasets.iter().cloned();
            let all: Vec<String> =
                all.chain(set_ups.iter().map(|file| file.display().to_string())).collect();
            let why = format!("its scripts name more than one: {}", all.join(", "));
            Err(Error::new(doing(), why).next("have all scripts name one, or say --dataset NAME"))
        }
    }
}

/// The data sets and set-ups that headers name.
fn named(scripts: &[Weighted]) -> Result<(Vec<String>, Vec<PathBuf>)> {
    let (mut datasets, mut set_ups) = (Vec::new(), Vec::new());
    for script in scripts {
        for says in said(&script.file)? {
            match says {
                Says::Dataset(dataset) => datasets.push(dataset),
                Says::SetUp(file) => set_ups.push(script.file.beside(&file)),
                _ => {}
            }
        }
    }
    Ok((datasets, set_ups))
}

/// What a script's header says, for whichever engine.
fn said(file: &File) -> Result<Vec<Says>> {
    let (label, text) = file.for_engine("");
    let sheet = sheet::read(label, text, "").map_err(|mistake| told("read", label, mistake))?;
    Ok(sheet.directives.into_iter().map(|directive| directive.says).collect())
}

/// A mistake as a person is told it; `verb` completes "cannot … the script".
pub fn told(verb: &str, label: &str, mistake: Mistake) -> Error {
    let next = mistake.remedy().map(str::to_owned);
    let error = Error::new(format!("{verb} the script {label}"), mistake);
    match next {
        Some(next) => error.next(next),
        None => error,
    }
}

/// Data sets live as long as the program, and so does one that it makes.
fn scripted(name: &str, file: Option<File>, defined: &Defined) -> &'static dyn Dataset {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let mut short: String = name.chars().map(plain).collect();
    if short.len() > LONGEST {
        let rest = digest([name].into_iter());
        short.truncate(LONGEST - 9);
        short = format!("{short}_{rest:08x}");
    }
    let name = format!("{PREFIX}{short}").leak();
    Box::leak(Box::new(ScriptedData { name, file, defined: defined.clone() }))
}

/// 32 bits that change with any of the texts.
fn digest<'t>(texts: impl Iterator<Item = &'t str>) -> u32 {
    let add = |sum: u64, byte: &u8| fnv64(mix(sum ^ u64::from(*byte)));
    let sum = texts.fold(0, |sum, text| text.as_bytes().iter().chain(&[0]).fold(sum, add));
    (sum >> 16) as u32
}

impl Dataset for ScriptedData {
    fn name(&self) -> &'static str {
        self.name
    }

    /// Another set-up, or other variables, make other data.
    fn version(&self) -> u32 {
        let words = self.defined.words();
        let texts = self.file.iter().flat_map(File::texts);
        digest(texts.chain(words.iter().map(String::as_str)))
    }

    fn summary(&self) -> &'static str {
        "what the scenario's set-up makes"
    }

    fn tables(&self) -> Vec<Table> {
        Vec::new()
    }

    fn rows(&self, _table: &str, _scale: Scale) -> u64 {
        0
    }

    fn has_fixed_rows(&self, _table: &str) -> bool {
        false
    }

    fn scale_step(&self) -> Scale {
        Scale::hundredths(1)
    }

    fn max_scale(&self) -> Scale {
        Scale::whole(1_000_000)
    }

    fn source(&self, _: &'static str, _: Scale, _: u64, _: u32, _: u32) -> Box<dyn RowSource> {
        Box::new(NoRows)
    }

    fn set_up(&self) -> Option<&dyn SetUp> {
        Some(self)
    }
}

struct NoRows;

impl RowSource for NoRows {
    fn next_row(&mut self, _: &mut dyn dbdyno_core::RowWriter) -> bool {
        false
    }
}

/// The place of this random stream below the seed: what a set-up draws.
const SET_UP_STREAM: u64 = 0x7365_7475;

#[async_trait]
impl SetUp for ScriptedData {
    fn check(&self, engine: &str) -> Result<()> {
        match &self.file {
            Some(file) => Recipe::read(file, engine, &self.defined).map(|_| ()),
            None => Ok(()),
        }
    }

    async fn run(
        &self,
        driver: &dyn Driver,
        session: &mut dyn Session,
        wanted: Wanted,
        made: &mut dyn Made,
        stop: &Stop,
    ) -> Result<u64> {
        let Some(file) = &self.file else { return Ok(0) };
        let recipe = Recipe::read(file, driver.engine(), &self.defined)?;
        let rng = Rng::new(wanted.seed, &[SET_UP_STREAM]);
        recipe.run(driver, session, wanted, rng, made, stop).await
    }
}
