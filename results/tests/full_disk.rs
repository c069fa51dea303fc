//! A disk that fills up in the middle of a row.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed set-up fails the test")]

use std::env;
use std::path::Path;
use std::process::Command;

use dbdyno_core::schema::Keys;
use dbdyno_core::{
    Better, Cache, Case, Durability, Isolation, Measurement, Recorder, Scale, StatementForm,
};
use dbdyno_results::{RunFolder, load};

const ROOT: &str = "DBDYNO_TEST_FULL_DISK_ROOT";

fn case() -> Case {
    Case {
        suite: "oltp".to_owned(),
        benchmark: "tpcc".to_owned(),
        engine: "sqlite".to_owned(),
        engine_version: "3.50.4".to_owned(),
        driver: "driver".to_owned(),
        target: "sqlite".to_owned(),
        isolation: Isolation::Serializable,
        durability: Durability::Full,
        clients: 1,
        rate: None,
        statements: StatementForm::Portable,
        pipeline: false,
        keys: Keys::default(),
        cache: Cache::default(),
        streams: 0,
        scale: Scale::ONE,
        seed: 1,
        repetition: 1,
    }
}

/// Runs only as a child of the test below, under a limit on the size of files: the write that
/// crosses it is cut short (setrlimit(2), RLIMIT_FSIZE), as on a full disk.
#[test]
fn child_fills_the_disk() {
    let Some(root) = env::var_os(ROOT) else { return };
    let run = RunFolder::create(Path::new(&root), "r").unwrap();
    let mut kept = 0;
    let error = loop {
        let name = format!("metric_{kept}");
        let row = Measurement::new(name, f64::from(kept), "1/s", Better::Higher);
        match run.measurements(&case(), &[row]) {
            Ok(()) => kept += 1,
            Err(error) => break error.to_string(),
        }
        assert!(kept < 10_000, "the limit never hit");
    };
    println!("kept={kept};");
    println!("error={error};");
}

#[test]
fn what_is_written_before_the_disk_is_full_stays_readable() {
    let root = tempfile::tempdir().unwrap();
    // SIGXFSZ ignored, write(2) fails with EFBIG instead. The limit counts blocks of 512 bytes.
    let script = r#"trap '' XFSZ; ulimit -f 8; exec "$0" --exact child_fills_the_disk --nocapture"#;
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(env::current_exe().unwrap())
        .env(ROOT, root.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let kept = said.split("kept=").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
    let kept: usize = kept.parse().unwrap();
    assert!(kept > 5, "{said}");
    assert!(said.contains("results.csv") && said.contains("make room on the disk"), "{said}");

    let loaded = load(&[root.path().join("r")]).unwrap();
    assert_eq!(loaded.records.len(), kept);
    assert_eq!(loaded.warnings, Vec::<String>::new(), "half a row was taken back");
    let numbers = loaded.records.iter().map(|record| record.value.unwrap() as usize);
    assert!(numbers.eq(0..kept));
}
