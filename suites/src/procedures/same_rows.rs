//! Whether transactions leave the same rows however they are said: a number of them from the same seed on
//! data loaded anew, once in each way, and the tables compared.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use dbdyno_core::load::{TallyEntry, Workload};
use dbdyno_core::schema::{ColumnType, Table};
use dbdyno_core::{Check, DbError, Dialect, Error, Result, Row, Session, Value};
use dbdyno_datasets::Dataset;

use crate::runner::Stand;

/// Transactions of one client, so many that every type of transaction is among them many times, and with most
/// seeds an order that is rolled back.
const TRANSACTIONS: u64 = 600;

/// What a table holds, whatever the order of its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    /// The sum of the rows' hashes, as it wraps.
    hashes: u64,
}

/// Runs the transactions of both workloads, statements and procedures, on the same data.
///
/// # Errors
/// The data cannot be loaded or read, or transactions failed for good.
pub fn check(
    stand: &Stand<'_>,
    dataset: &dyn Dataset,
    workloads: &[Arc<dyn Workload>; 2],
) -> Result<Check> {
    let mut found = Vec::new();
    for workload in workloads {
        stand.go_on()?;
        stand.reload()?;
        let report = stand.run_exactly(TRANSACTIONS, workload)?;
        stand.go_on()?;
        if let Some(error) = report.errors.first() {
            let doing = format!("run {TRANSACTIONS} transactions to compare their rows");
            return Err(Error::new(doing, format!("{} ({})", error.message, error.code)));
        }
        found.push((sums(stand, dataset)?, report.tally.total()));
    }
    let names: Vec<_> = dataset.tables().iter().map(|table| table.name).collect();
    Ok(compare(&names, &found))
}

/// What a form left in the tables, and how its transactions ended.
type Left = (Vec<Sum>, TallyEntry);

/// Compares what both forms left in the tables of these names.
fn compare(tables: &[&str], found: &[Left]) -> Check {
    let [(statements, ended), (procedures, ended_too)] = found else {
        return Check::new("same_rows", false, "there are not two forms to compare");
    };
    let sums = tables.iter().zip(statements.iter().zip(procedures));
    let different: Vec<String> = sums
        .filter(|(_, (one, other))| one != other)
        .map(|(table, (one, other))| match one.rows == other.rows {
            true => format!("{table} has other rows"),
            false => format!("{table} has {} rows or {}", one.rows, other.rows),
        })
        .collect();
    let same = different.is_empty() && ended == ended_too;
    let detail = match same {
        true => format!(
            "{TRANSACTIONS} transactions, {} of them rolled back, left the same rows in {} tables as \
             statements and as procedures",
            ended.rolled_back,
            tables.len()
        ),
        false => format!(
            "{TRANSACTIONS} transactions as statements ({} rolled back) and as procedures ({}): {}",
            ended.rolled_back,
            ended_too.rolled_back,
            different.join(", ")
        ),
    };
    Check::new("same_rows", same, detail)
}

/// The sum of each table, in order.
fn sums(stand: &Stand<'_>, dataset: &dyn Dataset) -> Result<Vec<Sum>> {
    let tables = dataset.tables();
    let dialect = stand.driver().dialect();
    stand.ask("add up the rows of all tables", async |session| {
        let mut sums = Vec::new();
        for table in &tables {
            sums.push(sum(session, dialect, table).await?);
        }
        Ok(sums)
    })
}

async fn sum(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    table: &Table,
) -> Result<Sum, DbError> {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let name = dialect.quote(column.name);
            match column.ty {
                // The clock's time of the run: only whether there is any can be the same.
                ColumnType::Timestamp => format!("CASE WHEN {name} IS NULL THEN 1 ELSE 0 END"),
                _ => name,
            }
        })
        .collect();
    let sql = format!("SELECT {} FROM {}", columns.join(", "), dialect.quote(table.name));
    let mut sum = Sum::default();
    let mut visit = |row: &dyn Row| {
        sum.rows += 1;
        sum.hashes = sum.hashes.wrapping_add(hash(row, columns.len())?);
        Ok(())
    };
    session.query_sql(&sql, &mut visit).await?;
    Ok(sum)
}

fn hash(row: &dyn Row, columns: usize) -> Result<u64, DbError> {
    let mut hasher = DefaultHasher::new();
    for column in 0..columns {
        match row.value(column)? {
            Value::Int(int) => hasher.write_i64(int),
            Value::Float(float) => hasher.write_u64(float.to_bits()),
            Value::Text(text) => hasher.write(text.as_bytes()),
            other => hasher.write(format!("{other:?}").as_bytes()),
        }
        hasher.write_u8(0xFF);
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use dbdyno_core::load::TallyEntry;

    use super::{Sum, compare};

    #[test]
    fn a_row_or_a_rollback_that_differs_is_told() {
        let left = |rows, hashes, rolled_back| {
            let ended = TallyEntry { committed: 300 - rolled_back, rolled_back, unknown: 0 };
            (vec![Sum { rows: 5, hashes: 1 }, Sum { rows, hashes }], ended)
        };
        let tables = ["branches", "history"];
        let one = left(300, 77, 3);
        assert!(compare(&tables, &[one.clone(), one.clone()]).held);
        for (other, words) in [
            (left(300, 78, 3), "history has other rows"),
            (left(299, 77, 3), "history has 300 rows or 299"),
            (left(300, 77, 4), "(3 rolled back) and as procedures (4)"),
        ] {
            let check = compare(&tables, &[one.clone(), other]);
            assert!(!check.held && check.detail.contains(words), "{}", check.detail);
        }
        assert!(!compare(&tables, &[one]).held);
    }
}
