//! The stages of a case: reads without the index, its building, reads with it, and writes both ways.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use dbdyno_core::load::{Tally, Workload};
use dbdyno_core::query::scalar_sql;
use dbdyno_core::random::Rng;
use dbdyno_core::{
    Check, DbError, Dialect, Error, IndexSql, Result, Row, Session, Statement, Value,
};
use dbdyno_datasets::{Dataset as _, access};

use super::found::{FIND_WITH, FIND_WITHOUT, Found, WRITE_WITH, WRITE_WITHOUT};
use super::patterns::{Drawn, Find, PATTERNS, Pattern};
use super::reads::{self, Reads};
use super::writes::{self, Writes};
use crate::parameter::Parameter;
use crate::runner::{Measured, Stand};

/// How many queries are compared, row by row, between the table without the index and with it.
const COMPARED: u64 = 20;
/// The place of their random stream below the seed.
const COMPARED_STREAM: u64 = 0x636f_6d70;

/// A case that is being measured.
pub struct Bench<'s> {
    stand: &'s Stand<'s>,
    pattern: &'static Pattern,
    drawn: Drawn,
    found: RefCell<Found>,
}

impl<'s> Bench<'s> {
    pub fn new(stand: &'s Stand<'s>, pattern: &'static Pattern) -> Self {
        let case = stand.case();
        let rows = access::Access.rows(pattern.index.table, case.scale);
        let drawn = Drawn { seed: case.seed, rows };
        Self { stand, pattern, drawn, found: RefCell::new(Found::new(pattern.index.name)) }
    }

    /// Goes through the stages. The table is left as it was found, without the index.
    pub fn measure(self, measured: &mut Measured) -> Result<()> {
        self.check_ability()?;
        self.clean()?;
        let ran = self.stages();
        let cleaned = self.clean();
        *measured = self.found.into_inner().measured();
        ran.and(cleaned)
    }

    fn dialect(&self) -> &dyn Dialect {
        self.stand.driver().dialect()
    }

    fn indexes(&self) -> &dyn IndexSql {
        self.dialect().index_sql()
    }

    /// Whether the engine has what the pattern is about.
    fn check_ability(&self) -> Result<()> {
        let lacking = match self.pattern.find {
            Find::DeleteParent => self.indexes().foreign_key_without_index(),
            Find::Query(..) | Find::Word => Ok(()),
        };
        let (clients, parents) = (self.stand.case().clients, access::parents(self.drawn.rows));
        if matches!(self.pattern.find, Find::DeleteParent) && u64::from(clients) > parents {
            let doing = format!("have {clients} clients each delete parents of its own");
            return Err(Error::new(doing, format!("only {parents} parents have no children"))
                .next("use fewer clients, or a larger --scale"));
        }
        let able = lacking.and_then(|()| self.indexes().create(&self.pattern.index).map(drop));
        let doing = || format!("measure {} on {}", self.pattern.name, self.stand.driver().target());
        able.map_err(|why| Error::unsupported(doing(), why))
    }

    /// All stages, up to a load that did not come to its end. Which writes are measured first changes with
    /// the repetition, for the second finds a table that the first has worn.
    fn stages(&self) -> Result<()> {
        let without_first = self.stand.case().repetition % 2 == 1;
        self.explain(false)?;
        if !self.find(FIND_WITHOUT)? || (without_first && !self.write(WRITE_WITHOUT)?) {
            return Ok(());
        }
        self.compare(false)?;
        self.build()?;
        self.compare(true)?;
        self.explain(true)?;
        if self.find(FIND_WITH)? && self.write(WRITE_WITH)? && !without_first {
            self.clean()?;
            self.write(WRITE_WITHOUT)?;
        }
        Ok(())
    }

    /// Drops the index, those of other patterns that a run that was cut off left, and the rows that clients
    /// added, where they are there, and tidies the table up.
    fn clean(&self) -> Result<()> {
        let (index, indexes) = (&self.pattern.index, self.indexes());
        let table = self.dialect().quote(index.table);
        let delete = format!("DELETE FROM {table} WHERE id >= {}", self.drawn.rows);
        let refresh = self.dialect().refresh(index.table);
        self.stand.tidy_up("drop the index and tidy up", async |session| {
            for index in PATTERNS.iter().map(|pattern| &pattern.index) {
                if scalar_sql(session, &indexes.exists(index)).await? > 0 {
                    run(session, &indexes.drop(index)).await?;
                }
            }
            session.run_sql(&delete).await?;
            run(session, &refresh).await
        })
    }

    fn build(&self) -> Result<()> {
        self.stand.go_on()?;
        let (index, indexes) = (&self.pattern.index, self.indexes());
        let create = indexes.create(index).unwrap_or_default();
        let refresh = self.dialect().refresh(index.table);
        let took = self.stand.ask("build the index", async |session| {
            let began = Instant::now();
            run(session, &create).await?;
            Ok(began.elapsed())
        })?;
        let size = self.stand.ask("gather statistics", async |session| {
            run(session, &refresh).await?;
            scalar_sql(session, &indexes.size(index)).await
        })?;
        let mut found = self.found.borrow_mut();
        (found.build, found.size_bytes) = (Some(took), Some(size));
        Ok(())
    }

    /// Keeps the plan of the query, where the engine tells one.
    fn explain(&self, with_index: bool) -> Result<()> {
        let Some(explain) = self.stand.driver().explain() else { return Ok(()) };
        self.stand.go_on()?;
        let (sql, parameters) = (self.query(with_index), self.compared(with_index, 0));
        let plan = self.stand.ask("explain the query", async |session| {
            explain.explain(session, &sql, &values(&parameters)).await
        })?;
        let name = if with_index { FIND_WITH } else { FIND_WITHOUT };
        self.stand.keep_plan(name, &plan)?;
        self.found.borrow_mut().plans.push((name, plan));
        Ok(())
    }

    /// Asks the same queries without the index and with it: it must not change an answer.
    fn compare(&self, with_index: bool) -> Result<()> {
        let statement = Statement::new("find", self.query(with_index));
        let asked: Vec<_> = (0..COMPARED).map(|query| self.compared(with_index, query)).collect();
        let mut answers = Vec::new();
        for parameters in &asked {
            self.stand.go_on()?;
            answers.push(self.stand.ask("compare answers", async |session| {
                session.prepare(std::slice::from_ref(&statement)).await?;
                answer(session, &values(parameters)).await
            })?);
        }
        let mut found = self.found.borrow_mut();
        match found.answers.take() {
            None => found.answers = Some(answers),
            Some(before) => found.checks.push(same_answers(&before, &answers)),
        }
        Ok(())
    }

    fn query(&self, with_index: bool) -> String {
        reads::query(self.pattern, with_index.then(|| self.indexes()))
    }

    /// The parameters of the compared query of that number.
    fn compared(&self, with_index: bool, number: u64) -> Vec<Parameter> {
        let mut rng = Rng::new(self.drawn.seed, &[COMPARED_STREAM, number]);
        reads::parameters(self.pattern, with_index, &mut rng, self.drawn)
    }

    /// A load of reads; whether it came to its end.
    fn find(&self, name: &'static str) -> Result<bool> {
        let with_index = name == FIND_WITH;
        let reads = Reads {
            pattern: self.pattern,
            statements: reads::statements(
                self.pattern,
                with_index.then(|| self.dialect().index_sql()),
            ),
            with_index,
            drawn: self.drawn,
            clients: self.stand.case().clients,
        };
        Ok(self.load(name, Arc::new(reads))?.is_some())
    }

    /// A load of writes, whose rows are counted; whether it came to its end.
    fn write(&self, name: &'static str) -> Result<bool> {
        let writes = Writes {
            pattern: self.pattern,
            statements: writes::statements(self.pattern),
            drawn: self.drawn,
        };
        // Both loads of writes find a table that is as tidy.
        let refresh = self.dialect().refresh(self.pattern.index.table);
        self.stand.ask("tidy up", async |session| run(session, &refresh).await)?;
        let Some(tally) = self.load(name, Arc::new(writes))? else { return Ok(false) };
        let table = self.dialect().quote(self.pattern.index.table);
        let added = format!("SELECT COUNT(*) FROM {table} WHERE id >= {}", self.drawn.rows);
        let delete = format!("DELETE FROM {table} WHERE id >= {}", self.drawn.rows);
        let left = self.stand.ask("count the rows that were written", async |session| {
            let left = scalar_sql(session, &added).await?;
            session.run_sql(&delete).await?;
            Ok(left)
        })?;
        let check = writes::account(name, &tally, left);
        self.found.borrow_mut().checks.push(check);
        Ok(true)
    }

    /// A load; what its clients saw committed, where it came to its end.
    fn load(&self, name: &'static str, workload: Arc<dyn Workload>) -> Result<Option<Tally>> {
        let stage = self.stand.load(name, self.stand.case().clients, &workload)?;
        let tally = stage.report.is_whole().then(|| stage.report.tally.clone());
        self.found.borrow_mut().stages.push(stage);
        Ok(tally)
    }
}

fn values(parameters: &[Parameter]) -> Vec<Value<'_>> {
    parameters.iter().map(Parameter::value).collect()
}

async fn run(session: &mut dyn Session, statements: &[String]) -> Result<(), DbError> {
    for statement in statements {
        session.run_sql(statement).await?;
    }
    Ok(())
}

/// The rows that the first prepared query answers, in an order of their own.
async fn answer(
    session: &mut dyn Session,
    values: &[Value<'_>],
) -> Result<Vec<(i64, i64)>, DbError> {
    let mut rows = Vec::new();
    let mut visit = |row: &dyn Row| {
        rows.push(reads::both(row)?);
        Ok(())
    };
    session.query(0, values, &mut visit).await?;
    rows.sort_unstable();
    Ok(rows)
}

fn same_answers(before: &[Vec<(i64, i64)>], after: &[Vec<(i64, i64)>]) -> Check {
    let different = before.iter().zip(after).position(|(before, after)| before != after);
    let rows: usize = before.iter().map(Vec::len).sum();
    let detail = match different {
        None => format!("{COMPARED} queries answered the same {rows} rows"),
        Some(query) => {
            let (before, after) = (&before[query], &after[query]);
            let first = before.iter().zip(after).find(|(before, after)| before != after);
            format!(
                "query {query} answered {} rows without the index and {} with it{}",
                before.len(),
                after.len(),
                first.map(|(b, a)| format!("; {b:?} is {a:?} with it")).unwrap_or_default()
            )
        }
    };
    Check::new("same_answers", different.is_none(), detail)
}

#[cfg(test)]
mod tests {
    use super::same_answers;

    #[test]
    fn a_row_that_an_index_hides_or_changes_is_told() {
        let before = vec![vec![(1, 10), (2, 20)], vec![]];
        assert!(same_answers(&before, &before.clone()).held);
        let hidden = same_answers(&before, &[vec![(2, 20)], vec![]]);
        assert!(!hidden.held);
        assert_eq!(
            hidden.detail,
            "query 0 answered 2 rows without the index and 1 with it; (1, 10) is (2, 20) with it"
        );
        let more = same_answers(&before, &[before[0].clone(), vec![(3, 30)]]);
        assert_eq!(more.detail, "query 1 answered 0 rows without the index and 1 with it");
    }
}
