//! The statements, as YCSB's JDBC binding words them. One update for each field, since one field
//! is written.

use dbdyno_core::{NativeSql, Returning, Statement, StatementId};
use dbdyno_datasets::ycsb::FIELDS;

use super::{Operation, Ycsb};

/// Reads a record. In workload E its place is the scan's.
pub const READ: StatementId = 0;
/// Reads the records from a key on, in the order of keys.
pub const SCAN: StatementId = 0;
/// Inserts a record, in the workloads that do.
pub const INSERT: StatementId = 1;
/// Writes the first field, in the workloads that update; the other fields' statements follow. Where
/// [`reads_and_writes`] says so, it answers the record as it was.
pub const UPDATE_FIELD: StatementId = 1;

const COLUMNS: &str = "ycsb_key, field0, field1, field2, field3, field4, field5, field6, field7, \
                       field8, field9";

const UPDATE_NAMES: [&str; FIELDS.len()] = [
    "update_field0",
    "update_field1",
    "update_field2",
    "update_field3",
    "update_field4",
    "update_field5",
    "update_field6",
    "update_field7",
    "update_field8",
    "update_field9",
];

/// Whether a read-modify-write is one statement: an update that answers the record as it was
/// before. `RETURNING` alone answers it as it is afterwards, which is not what the workload reads.
pub fn reads_and_writes(benchmark: &Ycsb, native: NativeSql) -> bool {
    native.returning == Returning::Joined && benchmark.uses(Operation::ReadModifyWrite)
}

/// The statements of a workload.
pub fn of(benchmark: &Ycsb, native: NativeSql) -> Vec<Statement> {
    let mut list = vec![if benchmark.uses(Operation::Scan) {
        let order = "WHERE ycsb_key >= ? ORDER BY ycsb_key LIMIT ?";
        Statement::new("scan", format!("SELECT {COLUMNS} FROM usertable {order}"))
    } else {
        Statement::new("read", format!("SELECT {COLUMNS} FROM usertable WHERE ycsb_key = ?"))
    }];
    if benchmark.uses(Operation::Insert) {
        let values = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";
        let sql = format!("INSERT INTO usertable ({COLUMNS}) VALUES ({values})");
        list.push(Statement::new("insert", sql));
    }
    if benchmark.uses(Operation::Update) || benchmark.uses(Operation::ReadModifyWrite) {
        let returning = reads_and_writes(benchmark, native);
        list.extend(UPDATE_NAMES.iter().zip(FIELDS).map(|(name, field)| {
            Statement::new(name, if returning { read_and_write(field) } else { write(field) })
        }));
    }
    list
}

fn write(field: &str) -> String {
    format!("UPDATE usertable SET {field} = ? WHERE ycsb_key = ?")
}

fn read_and_write(field: &str) -> String {
    let before: Vec<String> =
        COLUMNS.split(", ").map(|column| format!("before.{column}")).collect();
    format!(
        "UPDATE usertable SET {field} = ? FROM (SELECT {COLUMNS} FROM usertable \
         WHERE ycsb_key = ? {{for_update}}) AS before \
         WHERE usertable.ycsb_key = before.ycsb_key RETURNING {}",
        before.join(", ")
    )
}
