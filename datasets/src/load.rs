//! Putting a data set on a target, or finding it there.
//!
//! The rules keep what is not dbdyno's untouched and never pass off half a data set as a whole one:
//! the mark says `loading` before the first table is dropped or created, and `ready` only after the
//! last row, key and index is in.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dbdyno_core::query::scalar_sql;
use dbdyno_core::schema::{Keys, Table};
use dbdyno_core::{
    BulkLoad, DbError, Dialect, Driver, Error, LoadProgress, MARK_TABLE, Result, RowSource,
    RowWriter, Scale, Session, SessionOptions, Stop,
};

use crate::dataset::Dataset;
use crate::mark::{self, Mark, MarkState};
use crate::scripted;

/// How a data set came to be on its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// It was there.
    Reused,
    /// It was loaded.
    Loaded {
        /// Rows of all its tables.
        rows: u64,
        /// How long it took, indexes and statistics included.
        elapsed: Duration,
    },
}

/// Is told how a load goes on. Calls come from the task that loads.
pub trait LoadObserver: Send + Sync {
    /// A table is about to be loaded. `rows` is its expected number of rows; how many are in so
    /// far is read off `progress` as often as one likes, from another thread: a driver that blocks
    /// leaves this one no time.
    fn started(&self, table: &str, rows: u64, progress: &Arc<LoadProgress>);

    /// All rows are in; keys and indexes are built and statistics gathered.
    fn indexing(&self, _table: &str) {}

    /// The table is done, with so many rows.
    fn finished(&self, table: &str, rows: u64);
}

/// An observer that does nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl LoadObserver for Silent {
    fn started(&self, _: &str, _: u64, _: &Arc<LoadProgress>) {}
    fn finished(&self, _: &str, _: u64) {}
}

/// Which of the data that a data set can be is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The scale factor.
    pub scale: Scale,
    /// The seed; of no effect on a data set that has none.
    pub seed: u64,
    /// The keys and indexes, of a data set that leaves them open.
    pub keys: Keys,
}

impl Wanted {
    /// With the usual keys and indexes.
    pub fn new(scale: Scale, seed: u64) -> Self {
        Self { scale, seed, keys: Keys::default() }
    }
}

/// Makes sure that `dataset` as it is `wanted` is on the driver's target: reuses it where it is
/// marked as ready, and loads it otherwise, or whenever `reload` asks for it.
///
/// # Errors
/// Data marked as ready is not whole (broken); the driver cannot load (unsupported); the scale is out of range; a table in the way is not
/// marked as dbdyno's, and nothing was touched; the target fails or `stop` was requested, and what
/// was loaded so far stays marked as unfinished, so that the next call loads it afresh.
pub async fn prepare(
    driver: &dyn Driver,
    dataset: &dyn Dataset,
    wanted: Wanted,
    reload: bool,
    observer: &dyn LoadObserver,
    stop: &Stop,
) -> Result<Prepared> {
    let Wanted { scale, seed, keys } = wanted;
    let place = Place { driver, dataset };
    if let Some(set_up) = dataset.set_up() {
        check_scale(dataset, scale)?;
        return scripted::prepare(place, set_up, wanted, reload, stop).await;
    }
    let doing = format!("prepare data set `{}` on {}", dataset.name(), driver.target());
    let Some(bulk) = driver.bulk_load() else {
        let why = format!("the driver {} cannot load rows in bulk", driver.name());
        return Err(Error::unsupported(doing, why));
    };
    check_scale(dataset, scale)?;
    let seed = if dataset.is_seeded() { seed } else { 0 };
    let keys = if dataset.has_optional_keys() { keys } else { Keys::default() };
    place.ensure_namespace().await?;
    let mut session = place.connect().await?;
    let found = place.look(&mut *session).await?;
    let wanted = Mark { version: dataset.version(), scale, seed, keys, state: MarkState::Ready };
    if !reload && found.mark == Some(wanted) {
        place.check_whole(&mut *session, &found, scale).await?;
        return Ok(Prepared::Reused);
    }
    Load { place, bulk, wanted, observer, stop }.run(&mut *session, &found).await
}

/// Whether a data set can have a scale.
///
/// # Errors
/// It cannot.
pub fn check_scale(dataset: &dyn Dataset, scale: Scale) -> Result<()> {
    let (step, most) = (dataset.scale_step(), dataset.max_scale());
    if (step..=most).contains(&scale) && scale.is_multiple_of(step) {
        return Ok(());
    }
    let why = format!("it takes {step} to {most} in steps of {step}");
    let doing = format!("use scale {scale} for data set `{}`", dataset.name());
    Err(Error::new(doing, why).next("choose such a --scale"))
}

/// Marks a data set as used up, so that it is loaded again before its next use. Say it before a
/// benchmark that uses it up: then not even a crash in mid-run leaves it for reuse.
///
/// # Errors
/// The target fails, or the data set is not there.
pub async fn mark_spent(driver: &dyn Driver, dataset: &dyn Dataset) -> Result<()> {
    let place = Place { driver, dataset };
    let mut session = place.connect().await?;
    let found = place.look(&mut *session).await?;
    let Some(mark) = found.mark else {
        return Err(Error::new(
            format!("mark data set `{}` on {} as used", dataset.name(), driver.target()),
            format!("it is not in {}", place.described()),
        ));
    };
    place.update_mark(&mut *session, Mark { state: MarkState::Spent, ..mark }).await
}

/// A data set on a target.
#[derive(Clone, Copy)]
pub struct Place<'p> {
    pub driver: &'p dyn Driver,
    pub dataset: &'p dyn Dataset,
}

/// What is in the namespace, once it is known that dbdyno may use it.
pub struct Found {
    pub mark: Option<Mark>,
    pub has_mark_table: bool,
    pub tables: Vec<String>,
}

impl Found {
    pub fn has(&self, table: &str) -> bool {
        self.tables.iter().any(|found| found.eq_ignore_ascii_case(table))
    }
}

impl Place<'_> {
    pub fn dialect(&self) -> &dyn Dialect {
        self.driver.dialect()
    }

    /// The namespace and target, as a person is told.
    pub fn described(&self) -> String {
        if self.dialect().ensure_namespace(&self.dataset.namespace()).is_empty() {
            self.driver.target().to_owned()
        } else {
            format!("`{}` of {}", self.dataset.namespace(), self.driver.target())
        }
    }

    /// For use as `map_err(self.failed("read …"))`.
    pub fn failed(&self, doing: &str) -> impl FnOnce(DbError) -> Error + use<> {
        let doing = format!("{doing} in {}", self.described());
        move |why| Error::new(doing, why)
    }

    pub async fn ensure_namespace(&self) -> Result<()> {
        let namespace = self.dataset.namespace();
        let statements = self.dialect().ensure_namespace(&namespace);
        if statements.is_empty() {
            return Ok(());
        }
        let mut session = self.open(&SessionOptions::default()).await?;
        for statement in statements {
            session.run_sql(&statement).await.map_err(|why| {
                Error::new(format!("create `{namespace}` on {}", self.driver.target()), why).next(
                    format!(
                        "let the user create it, or create it and let the user own it: {statement}"
                    ),
                )
            })?;
        }
        Ok(())
    }

    pub async fn connect(&self) -> Result<Box<dyn Session>> {
        let namespace = Some(self.dataset.namespace());
        self.open(&SessionOptions { namespace, ..SessionOptions::default() }).await
    }

    pub async fn open(&self, options: &SessionOptions) -> Result<Box<dyn Session>> {
        self.driver
            .connect(options)
            .await
            .map_err(|why| Error::new(format!("connect to {}", self.driver.target()), why))
    }

    /// Lists the namespace; refuses one with tables that dbdyno may not touch.
    pub async fn look(&self, session: &mut dyn Session) -> Result<Found> {
        let found = self.list(session).await?;
        self.refuse_strangers(&found)?;
        Ok(found)
    }

    /// Lists the namespace.
    pub async fn list(&self, session: &mut dyn Session) -> Result<Found> {
        let mut tables = Vec::new();
        session
            .query_sql(self.dialect().list_tables(), &mut |row| {
                tables.push(row.text(0)?.to_owned());
                Ok(())
            })
            .await
            .map_err(self.failed("list the tables"))?;
        let mut found = Found { mark: None, has_mark_table: false, tables };
        found.has_mark_table = found.has(MARK_TABLE);
        if found.has_mark_table {
            found.mark = mark::read(session, self.dialect(), self.dataset.name())
                .await
                .map_err(self.failed(&format!("read dbdyno's mark, table `{MARK_TABLE}`,")))
                .map_err(|error| {
                    error.next(
                        "where an older dbdyno made it, drop it and the tables beside it, or name \
                         another database or file",
                    )
                })?;
        }
        Ok(found)
    }

    fn refuse_strangers(&self, found: &Found) -> Result<()> {
        if found.mark.is_some() {
            return Ok(());
        }
        let dataset = self.dataset.name();
        let (stranger, why) = if found.has_mark_table {
            let own = self.dataset.tables();
            let Some(table) = own.iter().find(|table| found.has(table.name)) else {
                return Ok(());
            };
            (table.name, format!("`{MARK_TABLE}` does not list the data set `{dataset}`"))
        } else {
            let Some(table) = found.tables.first() else { return Ok(()) };
            (table.as_str(), format!("there is no table `{MARK_TABLE}` beside it"))
        };
        Err(Error::new(
            format!("load data set `{dataset}` into {}", self.described()),
            format!("the table `{stranger}` is there and is not dbdyno's: {why}"),
        )
        .next("name another database or file as the target, or drop the table if nobody needs it; nothing was touched"))
    }

    /// Whether what the mark calls ready is whole: all tables are there, those of a fixed size with
    /// the right number of rows. Data that went missing is evidence, not something to load over.
    async fn check_whole(
        &self,
        session: &mut dyn Session,
        found: &Found,
        scale: Scale,
    ) -> Result<()> {
        for table in self.dataset.tables() {
            if !found.has(table.name) {
                return Err(self.damaged(&format!("`{}` is gone", table.name)));
            }
            if !self.dataset.has_fixed_rows(table.name) {
                continue;
            }
            let sql = format!("SELECT COUNT(*) FROM {}", self.dialect().quote(table.name));
            let rows = scalar_sql(session, &sql)
                .await
                .map_err(self.failed(&format!("count the rows of `{}`", table.name)))?;
            let expected = self.dataset.rows(table.name, scale);
            if u64::try_from(rows) != Ok(expected) {
                let why = format!("`{}` has {rows} rows, not {expected}", table.name);
                return Err(self.damaged(&why));
            }
        }
        Ok(())
    }

    fn damaged(&self, why: &str) -> Error {
        let doing = format!("use data set `{}` on {}", self.dataset.name(), self.driver.target());
        Error::broken(doing, format!("it was loaded whole, and now {why}"))
            .next("find out who changed it; `--reload` loads it again")
    }

    /// Marks that the data set is being loaded.
    pub async fn mark_loading(
        &self,
        session: &mut dyn Session,
        found: &Found,
        loading: Mark,
    ) -> Result<()> {
        if found.mark.is_some() {
            return self.update_mark(session, loading).await;
        }
        let (dialect, dataset) = (self.dialect(), self.dataset.name());
        if !found.has_mark_table {
            mark::create(session, dialect)
                .await
                .map_err(self.failed(&format!("create the table `{MARK_TABLE}`")))?;
        }
        mark::insert(session, dialect, dataset, loading)
            .await
            .map_err(self.failed(&format!("mark data set `{dataset}`")))
    }

    pub async fn update_mark(&self, session: &mut dyn Session, mark: Mark) -> Result<()> {
        mark::update(session, self.dialect(), self.dataset.name(), mark)
            .await
            .map_err(self.failed(&format!("mark data set `{}`", self.dataset.name())))
    }
}

const INTERRUPTED: &str = "it was interrupted";

/// One load.
struct Load<'l> {
    place: Place<'l>,
    bulk: &'l dyn BulkLoad,
    wanted: Mark,
    observer: &'l dyn LoadObserver,
    stop: &'l Stop,
}

impl Load<'_> {
    async fn run(&self, session: &mut dyn Session, found: &Found) -> Result<Prepared> {
        let began = Instant::now();
        let loading = Mark { state: MarkState::Loading, ..self.wanted };
        self.place.mark_loading(session, found, loading).await?;
        let mut tables = self.place.dataset.tables();
        if self.place.dataset.has_optional_keys() {
            tables = tables.into_iter().map(|table| table.keep(self.wanted.keys)).collect();
        }
        // A table that others refer to goes after them.
        for table in tables.iter().rev().filter(|table| found.has(table.name)) {
            let drop = format!("DROP TABLE {}", self.place.dialect().quote(table.name));
            self.run_sql(session, "drop", table, &drop).await?;
        }
        for table in &tables {
            let create = self.place.dialect().create_table(table);
            self.run_sql(session, "create", table, &create).await?;
        }
        let mut rows = 0;
        for table in &tables {
            rows += self.load_table(session, table).await?;
        }
        for table in &tables {
            for statement in self.place.dialect().create_foreign_keys(table) {
                self.run_sql(session, "add foreign keys to", table, &statement).await?;
            }
        }
        self.place.update_mark(session, self.wanted).await?;
        Ok(Prepared::Loaded { rows, elapsed: began.elapsed() })
    }

    async fn load_table(&self, session: &mut dyn Session, table: &Table) -> Result<u64> {
        let dataset = self.place.dataset;
        let expected = dataset.rows(table.name, self.wanted.scale);
        let progress = Arc::new(LoadProgress::default());
        let made = Arc::new(AtomicU64::new(0));
        self.observer.started(table.name, expected, &progress);
        let sources = self.sources(table, expected, &made);
        let loaded = self
            .bulk
            .load(&dataset.namespace(), table, sources, &progress, self.stop)
            .await
            .map_err(|why| self.failed("load", table, why))?;
        let made = made.load(Ordering::Relaxed);
        if loaded != made {
            let why = format!("{made} rows were sent and {loaded} arrived");
            return Err(self.failed("load", table, why));
        }
        self.observer.indexing(table.name);
        for statement in self.place.dialect().finish_load(table) {
            self.run_sql(session, "index", table, &statement).await?;
        }
        self.observer.finished(table.name, loaded);
        Ok(loaded)
    }

    /// One source for each core where the driver loads in parallel; a small table is not worth it.
    fn sources(
        &self,
        table: &Table,
        expected: u64,
        made: &Arc<AtomicU64>,
    ) -> Vec<Box<dyn RowSource>> {
        const WORTH_A_PART: u64 = 1_000;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let most = expected.div_ceil(WORTH_A_PART).clamp(1, cores as u64) as u32;
        let parts = if self.place.driver.capabilities().parallel_load { most } else { 1 };
        let Mark { scale, seed, .. } = self.wanted;
        (0..parts)
            .map(|part| {
                let source = self.place.dataset.source(table.name, scale, seed, part, parts);
                let counted = Counted { source, rows: 0, total: Arc::clone(made) };
                Box::new(counted) as Box<dyn RowSource>
            })
            .collect()
    }

    async fn run_sql(
        &self,
        session: &mut dyn Session,
        verb: &str,
        table: &Table,
        sql: &str,
    ) -> Result<()> {
        if self.stop.is_requested() {
            return Err(self.failed(verb, table, INTERRUPTED));
        }
        tokio::select! {
            done = session.run_sql(sql) => match done {
                Ok(_) => Ok(()),
                Err(why) => Err(self.failed(verb, table, why)),
            },
            () = self.stop.requested() => {
                Err(self.failed(verb, table, INTERRUPTED))
            }
        }
    }

    fn failed(&self, verb: &str, table: &Table, why: impl fmt::Display) -> Error {
        let name = self.place.dataset.name();
        let doing = format!(
            "{verb} table `{}` of data set `{name}` in {}",
            table.name,
            self.place.described()
        );
        let next = if self.stop.is_requested() {
            "run the same command again; what was loaded so far is marked as unfinished and will be \
             loaded afresh"
        } else {
            "mend the cause (is there room on the disk?) and run the same command again, or choose \
             a smaller --scale; what was loaded so far is marked as unfinished and will be loaded \
             afresh"
        };
        Error::new(doing, why).next(next)
    }
}

/// Counts the rows that a source gives, to be compared with those that arrived.
struct Counted {
    source: Box<dyn RowSource>,
    rows: u64,
    total: Arc<AtomicU64>,
}

impl RowSource for Counted {
    fn next_row(&mut self, row: &mut dyn RowWriter) -> bool {
        let more = self.source.next_row(row);
        if more {
            self.rows += 1;
        } else {
            self.total.fetch_add(std::mem::take(&mut self.rows), Ordering::Relaxed);
        }
        more
    }
}
