#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dbdyno_core::schema::Keys;
use dbdyno_core::{Better, Cache, Case, Durability, Isolation, Scale, StatementForm, Status};
use proptest::prelude::*;

use super::{Loaded, load};
use crate::compare::By;
use crate::csv_lines::csv_line;
use crate::fixture::{case, repetitions};
use crate::record::{ADDED_CASE_COLUMNS, COLUMNS, Record};
use crate::run_info::{RunInfo, TargetInfo};
use crate::shared_text::SharedText;

/// A results.csv of its own, removed at the end.
struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn file(bytes: &[u8]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.csv");
    fs::write(&path, bytes).unwrap();
    File { _folder: folder, path }
}

fn to_csv(records: &[Record]) -> Vec<u8> {
    let mut bytes = csv_line(COLUMNS).unwrap();
    for record in records {
        bytes.extend(csv_line(record.fields()).unwrap());
    }
    bytes
}

fn load_bytes(bytes: &[u8]) -> dbdyno_core::Result<Loaded> {
    load(&[&file(bytes).path])
}

fn records() -> Vec<Record> {
    repetitions(&case("tpcc", "sqlite"), 1000.0, &[1.0])
}

/// Any text that has nothing of a password in it: those are masked, as `redact` tests.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z\"',;\r\n\t|éあ ]{0,12}", "\\PC{0,12}"]
        .prop_filter("nothing to mask", |text| !text.contains("://") && !text.contains('='))
}

fn any_number() -> impl Strategy<Value = Option<f64>> {
    proptest::option::of(any::<f64>().prop_filter("finite", |number| number.is_finite()))
}

prop_compose! {
    fn any_case()(
        texts in proptest::array::uniform6(any_text()),
        isolation in proptest::sample::select(Isolation::ALL.to_vec()),
        durability in proptest::sample::select(Durability::ALL.to_vec()),
        clients in any::<u32>(),
        rate in any_number(),
        statements in proptest::sample::select(StatementForm::ALL.to_vec()),
        pipeline in any::<bool>(),
        keys in proptest::sample::select(Keys::ALL.to_vec()),
        streams in any::<u32>(),
        cache in proptest::sample::select(Cache::ALL.to_vec()),
        scale in (1..u32::MAX).prop_map(Scale::hundredths),
        seed in any::<u64>(),
        repetition in any::<u32>(),
    ) -> Case {
        let [suite, benchmark, engine, engine_version, driver, target] = texts;
        Case {
            suite, benchmark, engine, engine_version, driver, target, isolation, durability,
            clients, rate, statements, pipeline, keys, cache, streams, scale, seed, repetition,
        }
    }
}

prop_compose! {
    fn any_record()(
        // The one text that cannot be anything: it names a folder.
        run_id in "[a-z0-9-]{1,20}",
        texts in proptest::array::uniform5(any_text()),
        case in any_case(),
        value in any_number(),
        better in proptest::sample::select(vec![Better::Higher, Better::Lower, Better::Neither]),
        status in proptest::sample::select(
            vec![Status::Ok, Status::Unsupported, Status::Interrupted, Status::Failed]),
    ) -> Record {
        let [started_at, transaction, metric, unit, detail] = texts.map(SharedText::from);
        let (run_id, case) = (run_id.into(), Arc::new(case));
        Record {
            run_id, started_at, case, transaction, metric, value, unit, better, status, detail,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn records_round_trip(records in proptest::collection::vec(any_record(), 0..6)) {
        let loaded = load_bytes(&to_csv(&records)).unwrap();
        prop_assert_eq!(loaded.records, records);
        prop_assert!(loaded.warnings.is_empty());
    }

    /// Wherever a kill cuts the file, every row that was whole is read, and nothing else.
    #[test]
    fn a_file_cut_off_anywhere_keeps_its_whole_rows(
        records in proptest::collection::vec(any_record(), 1..4),
        cut in any::<proptest::sample::Index>(),
    ) {
        let bytes = to_csv(&records);
        let cut = cut.index(bytes.len());
        let loaded = load_bytes(&bytes[..cut]).unwrap();
        let whole = (0..=records.len())
            .rev()
            .find(|count| to_csv(&records[..*count]).len() <= cut)
            .unwrap_or(0);
        prop_assert_eq!(&loaded.records, &records[..whole]);
        let ends_whole = (0..=records.len()).any(|count| to_csv(&records[..count]).len() == cut);
        prop_assert_eq!(loaded.warnings.is_empty(), ends_whole, "{:?}", loaded.warnings);
    }
}

#[test]
fn added_and_reordered_columns_are_tolerated() {
    let records = records();
    let mut bytes = Vec::new();
    let rows = std::iter::once(COLUMNS.map(str::to_owned).to_vec());
    for fields in rows.chain(records.iter().map(Record::fields)) {
        let mut fields: Vec<_> = fields.into_iter().rev().collect();
        fields.insert(3, "of a later version".to_owned());
        bytes.extend(csv_line(fields).unwrap());
    }
    assert_eq!(load_bytes(&bytes).unwrap().records, records);
}

/// One row's case has the letters of the other's, in other fields.
#[test]
fn cases_of_the_same_letters_are_told_apart() {
    let of = |suite: &str, benchmark: &str, record: Record| {
        let case =
            Case { suite: suite.into(), benchmark: benchmark.into(), ..(*record.case).clone() };
        Record { case: Arc::new(case), ..record }
    };
    let two =
        |record: &Record| [of("oltp", "tpcc", record.clone()), of("oltptp", "cc", record.clone())];
    let records: Vec<Record> = records().iter().flat_map(two).collect();
    assert_eq!(load_bytes(&to_csv(&records)).unwrap().records, records);
}

#[test]
fn older_files_without_the_added_columns_are_portable_and_not_pipelined() {
    let of = |count: usize, record: &Record| {
        let native = StatementForm::Native;
        let case =
            Arc::new(Case { statements: native, pipeline: true, ..Case::clone(&record.case) });
        let mut bytes = csv_line(&COLUMNS[..count]).unwrap();
        bytes.extend(csv_line(&Record { case, ..record.clone() }.fields()[..count]).unwrap());
        let case = load_bytes(&bytes).unwrap().records[0].case.clone();
        (case.statements, case.pipeline)
    };
    let record = &records()[0];
    let old = COLUMNS.len() - ADDED_CASE_COLUMNS.len();
    assert_eq!(of(old, record), (StatementForm::Portable, false));
    assert_eq!(of(COLUMNS.len(), record), (StatementForm::Native, true));
}

#[test]
fn a_bad_field_is_told_with_line_and_column() {
    let text = String::from_utf8(to_csv(&records())).unwrap();
    for (good, bad, column, why) in [
        (",8,", ",many,", "clients", "`many` is not a whole number"),
        (",8,", ",-1,", "clients", "`-1` is not a whole number"),
        (",1000,", ",inf,", "value", "`inf` is not a finite number"),
        (",ok,", ",OK,", "status", "`OK` is not one of `ok`, `unsupported`"),
        ("serializable", "serialisable", "isolation", "one of `read-uncommitted`"),
        (",portable,", ",,", "statements", "`` is not one of `portable`, `native`"),
        (",off,", ",0,", "pipeline", "`0` is not one of `off`, `on`"),
        (",indexed,", ",all,", "keys", "`all` is not one of `none`, `primary`, `indexed`"),
        (",warm,", ",hot,", "cache", "`hot` is not one of `warm`, `cold`"),
    ] {
        let file = file(text.replacen(good, bad, 1).as_bytes());
        let error = load(&[&file.path]).unwrap_err().to_string();
        assert!(error.contains(&format!("results.csv`, line 2, column `{column}`")), "{error}");
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn damage_is_an_error_unless_it_is_the_end() {
    let text = String::from_utf8(to_csv(&records())).unwrap();
    let error = |text: &str| load_bytes(text.as_bytes()).unwrap_err().to_string();
    let short = error(&text.replacen(",ok,", "", 1));
    assert!(short.contains("line 2") && short.contains("25 fields, its header 27"), "{short}");
    let quote = error(&text.replacen(",ok,", ",ok,\"", 1));
    assert!(quote.contains("line 2") && quote.contains("never closed"), "{quote}");
    let header = error(&text.replacen("durability", "durableness", 1));
    assert!(header.contains("lacks the column durability"), "{header}");
    let latin = load_bytes(&[text.as_bytes(), b"\xff\n"].concat()).unwrap_err().to_string();
    assert!(latin.contains("line 8") && latin.contains("utf-8"), "{latin}");
    assert!(load_bytes(b"").unwrap().warnings[0].contains("is empty"));
    // An archive, as it begins.
    let packed = load_bytes(b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xed").unwrap_err().to_string();
    assert!(packed.contains("its first line is no text"), "{packed}");
    assert!(packed.contains("give a results.csv that dbdyno wrote"), "{packed}");
}

#[test]
fn what_is_not_a_run_is_told_with_what_to_give() {
    let missing = load(&[Path::new("/nowhere/run")]).unwrap_err().to_string();
    assert!(missing.contains("/nowhere/run") && missing.contains("give a run folder"), "{missing}");
    let root = tempfile::tempdir().unwrap();
    for run in ["20261123-1", "20261124-1"] {
        fs::create_dir(root.path().join(run)).unwrap();
        fs::write(root.path().join(run).join("results.csv"), to_csv(&records())).unwrap();
    }
    let error = load(&[root.path()]).unwrap_err().to_string();
    assert!(error.contains("such as") && error.contains("20261124-1"), "{error}");
    let both = [root.path().join("20261123-1"), root.path().join("20261123-1/results.csv")];
    let loaded = load(&both).unwrap();
    assert_eq!(loaded.records.len(), records().len());
    assert!(loaded.warnings[0].contains("given twice"));
}

#[test]
fn conditions_are_read_beside_the_results() {
    let file = file(&to_csv(&records()));
    let toml = file.path.with_file_name("run.toml");
    let target = |engine: &str| TargetInfo { engine: engine.to_owned(), ..TargetInfo::default() };
    let info =
        RunInfo { targets: vec![target("sqlite"), target("postgres")], ..RunInfo::default() };
    let info = RunInfo { run_id: "r1".to_owned(), ..info };
    let text = toml::to_string(&info).unwrap().replace("schema_version = 0", "schema_version = 1");
    fs::write(&toml, format!("later = 1\n{text}")).unwrap();
    let loaded = load(&[&file.path]).unwrap();
    assert_eq!(loaded.order(By::Engine), ["sqlite", "postgres"]);
    for (written, told) in [
        (text.replace("schema_version = 1", "schema_version = 99"), "schema version 99"),
        (text.replace("schema_version = 1", "schema_version = 0"), "does not name its `schema_v"),
        (text.replace("schema_version = 1\n", ""), "does not name its `schema_version`"),
        (text.replace("run_id = \"r1\"\n", ""), "does not name its `run_id`"),
        ("half a li".to_owned(), "TOML parse error at line 1"),
        (text.replace("cores = 0", "cores = \"64\""), "cores = \"64\""),
    ] {
        fs::write(&toml, written).unwrap();
        let error = load(&[&file.path]).unwrap_err().to_string();
        assert!(error.contains(told) && error.contains("run.toml"), "{error}");
    }
}

#[test]
fn rows_of_another_run_have_no_conditions() {
    let other: Vec<Record> =
        records().into_iter().map(|row| Record { run_id: "r2".into(), ..row }).collect();
    let file = file(&to_csv(&[records(), other].concat()));
    assert_eq!(
        load(&[&file.path]).unwrap().records.len(),
        12,
        "nothing says of which run they are"
    );
    let conditions = "schema_version = 1\nrun_id = \"r1\"\n";
    fs::write(file.path.with_file_name("run.toml"), conditions).unwrap();
    let error = load(&[&file.path]).unwrap_err().to_string();
    for part in [
        "results.csv`, line 8: it is of the run r2, and the run.toml beside it of r1",
        "give the folder of r2 as a run of its own",
    ] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
}

#[test]
fn what_is_said_twice_is_told_with_both_lines() {
    let said = records();
    let bytes = to_csv(&[&said[..], &said[2..3]].concat());
    let error = load_bytes(&bytes).unwrap_err().to_string();
    for part in [
        "results.csv`, line 8: it says `latency_p95_us` of repetition 1 of oltp/tpcc in the run r1",
        "results.csv`, line 4",
        "remove one of the two",
    ] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
    // Rows of another repetition, or of one engine code beside another, say something else.
    let count = |detail: &str| Record {
        metric: "errors_deadlock".into(),
        detail: detail.into(),
        ..said[0].clone()
    };
    let again = Case { repetition: 2, ..Case::clone(&said[0].case) };
    let other = Record { case: again.into(), ..said[0].clone() };
    let rows = [said[0].clone(), other, count("40P01: a"), count("1213: a")];
    assert_eq!(load_bytes(&to_csv(&rows)).unwrap().records, rows);
    let seed = Case { seed: 7, ..Case::clone(&said[0].case) };
    let rows = [said[0].clone(), Record { case: seed.into(), ..said[0].clone() }];
    assert!(load_bytes(&to_csv(&rows)).unwrap_err().to_string().contains("line 3"));
    let rows = [count("40P01: a"), count("40P01: a")];
    assert!(load_bytes(&to_csv(&rows)).unwrap_err().to_string().contains("line 3"));
}

#[test]
fn a_column_that_is_there_twice_is_an_error() {
    let text = String::from_utf8(to_csv(&records())).unwrap();
    let doubled: String = text
        .lines()
        .enumerate()
        .map(|(line, row)| {
            let more = if line == 0 { "value" } else { "0.5" };
            format!("{row},{more}\n")
        })
        .collect();
    let error = load_bytes(doubled.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("its header has the column `value` twice"), "{error}");
}

#[test]
fn two_copies_of_a_run_are_no_two_runs() {
    let (one, two) = (file(&to_csv(&records())), file(&to_csv(&records())));
    let error = load(&[&one.path, &two.path]).unwrap_err().to_string();
    assert!(error.contains(&format!("read `{}`, line 2", two.path.display())), "{error}");
    assert!(error.contains(&format!("after `{}`, line 2", one.path.display())), "{error}");
}
