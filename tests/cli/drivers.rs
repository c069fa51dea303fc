//! Drivers of one engine side by side.

use crate::desk::{Desk, code, err, out};

#[test]
fn drivers_of_one_engine_stand_side_by_side() {
    let desk = Desk::new();
    let targets = ["--target", "sqlite", "--target", "sqlite?driver=sqlx"];
    let output = desk.run(&[&["oltp/tpcb", "--clients", "2"], &targets[..]].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
    let run = desk.runs()[0].display().to_string();
    let compared = desk.dbdyno(&["compare", &run, "--by", "driver"]);
    assert_eq!(code(&compared), 0, "{}", err(&compared));
    let table = out(&compared);
    let head = table.lines().find(|line| line.starts_with("benchmark")).unwrap();
    assert!(head.contains("rusqlite") && head.contains("sqlx"), "{table}");
    assert!(table.contains("oltp/tpcb") && table.contains("tx/s"), "{table}");
}

#[test]
fn drivers_are_listed_and_one_that_is_not_there_is_told() {
    let desk = Desk::new();
    let listed = out(&desk.dbdyno(&["list", "targets"]));
    for driver in ["tokio-postgres", "mysql_async", "rusqlite", "sqlx"] {
        assert!(listed.contains(driver), "{driver} is missing in:\n{listed}");
    }
    let output = desk.run(&["oltp/tpcb", "--target", "postgres?driver=libpq"]);
    assert_eq!(code(&output), 2);
    for part in ["`driver` cannot be `libpq`", "postgres-protocol, tokio-postgres, sqlx"] {
        assert!(err(&output).contains(part), "{}", err(&output));
    }
}
