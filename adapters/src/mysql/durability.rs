//! What commits survive, in the settings of InnoDB and of the binary log.

use std::collections::BTreeMap;

use dbdyno_core::Durability;

/// The variables that durability follows from.
pub const VARIABLES: [&str; 5] = [
    "innodb_doublewrite",
    "innodb_flush_log_at_trx_commit",
    "innodb_flush_method",
    "log_bin",
    "sync_binlog",
];

/// The settings that durability was last set to; none until then.
#[derive(Clone, Copy, Debug, Default)]
pub struct DurableSettings {
    level: Option<Durability>,
}

impl DurableSettings {
    /// The settings for a level
    /// (<https://dev.mysql.com/doc/refman/8.0/en/innodb-parameters.html>,
    /// `innodb_flush_log_at_trx_commit`: 1 writes and syncs the log at each commit, 2 writes it
    /// and leaves syncing to the system, 0 does neither).
    pub fn of(level: Durability) -> Self {
        Self { level: Some(level) }
    }

    /// Names and values, which the server takes on its command line and by `SET GLOBAL`.
    pub fn settings(self) -> Vec<(String, String)> {
        let Some(level) = self.level else { return Vec::new() };
        let (log, binlog) = match level {
            Durability::Full => ("1", "1"),
            Durability::Process => ("2", "0"),
            Durability::None => ("0", "0"),
        };
        vec![
            ("innodb_flush_log_at_trx_commit".to_owned(), log.to_owned()),
            ("sync_binlog".to_owned(), binlog.to_owned()),
        ]
    }
}

/// The level that a server's variables amount to. A torn page needs the doublewrite buffer, and a
/// commit that is not in the binary log after a loss of power is rolled back
/// (<https://dev.mysql.com/doc/refman/8.0/en/replication-options-binary-log.html>, `sync_binlog`).
pub fn held(variables: &BTreeMap<String, String>, on_disk: bool) -> Durability {
    let value = |name: &str| variables.get(name).map_or("", String::as_str);
    // MariaDB's 3 syncs at each commit, as 1 does, and in the prepare phase as well.
    let log = match value("innodb_flush_log_at_trx_commit") {
        "1" | "3" => Durability::Full,
        "2" => Durability::Process,
        _ => Durability::None,
    };
    let doublewrite =
        matches!(value("innodb_doublewrite"), "ON" | "1" | "DETECT_AND_RECOVER" | "fast");
    let binlog = value("log_bin") != "ON" || value("sync_binlog") == "1";
    let synced = !value("innodb_flush_method").eq_ignore_ascii_case("nosync");
    if doublewrite && binlog && synced && on_disk { log } else { log.min(Durability::Process) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(changes: &[(&str, &str)], on_disk: bool) -> Durability {
        let mut variables: BTreeMap<String, String> = [
            ("innodb_doublewrite", "ON"),
            ("innodb_flush_log_at_trx_commit", "1"),
            ("innodb_flush_method", "O_DIRECT"),
            ("log_bin", "OFF"),
            ("sync_binlog", "0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        for (name, value) in changes {
            variables.insert((*name).to_owned(), (*value).to_owned());
        }
        held(&variables, on_disk)
    }

    #[test]
    fn variables_amount_to_a_level() {
        assert_eq!(level(&[], true), Durability::Full);
        assert_eq!(level(&[], false), Durability::Process);
        assert_eq!(level(&[("innodb_doublewrite", "OFF")], true), Durability::Process);
        assert_eq!(level(&[("log_bin", "ON")], true), Durability::Process);
        assert_eq!(level(&[("log_bin", "ON"), ("sync_binlog", "1")], true), Durability::Full);
        let log = "innodb_flush_log_at_trx_commit";
        assert_eq!(level(&[(log, "2")], true), Durability::Process);
        assert_eq!(level(&[(log, "0")], true), Durability::None);
        assert_eq!(level(&[("innodb_flush_method", "nosync")], true), Durability::Process);
    }
}
