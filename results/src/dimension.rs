//! The dimensions of a case, and which of them a comparison lays out where.

use std::collections::{BTreeMap, BTreeSet};

use dbdyno_core::schema::Keys;
use dbdyno_core::{Cache, Case, Durability, Isolation, StatementForm};

use crate::number;

/// The text of cases without pipelining, which is the default.
const NOT_PIPELINED: &str = "not pipelined";

/// One of the conditions that tell cases apart, besides the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// The engine.
    Engine,
    /// The isolation level.
    Isolation,
    /// The durability.
    Durability,
    /// The number of clients.
    Clients,
    /// The streams of queries beside the clients.
    Streams,
    /// The rate of open loop.
    Rate,
    /// The scale factor.
    Scale,
    /// How statements are said.
    Statements,
    /// Whether requests are sent together.
    Pipeline,
    /// The keys and indexes of the data set.
    Keys,
    /// What the load finds in memory.
    Cache,
    /// The driver.
    Driver,
    /// The target.
    Target,
    /// The server's version.
    Version,
    /// The run that it was measured in, which no case tells.
    Run,
}

/// A value of a dimension: sorted by rank, then by text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level {
    rank: u64,
    /// As it is shown.
    pub text: String,
}

impl Level {
    /// One of a dimension that has no order.
    pub(crate) fn named(text: &str) -> Self {
        Self { rank: 0, text: text.to_owned() }
    }

    /// Where it sorts among others of its dimension; the same for all where text has no order.
    pub(crate) const fn rank(&self) -> u64 {
        self.rank
    }
}

impl Dimension {
    /// Every dimension of a case; those that identify a server come after those that set a load, so that
    /// they tell cases apart only where nothing else does.
    pub const ALL: [Self; 14] = [
        Self::Engine,
        Self::Isolation,
        Self::Durability,
        Self::Clients,
        Self::Streams,
        Self::Rate,
        Self::Scale,
        Self::Statements,
        Self::Pipeline,
        Self::Keys,
        Self::Cache,
        Self::Driver,
        Self::Target,
        Self::Version,
    ];

    /// Its column in `results.csv`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Isolation => "isolation",
            Self::Durability => "durability",
            Self::Clients => "clients",
            Self::Streams => "streams",
            Self::Rate => "rate",
            Self::Scale => "scale",
            Self::Statements => "statements",
            Self::Pipeline => "pipeline",
            Self::Keys => "keys",
            Self::Cache => "cache",
            Self::Driver => "driver",
            Self::Target => "target",
            Self::Version => "engine_version",
            Self::Run => "run",
        }
    }

    /// The value of a case: isolation levels sort weakest first, durability strongest first,
    /// numbers by size, defaults before the other choice.
    pub fn level(self, case: &Case) -> Level {
        let place = |place: Option<usize>| place.unwrap_or(usize::MAX) as u64;
        match self {
            Self::Engine => Level { rank: 0, text: case.engine.clone() },
            Self::Driver => Level { rank: 0, text: case.driver.clone() },
            Self::Target => Level { rank: 0, text: case.target.clone() },
            Self::Run => Level::named(""),
            Self::Version => Level { rank: 0, text: case.engine_version.clone() },
            Self::Isolation => Level {
                rank: place(Isolation::ALL.iter().position(|level| *level == case.isolation)),
                text: case.isolation.name().to_owned(),
            },
            Self::Durability => Level {
                rank: place(Durability::ALL.iter().position(|level| *level == case.durability)),
                text: case.durability.name().to_owned(),
            },
            Self::Statements => Level {
                rank: place(StatementForm::ALL.iter().position(|form| *form == case.statements)),
                text: case.statements.name().to_owned(),
            },
            Self::Pipeline => Level {
                rank: u64::from(case.pipeline),
                text: if case.pipeline { "pipelined" } else { NOT_PIPELINED }.to_owned(),
            },
            Self::Keys => Level { rank: case.keys as u64, text: case.keys.name().to_owned() },
            Self::Cache => Level { rank: case.cache as u64, text: case.cache.name().to_owned() },
            Self::Clients => whole(case.clients),
            Self::Streams => whole(case.streams),
            Self::Scale => Level { rank: case.scale.in_hundredths(), text: case.scale.to_string() },
            Self::Rate => match case.rate {
                None => Level { rank: 0, text: "closed loop".to_owned() },
                // The bits of positive doubles sort as the doubles do.
                Some(rate) => {
                    Level { rank: rate.to_bits(), text: format!("{}/s", number::sensible(rate)) }
                }
            },
        }
    }

    /// Whether it is part of the load: cases that differ in it are never set against one another
    /// unless that is what was asked for.
    const fn is_load(self) -> bool {
        matches!(self, Self::Clients | Self::Streams | Self::Rate | Self::Scale)
    }

    /// Whether it is one of the conditions a column may have of its own, named in its heading.
    pub(crate) const fn is_condition(self) -> bool {
        matches!(
            self,
            Self::Isolation
                | Self::Durability
                | Self::Statements
                | Self::Pipeline
                | Self::Keys
                | Self::Cache
        )
    }

    /// Whether it is set by an option of a run, which has its name, and not by what the target is.
    pub(crate) const fn is_option(self) -> bool {
        self.is_load() || self.is_condition()
    }

    /// Whether a value that all cases have is not worth saying: what is the default and was once
    /// the only one there was.
    fn goes_without_saying(self, text: &str) -> bool {
        match self {
            Self::Statements => text == StatementForm::default().name(),
            Self::Pipeline => text == NOT_PIPELINED,
            Self::Streams => text == "0",
            Self::Keys => text == Keys::default().name(),
            Self::Cache => text == Cache::default().name(),
            _ => false,
        }
    }

    /// A constant value as a caption says it.
    pub(crate) fn caption(self, text: &str) -> String {
        match self {
            Self::Clients if text == "1" => "1 client".to_owned(),
            Self::Clients => format!("{text} clients"),
            Self::Streams if text == "1" => "1 stream".to_owned(),
            Self::Streams => format!("{text} streams"),
            Self::Rate if text == "closed loop" => text.to_owned(),
            Self::Rate => format!("open loop at {text}"),
            Self::Statements => format!("{text} statements"),
            Self::Pipeline => text.to_owned(),
            Self::Version => format!("version {text}"),
            _ => format!("{} {text}", self.name()),
        }
    }
}

fn whole(size: u32) -> Level {
    Level { rank: u64::from(size), text: number::count(size.into()) }
}

/// Where each dimension goes when one of them makes the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The same in all cases: said once, unless it goes without saying.
    pub(crate) constants: Vec<(Dimension, String)>,
    /// The same in all cases of a column: said with the column.
    pub(crate) of_columns: Vec<Dimension>,
    /// What tells rows apart, besides the benchmark.
    pub(crate) rows: Vec<Dimension>,
}

impl Plan {
    /// Lays out the dimensions of `cases` other than `columns`; each case stands beside its column.
    pub(crate) fn new(cases: &[(&Case, Level)], columns: Dimension) -> Self {
        let mut plan = Self::default();
        for dimension in Dimension::ALL.into_iter().filter(|dimension| *dimension != columns) {
            let levels: BTreeSet<_> = cases.iter().map(|(case, _)| dimension.level(case)).collect();
            let of_columns = cases.iter().map(|(case, column)| (*case, vec![column.clone()]));
            let of_cells = cases.iter().map(|(case, column)| (*case, plan.place(column, case)));
            if let (1, Some(level)) = (levels.len(), levels.first()) {
                if !dimension.goes_without_saying(&level.text) {
                    plan.constants.push((dimension, level.text.clone()));
                }
            } else if !dimension.is_load() && determined(of_columns, dimension) {
                plan.of_columns.push(dimension);
            } else if dimension.is_load()
                || dimension.is_condition()
                || !determined(of_cells, dimension)
            {
                plan.rows.push(dimension);
            }
        }
        plan
    }

    /// Lays out the dimensions of cases that stand below one another: nothing makes columns, and the
    /// version tells no case from another.
    pub(crate) fn of_rows(cases: &[&Case]) -> Self {
        let mut plan = Self::default();
        let dimensions = Dimension::ALL.into_iter().filter(|one| *one != Dimension::Version);
        for dimension in dimensions {
            let levels: BTreeSet<_> = cases.iter().map(|case| dimension.level(case)).collect();
            let of_rows = cases.iter().map(|case| (*case, plan.place_in_rows(case)));
            if let (1, Some(level)) = (levels.len(), levels.first()) {
                if !dimension.goes_without_saying(&level.text) {
                    plan.constants.push((dimension, level.text.clone()));
                }
            } else if dimension.is_load()
                || dimension.is_condition()
                || !determined(of_rows, dimension)
            {
                plan.rows.push(dimension);
            }
        }
        plan
    }

    /// What tells a case from others so far, where nothing makes columns.
    fn place_in_rows(&self, case: &Case) -> Vec<Level> {
        let benchmark = format!("{}/{}", case.suite, case.benchmark);
        let mut place = vec![Level { rank: 0, text: benchmark }];
        place.extend(self.row_levels(case));
        place
    }

    /// What tells a case's cell from others so far.
    fn place(&self, column: &Level, case: &Case) -> Vec<Level> {
        let benchmark = format!("{}/{}", case.suite, case.benchmark);
        let mut place = vec![Level { rank: 0, text: benchmark }, column.clone()];
        place.extend(self.row_levels(case));
        place
    }

    /// What all cases share, as a caption says it.
    pub(crate) fn captions(&self) -> Vec<String> {
        // A target that is called by its engine says nothing more.
        let engine = self.constants.iter().find(|(of, _)| *of == Dimension::Engine);
        let engine = engine.map(|(_, text)| text);
        let said = self
            .constants
            .iter()
            .filter(|(dimension, text)| *dimension != Dimension::Target || Some(text) != engine);
        said.map(|(dimension, text)| dimension.caption(text)).collect()
    }

    /// What tells a case from others of its benchmark, from its [`Self::row_levels`].
    pub(crate) fn case_name(&self, levels: &[Level]) -> String {
        let parts = self.rows.iter().zip(levels).map(|(dimension, level)| match dimension {
            Dimension::Engine | Dimension::Driver | Dimension::Target | Dimension::Isolation => {
                level.text.clone()
            }
            _ => dimension.caption(&level.text),
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    /// The values that tell the rows of a benchmark apart.
    pub(crate) fn row_levels(&self, case: &Case) -> Vec<Level> {
        self.rows.iter().map(|dimension| dimension.level(case)).collect()
    }
}

/// Whether cases that agree in their keys agree in the dimension.
fn determined<'c>(
    mut cases: impl Iterator<Item = (&'c Case, Vec<Level>)>,
    dimension: Dimension,
) -> bool {
    let mut seen = BTreeMap::new();
    cases.all(|(case, key)| {
        let level = dimension.level(case);
        *seen.entry(key).or_insert_with(|| level.clone()) == level
    })
}
