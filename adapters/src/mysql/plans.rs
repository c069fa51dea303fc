//! Query plans: MariaDB's `ANALYZE FORMAT=JSON` and MySQL's `EXPLAIN`, as a common tree. The tests
//! run on MariaDB; MySQL's answers are read as its manual (section 15.8.2) describes them.

mod blocks;
mod iterators;
mod json;

use async_trait::async_trait;
use dbdyno_core::query::row_sql;
use dbdyno_core::{DbError, Dialect, Explain, Plan, PlanNode, Session, Value};

use self::json::Json;
use super::dialect::MYSQL;
use super::driver::MysqlDriver;
use super::programs::Product;

/// The first MySQL whose `EXPLAIN ANALYZE` answers JSON
/// (<https://dev.mysql.com/doc/relnotes/mysql/8.3/en/news-8-3-0.html>).
const ANALYZES_AS_JSON: (u32, u32) = (8, 3);

/// How a server is asked for a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// MariaDB: the query is run (<https://mariadb.com/kb/en/analyze-format-json/>).
    Analyze,
    /// MySQL since 8.3: the query is run; only the second version of the JSON tells what came.
    ExplainAnalyze,
    /// Older MySQL: the query is not run.
    Explain,
}

impl Asking {
    fn of(product: Product, version: &str) -> Self {
        match product {
            Product::Mariadb => Self::Analyze,
            Product::Mysql if major_and_minor(version) >= ANALYZES_AS_JSON => Self::ExplainAnalyze,
            Product::Mysql => Self::Explain,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Analyze => "ANALYZE FORMAT=JSON",
            Self::ExplainAnalyze => "EXPLAIN ANALYZE FORMAT=JSON",
            Self::Explain => "EXPLAIN FORMAT=JSON",
        }
    }
}

/// The first two numbers of a version; 0 for what is none.
fn major_and_minor(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[async_trait]
impl Explain for MysqlDriver {
    async fn explain(
        &self,
        session: &mut dyn Session,
        query: &str,
        parameters: &[Value<'_>],
    ) -> Result<Plan, DbError> {
        let asking = Asking::of(self.product(), self.version());
        let statement = MYSQL.with_literals(query, parameters)?;
        if asking == Asking::ExplainAnalyze {
            session.run_sql("SET SESSION explain_json_format_version = 2").await?;
        }
        let sql = format!("{} {statement}", asking.words());
        let raw = row_sql(session, &sql, |row| Ok(row.text(0)?.to_owned())).await?;
        let roots = read(&raw, &statement).map_err(|why| {
            DbError::unexpected(format!("the server's plan is not understood: {why}: {statement}"))
        })?;
        Ok(Plan { statement, roots, raw })
    }

    fn lacks_estimates(&self) -> Option<&'static str> {
        (Asking::of(self.product(), self.version()) == Asking::Explain)
            .then_some("MySQL before 8.3 does not tell in JSON how many rows there were")
    }
}

/// The steps of an answer: blocks in the words of MariaDB and of MySQL's first version of its JSON,
/// iterators in those of the second.
fn read(raw: &str, statement: &str) -> Result<Vec<PlanNode>, String> {
    let answer = Json::read(raw)?;
    let mut roots = iterators::steps(&answer);
    if roots.is_empty() {
        roots = blocks::steps(&answer, names_limit(statement));
    }
    if roots.is_empty() { Err("it has no steps".to_owned()) } else { Ok(roots) }
}

/// Whether a statement may end before it has read all: blocks do not say so.
fn names_limit(statement: &str) -> bool {
    let unquoted = statement.split('\'').step_by(2);
    unquoted
        .flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .any(|word| word.eq_ignore_ascii_case("limit"))
}

#[cfg(test)]
mod tests;
