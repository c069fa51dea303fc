//! Which sessions wait for a lock, as InnoDB's monitor tells it.

use async_trait::async_trait;
use dbdyno_core::query::{row_sql, scalar_sql};
use dbdyno_core::{DbError, LockWaits, Session};

use super::driver::MysqlDriver;

/// What the monitor says of a transaction that waits.
const WAITING: &str = "LOCK WAIT";
/// What begins the part of a transaction.
const TRANSACTION: &str = "---TRANSACTION";
/// What ends the part of the last one.
const END: &str = "--------\nFILE I/O";

#[async_trait]
impl LockWaits for MysqlDriver {
    async fn identify(&self, session: &mut dyn Session) -> Result<i64, DbError> {
        scalar_sql(session, "SELECT CONNECTION_ID()").await
    }

    /// By the monitor, since it tells of this moment: `information_schema.INNODB_TRX` answers what was
    /// true a tenth of a second ago (`storage/innobase/trx/trx0i_s.cc`, `CACHE_MIN_IDLE_TIME_NS`).
    async fn is_waiting(&self, observer: &mut dyn Session, id: i64) -> Result<bool, DbError> {
        let sql = "SHOW ENGINE INNODB STATUS";
        row_sql(observer, sql, |row| Ok(waits(row.text(2)?, id))).await
    }

    async fn cancel(&self, observer: &mut dyn Session, id: i64) -> Result<(), DbError> {
        observer.run_sql(&format!("KILL {id}")).await.map(|_| ())
    }
}

/// Whether the monitor's text shows the transaction of a connection waiting
/// (<https://dev.mysql.com/doc/refman/8.0/en/innodb-standard-monitor.html>, TRANSACTIONS).
fn waits(monitor: &str, id: i64) -> bool {
    // The connection's line is `MySQL thread id 8, OS thread handle …`, with the product's name.
    let connection = format!(" thread id {id},");
    let transactions = monitor.split(END).next().unwrap_or(monitor).split(TRANSACTION).skip(1);
    transactions.filter(|part| part.contains(&connection)).any(|part| part.contains(WAITING))
}

#[cfg(test)]
mod tests {
    use super::waits;

    #[test]
    fn the_transaction_of_the_connection_is_looked_at() {
        let monitor = "------------\nTRANSACTIONS\n------------\n\
            LIST OF TRANSACTIONS FOR EACH SESSION:\n\
            ---TRANSACTION 30, ACTIVE 2 sec starting index read\n\
            mysql tables in use 1, locked 1\n\
            LOCK WAIT 2 lock struct(s), heap size 1128, 1 row lock(s)\n\
            MariaDB thread id 8, OS thread handle 140, query id 60 localhost root Updating\n\
            update anomalies set value = 12 where id = 1\n\
            ---TRANSACTION 29, ACTIVE 2 sec\n\
            2 lock struct(s), heap size 1128, 1 row lock(s), undo log entries 1\n\
            MariaDB thread id 7, OS thread handle 141, query id 50 localhost root\n\
            --------\nFILE I/O\n--------\nI/O thread 0 state: LOCK WAIT thread id 7, none\n";
        assert!(waits(monitor, 8));
        assert!(!waits(monitor, 7));
        assert!(!waits(monitor, 80));
        assert!(!waits("", 8));
    }
}
