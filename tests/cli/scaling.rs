//! Scaling curves, from the command to the picture.

use std::fs;

use crate::desk::{Desk, code, err, out};

#[test]
fn a_sweep_of_clients_is_fitted_and_drawn() {
    let desk = Desk::new();
    let output = desk.run(&["oltp/point-select", "oltp/tpcb", "--clients", "1,2,3,4"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(out(&output).contains("lambda"), "{}", out(&output));
    let run = &desk.runs()[0];
    let of_run = names(&run.join("charts").display().to_string());
    assert_eq!(of_run, ["oltp-point-select-on-sqlite.svg", "oltp-tpcb-on-sqlite.svg"]);

    let (run, charts) = (run.display().to_string(), desk.path("some/charts"));
    let by_clients = ["compare", &run, "--by", "clients"];
    for _ in 0..2 {
        let compared = desk.dbdyno(&[&by_clients[..], &["--charts", &charts]].concat());
        assert_eq!(code(&compared), 0, "{}", err(&compared));
        let text = out(&compared);
        for part in ["speed-up", "oltp/tpcb on sqlite, tx/s", "lambda", "█"] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        assert_eq!(names(&charts), of_run);
    }
    let svg = fs::read_to_string(format!("{charts}/oltp-tpcb-on-sqlite.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("Transactions per second against clients"));

    let csv = desk.dbdyno(&[&by_clients[..], &["--format", "csv"]].concat());
    assert!(out(&csv).lines().skip(1).all(|line| line.split(',').count() > 20), "{}", out(&csv));
}

#[test]
fn charts_that_cannot_be_drawn_say_why() {
    let desk = Desk::new();
    let output = desk.run(&["oltp/point-select", "--clients", "1"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let run = desk.runs()[0].display().to_string();
    assert!(!desk.runs()[0].join("charts").exists());
    for (arguments, why) in [
        (&["--charts", "charts"][..], "add `--by clients`"),
        (&["--by", "clients", "--charts", "charts"], "--clients 1,2,4,8"),
        (&["--by", "clients", "--charts", "postgres://me@db.example/"], "a URL, not a folder"),
    ] {
        let compared = desk.dbdyno(&[&["compare", &run], arguments].concat());
        assert_eq!(code(&compared), 2, "{}", out(&compared));
        assert!(err(&compared).contains(why), "{}", err(&compared));
    }
}

fn names(folder: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
