//! Isolation levels, and the statements that choose one for a session.

use dbdyno_core::{Isolation, LevelSupport};

use super::programs::Product;

/// What a server says of isolation.
#[derive(Clone, Copy, Debug)]
pub struct Levels {
    /// Whose server it is.
    pub product: Product,
    /// The default of its variable `innodb_snapshot_isolation`; `None` where it has none. MariaDB
    /// has it since 10.6.18, 10.11.8, 11.0.6, 11.1.5, 11.2.4 and 11.4.2, on by default since
    /// 11.6.2 (<https://mariadb.com/kb/en/innodb-system-variables/#innodb_snapshot_isolation>).
    pub snapshot: Option<bool>,
    /// The level of sessions that ask for none.
    pub default: Isolation,
}

/// What the present versions of a product say where their settings are left alone.
pub fn of_present_versions(product: Product) -> Levels {
    match product {
        Product::Mysql => Levels { product, snapshot: None, default: Isolation::RepeatableRead },
        Product::Mariadb => {
            Levels { product, snapshot: Some(true), default: Isolation::RepeatableRead }
        }
    }
}

impl Levels {
    /// How a level is supported. `repeatable-read` stays the level of that name, in which a
    /// write goes on from rows that changed after the snapshot: where the server would detect
    /// that by default, it is told not to, so that it can be compared with `snapshot`.
    pub fn support(&self, level: Isolation) -> LevelSupport {
        let native = |maps_to| LevelSupport::Native { maps_to };
        match level {
            Isolation::ReadUncommitted => native("READ UNCOMMITTED"),
            Isolation::ReadCommitted => native("READ COMMITTED"),
            Isolation::RepeatableRead if self.snapshot.is_some() => {
                native("REPEATABLE READ with innodb_snapshot_isolation=OFF")
            }
            Isolation::RepeatableRead => native("REPEATABLE READ"),
            Isolation::Snapshot if self.snapshot.is_some() => {
                native("REPEATABLE READ with innodb_snapshot_isolation=ON")
            }
            Isolation::Snapshot => LevelSupport::Lacks { why: self.why_no_snapshot().to_owned() },
            Isolation::Serializable => native("SERIALIZABLE"),
        }
    }

    fn why_no_snapshot(&self) -> &'static str {
        match self.product {
            Product::Mysql => {
                "MySQL's REPEATABLE READ lets a transaction overwrite rows that changed after its \
                 snapshot, so the first of two writers does not win \
                 (https://dev.mysql.com/doc/refman/8.0/en/innodb-consistent-read.html)"
            }
            Product::Mariadb => {
                "this MariaDB has no innodb_snapshot_isolation, which came with 10.6.18, 10.11.8, \
                 11.0.6, 11.1.5, 11.2.4 and 11.4.2"
            }
        }
    }

    /// The level of a transaction for which none is asked.
    pub fn default_level(&self) -> Isolation {
        match (self.default, self.snapshot) {
            (Isolation::RepeatableRead, Some(true)) => Isolation::Snapshot,
            (level, _) => level,
        }
    }

    /// The statements that give a new session a level.
    pub fn statements(&self, level: Isolation) -> Vec<String> {
        let (name, snapshot) = match level {
            Isolation::ReadUncommitted => ("READ UNCOMMITTED", "OFF"),
            Isolation::ReadCommitted => ("READ COMMITTED", "OFF"),
            Isolation::RepeatableRead => ("REPEATABLE READ", "OFF"),
            Isolation::Snapshot => ("REPEATABLE READ", "ON"),
            Isolation::Serializable => ("SERIALIZABLE", "OFF"),
        };
        let mut statements = vec![format!("SET SESSION TRANSACTION ISOLATION LEVEL {name}")];
        if self.snapshot.is_some() {
            statements.push(format!("SET SESSION innodb_snapshot_isolation = {snapshot}"));
        }
        statements
    }
}

/// The level that a server's variable `transaction_isolation` (or `tx_isolation`) names.
pub fn parse(name: &str) -> Isolation {
    match name {
        "READ-UNCOMMITTED" => Isolation::ReadUncommitted,
        "READ-COMMITTED" => Isolation::ReadCommitted,
        "SERIALIZABLE" => Isolation::Serializable,
        _ => Isolation::RepeatableRead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(product: Product, snapshot: Option<bool>) -> Levels {
        Levels { product, snapshot, default: parse("REPEATABLE-READ") }
    }

    #[test]
    fn snapshot_isolation_needs_the_variable() {
        let support = |levels: Levels| levels.support(Isolation::Snapshot);
        assert!(support(levels(Product::Mariadb, Some(false))).is_native());
        assert!(!support(levels(Product::Mariadb, None)).is_native());
        assert!(!support(levels(Product::Mysql, None)).is_native());
        assert_eq!(levels(Product::Mysql, None).statements(Isolation::Serializable).len(), 1);
    }

    #[test]
    fn the_default_is_snapshot_where_the_server_says_so() {
        let default = |snapshot| levels(Product::Mariadb, snapshot).default_level();
        assert_eq!(default(Some(true)), Isolation::Snapshot);
        assert_eq!(default(Some(false)), Isolation::RepeatableRead);
        assert_eq!(default(None), Isolation::RepeatableRead);
    }
}
