//! What must be told of backups that are made under load, and hold what they promise.

use std::fs;

use dbdyno_core::Status;
use dbdyno_core::backup::BackupPromise;
use dbdyno_core::measurement::Second;
use dbdyno_suites::backup::BackupOptions;

use super::harm::{Harm, awkward_folder};
use super::rows::are_compared;
use super::{Place, only};

/// Methods under load, and what must be told of them.
pub(super) fn promises_are_kept(place: &Place, methods: &[&str]) {
    let folder = awkward_folder();
    let options = BackupOptions { folder: Some(folder.path().to_owned()), ..only(methods) };
    let found = place.run("tpcc", options, Harm::None);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let wrong: Vec<_> = found.rows.iter().filter(|row| row.status != Status::Ok).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!((found.summary.measured, found.summary.could_not_run), (1, 0));
    let all = place.driver.backups().unwrap().methods();
    for method in all.iter().filter(|method| methods.contains(&method.name)) {
        let (name, of) = (method.name, |metric: &str| found.value(metric, method.name));
        for metric in ["backup_s", "backup_mb_per_s", "backup_cpu_s", "restore_s"] {
            assert!(of(metric) > 0.0, "{metric} of {name}");
        }
        assert!(of("restore_s") <= of("restore_ready_s"), "{name}");
        let ratio = of("data_bytes") / of("backup_bytes");
        assert!((of("data_to_backup_ratio") / ratio - 1.0).abs() < 1e-9);
        // A warehouse has some 90 MB; a backup is neither empty nor many times as large.
        assert!((50e6..300e6).contains(&of("data_bytes")), "{name}: {}", of("data_bytes"));
        assert!((1e5..1e9).contains(&of("backup_bytes")), "{name}: {}", of("backup_bytes"));
        for phase in ["before", "during", "after"] {
            let of = |metric: &str| found.value(metric, &format!("{name}/{phase}"));
            let is_some = phase == "during" || of("throughput") > 0.0;
            assert!(is_some, "{name} {phase}");
            assert_eq!(of("errors"), 0.0, "{name} {phase}");
            assert!(
                of("latency_p99_us") <= 1_000.0 * of("longest_pause_ms") * 1.01,
                "{name} {phase}"
            );
        }
        for check in ["restored", "conditions", "tables", "ledger", "tpcc_new_orders_accounted"] {
            assert_eq!(found.check(&format!("{check}_{name}")).0, 1.0, "{check} of {name}");
        }
        are_compared(&found, name);
        assert!(of("lock_looks") >= 1.0, "{name}");
        assert!(of("writers_blocked_ms") > 0.0, "{name}");
        for phase in ["before", "during", "after"] {
            assert!(found.course.contains(&format!("\n{name},{phase},")), "{name} {phase}");
        }
        if method.promise == BackupPromise::PointInTime {
            // Where the loads of all methods have a log there is nothing to hold it against.
            let its = found.rows.iter().filter(|row| row.metric == "log_throughput_ratio");
            let told: Vec<_> =
                its.map(|row| (row.transaction.as_str(), row.value > Some(0.0))).collect();
            let is_alone = name == "pg_receivewal";
            assert_eq!(told, if is_alone { vec![(name, true)] } else { Vec::new() });
            assert!(of("backup_log_bytes") > 0.0);
        }
        let named = |second: &Second| second.transaction.starts_with(name);
        assert!(found.seconds.iter().any(named), "{name} is not in the timeline");
    }
}
