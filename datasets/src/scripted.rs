//! Data sets that a user's statements make ([`SetUp`]).
//!
//! What the statements make is known only once they ran. So they run where there is nothing else: in a
//! namespace that is empty but for dbdyno's marks, and every table is noted as soon as it is there. A
//! namespace with any table that is not noted is refused, and nothing in it touched.

use std::collections::HashSet;
use std::time::Instant;

use async_trait::async_trait;
use dbdyno_core::schema::{Column, ColumnType, Keys, Table};
use dbdyno_core::{Error, MARK_TABLE, Result, Session, SessionOptions, Stop, Value};

use crate::dataset::{Made, SetUp};
use crate::load::{Found, Place, Prepared, Wanted};
use crate::mark::{Mark, MarkState};

/// Where tables are noted that statements made, in the order in which they came.
const MADE_TABLE: &str = "dbdyno_made";

/// Makes sure that the data set is there, as `load::prepare` does.
pub async fn prepare(
    place: Place<'_>,
    set_up: &dyn SetUp,
    wanted: Wanted,
    reload: bool,
    stop: &Stop,
) -> Result<Prepared> {
    let Wanted { scale, seed, .. } = wanted;
    let version = place.dataset.version();
    let mark = Mark { version, scale, seed, keys: Keys::default(), state: MarkState::Ready };
    place.ensure_namespace().await?;
    let mut session = place.connect().await?;
    let found = place.list(&mut *session).await?;
    let made = noted(place, &mut *session, &found).await?;
    refuse_strangers(place, &found, &made)?;
    if !reload && found.mark == Some(mark) {
        return whole(place, &found, &made);
    }
    let began = Instant::now();
    let mut session = clear(place, session, &found, &made).await?;
    let found = place.list(&mut *session).await?;
    let loading = Mark { state: MarkState::Loading, ..mark };
    place.mark_loading(&mut *session, &found, loading).await?;
    create_notes(place, &mut *session, &found).await?;
    let mut notes = Notes { place, known: place.list(&mut *session).await?.tables, count: 0 };
    let rows = set_up.run(place.driver, &mut *session, wanted, &mut notes, stop).await?;
    place.update_mark(&mut *session, mark).await?;
    Ok(Prepared::Loaded { rows, elapsed: began.elapsed() })
}

fn table() -> Table {
    let columns =
        vec![Column::new("place", ColumnType::Int), Column::new("name", ColumnType::Varchar(128))];
    Table::new(MADE_TABLE, columns).primary_key(&["place"])
}

/// The tables that were noted, in order.
async fn noted(place: Place<'_>, session: &mut dyn Session, found: &Found) -> Result<Vec<String>> {
    let mut made = Vec::new();
    if found.has(MADE_TABLE) {
        let dialect = place.dialect();
        let (names, table, order) =
            (dialect.quote("name"), dialect.quote(MADE_TABLE), dialect.quote("place"));
        let sql = format!("SELECT {names} FROM {table} ORDER BY {order}");
        let mut visit = |row: &dyn dbdyno_core::Row| {
            made.push(row.text(0)?.to_owned());
            Ok(())
        };
        let asked = session.query_sql(&sql, &mut visit).await;
        asked.map_err(place.failed("read what a set-up made"))?;
    }
    Ok(made)
}

fn is_mark(table: &str) -> bool {
    [MARK_TABLE, MADE_TABLE].iter().any(|mark| mark.eq_ignore_ascii_case(table))
}

/// Refuses a namespace with tables that no set-up of this data set made.
fn refuse_strangers(place: Place<'_>, found: &Found, made: &[String]) -> Result<()> {
    let is_known = |table: &str| {
        let noted = made.iter().any(|made| made.eq_ignore_ascii_case(table));
        is_mark(table) || (found.mark.is_some() && noted)
    };
    let Some(stranger) = found.tables.iter().find(|table| !is_known(table)) else { return Ok(()) };
    let dataset = place.dataset.name();
    let doing = format!("set up `{dataset}` in {}", place.described());
    let why = format!(
        "the table `{stranger}` is there and was not made by a set-up of `{dataset}`: its statements may \
         do anything, so they run only where nothing else is"
    );
    Err(Error::new(doing, why).next(
        "name another database or file as the target, or drop the table if nobody needs it; nothing \
         was touched",
    ))
}

/// Whether all that was noted is still there.
fn whole(place: Place<'_>, found: &Found, made: &[String]) -> Result<Prepared> {
    match made.iter().find(|table| !found.has(table)) {
        None => Ok(Prepared::Reused),
        Some(gone) => {
            let doing = format!("use `{}` on {}", place.dataset.name(), place.driver.target());
            Err(Error::broken(doing, format!("it was set up whole, and now `{gone}` is gone"))
                .next("find out who dropped it; `--reload` sets it up again"))
        }
    }
}

/// Takes away what an earlier set-up made, and gives a session in what is left.
async fn clear(
    place: Place<'_>,
    mut session: Box<dyn Session>,
    found: &Found,
    made: &[String],
) -> Result<Box<dyn Session>> {
    let namespace = place.dataset.namespace();
    if let Some(drop) = place.dialect().drop_namespace(&namespace) {
        // With the tables go functions, types and whatever else the statements made.
        std::mem::drop(session);
        let mut outside = place.open(&SessionOptions::default()).await?;
        let dropped = outside.run_sql(&drop).await;
        dropped.map_err(place.failed("drop what an earlier set-up made"))?;
        place.ensure_namespace().await?;
        return place.connect().await;
    }
    drop_one_by_one(place, &mut *session, found, made).await?;
    if found.has(MADE_TABLE) {
        let table = place.dialect().quote(MADE_TABLE);
        let emptied = session.run_sql(&format!("DELETE FROM {table}")).await;
        emptied.map_err(place.failed(&format!("empty `{MADE_TABLE}`")))?;
    }
    Ok(session)
}

/// Drops tables, later ones first. What goes with another one, as the parts of a full-text index do, can
/// only be dropped with it, so that what cannot be dropped is tried again after the rest.
async fn drop_one_by_one(
    place: Place<'_>,
    session: &mut dyn Session,
    found: &Found,
    made: &[String],
) -> Result<()> {
    let mut left: Vec<&String> = made.iter().rev().filter(|table| found.has(table)).collect();
    while !left.is_empty() {
        let (count, mut refusal) = (left.len(), None);
        let mut still = Vec::new();
        for table in left {
            let quoted = place.dialect().quote(table);
            // A view is none of the tables that `DROP TABLE` drops.
            if session.run_sql(&format!("DROP TABLE IF EXISTS {quoted}")).await.is_err()
                && let Err(why) = session.run_sql(&format!("DROP VIEW IF EXISTS {quoted}")).await
            {
                refusal = Some((table, why));
                still.push(table);
            }
        }
        match refusal {
            Some((table, why)) if still.len() == count => {
                return Err(place.failed(&format!("drop `{table}`"))(why));
            }
            _ => left = still,
        }
    }
    Ok(())
}

async fn create_notes(place: Place<'_>, session: &mut dyn Session, found: &Found) -> Result<()> {
    if found.has(MADE_TABLE) {
        return Ok(());
    }
    let dialect = place.dialect();
    let mut statements = vec![dialect.create_table(&table())];
    statements.extend(dialect.create_indexes(&table()));
    for statement in statements {
        let created = session.run_sql(&statement).await;
        created.map_err(place.failed(&format!("create the table `{MADE_TABLE}`")))?;
    }
    Ok(())
}

/// Notes tables as they come, and forgets them as they go.
struct Notes<'p> {
    place: Place<'p>,
    known: Vec<String>,
    count: usize,
}

impl Notes<'_> {
    async fn add(&mut self, session: &mut dyn Session, table: &str) -> Result<()> {
        self.count += 1;
        let dialect = self.place.dialect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({}, {})",
            dialect.quote(MADE_TABLE),
            dialect.columns(&["place", "name"]),
            self.count,
            dialect.literal(Value::Text(table))
        );
        let noted = session.run_sql(&sql).await;
        noted.map(|_| ()).map_err(self.place.failed(&format!("note that `{table}` was made")))
    }

    async fn forget(&self, session: &mut dyn Session, table: &str) -> Result<()> {
        let dialect = self.place.dialect();
        let (notes, name) = (dialect.quote(MADE_TABLE), dialect.quote("name"));
        let table = dialect.literal(Value::Text(table));
        let sql = format!("DELETE FROM {notes} WHERE {name} = {table}");
        session.run_sql(&sql).await.map(|_| ()).map_err(self.place.failed("note what was dropped"))
    }
}

#[async_trait]
impl Made for Notes<'_> {
    async fn note(&mut self, session: &mut dyn Session) -> Result<()> {
        let tables = self.place.list(session).await?.tables;
        let known = std::mem::replace(&mut self.known, tables.clone());
        let known: HashSet<&String> = known.iter().collect();
        let there: HashSet<&String> = tables.iter().collect();
        // What a set-up drops itself is not missed later.
        for gone in known.difference(&there) {
            self.forget(session, gone).await?;
        }
        for table in tables.iter().filter(|table| !known.contains(table)) {
            self.add(session, table).await?;
        }
        Ok(())
    }
}
