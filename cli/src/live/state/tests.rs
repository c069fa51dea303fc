use std::time::Duration;

use dbdyno_core::Event;
use dbdyno_core::measurement::Second;
use hdrhistogram::Histogram;

use super::load::WINDOW;
use super::{Doing, State};
use crate::live::told::Told;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A second whose transactions took so many milliseconds each.
fn second(number: u64, warmup: bool, took_ms: &[u64]) -> Second {
    let mut response_ns = Histogram::new(3).unwrap_or_else(|why| panic!("{why}"));
    for ms in took_ms {
        response_ns.record(ms * 1_000_000).unwrap_or_else(|why| panic!("{why}"));
    }
    let completed = took_ms.len() as u64;
    Second {
        second: number,
        warmup,
        transaction: "t".into(),
        completed,
        errors: 1,
        retries: 2,
        response_ns,
    }
}

fn loading(length: Option<Duration>) -> State {
    let mut state = State::new("run");
    state.tell(s(0), Told::LoadBegan { stage: String::new(), length });
    state
}

/// Within a thousandth: a histogram keeps three digits.
fn is_about(us: f64, ms: f64) -> bool {
    (us / 1e3 - ms).abs() <= ms / 1e3
}

#[test]
fn percentiles_are_of_all_transactions_of_the_window_and_no_mean_of_percentiles() {
    let mut state = loading(Some(s(60)));
    // One second with few slow ones, one with many fast ones: nine in ten are fast.
    state.tell(s(1), Told::Seconds(vec![second(0, false, &[1_000; 10])]));
    state.tell(s(2), Told::Seconds(vec![second(1, false, &[1; 890]), second(1, false, &[5; 100])]));
    let latency = state.loads.latency.unwrap_or_else(|| panic!("nothing"));
    assert!(is_about(latency.p50_us, 1.0) && is_about(latency.p95_us, 5.0), "{latency:?}");
    assert!(is_about(latency.p99_us, 5.0) && is_about(latency.max_us, 1_000.0), "{latency:?}");
    for number in 2..2 + WINDOW as u64 {
        state.tell(s(3 + number), Told::Seconds(vec![second(number, false, &[2])]));
    }
    let latency = state.loads.latency.unwrap_or_else(|| panic!("nothing"));
    assert!(is_about(latency.max_us, 2.0) && latency.seconds == WINDOW, "{latency:?}");
    assert_eq!(state.loads.totals.completed, 1_000 + WINDOW as u64);
}

#[test]
fn the_warm_up_is_kept_out_of_what_is_measured() {
    let mut state = loading(Some(s(60)));
    state.tell(s(1), Told::Seconds(vec![second(0, true, &[500; 5])]));
    assert_eq!(state.loads.warmup, Some(true));
    // It ends within this second.
    state.tell(s(2), Told::Seconds(vec![second(1, true, &[500; 5]), second(1, false, &[1; 5])]));
    assert_eq!(state.loads.warmup, Some(false));
    let latency = state.loads.latency.unwrap_or_else(|| panic!("nothing"));
    assert!(is_about(latency.max_us, 1.0), "{latency:?}");
    assert_eq!(state.loads.throughput(), Some((10, 10.0, 1)));
}

#[test]
fn a_second_that_the_load_did_not_last_tells_nothing_of_throughput() {
    let completed = |state: &State| -> Vec<Option<Option<u64>>> {
        state.loads.course(9).map(|each| each.map(|moment| moment.completed)).collect()
    };
    let mut state = loading(Some(Duration::from_millis(1_500)));
    for number in 0..2 {
        state.tell(s(1 + number), Told::Seconds(vec![second(number, false, &[1; 7])]));
    }
    assert_eq!(completed(&state), [Some(Some(7)), Some(None)]);
    assert_eq!(state.loads.throughput(), Some((7, 7.0, 1)));
    // Where the length is not known the last one is taken back when it is over.
    state.tell(s(5), Told::LoadBegan { stage: "next".to_owned(), length: None });
    state.tell(s(6), Told::Seconds(vec![second(0, false, &[1; 3])]));
    assert_eq!(state.loads.throughput(), Some((3, 3.0, 1)));
    state.tell(s(7), Told::CaseOver);
    assert_eq!(completed(&state), [Some(Some(7)), Some(None), None, Some(None)]);
    assert_eq!(state.loads.throughput(), None);
    assert!(matches!(state.doing, Doing::Nothing));
}

#[test]
fn a_second_in_which_nothing_ended_is_nought_and_no_gap() {
    let mut state = loading(Some(s(10)));
    state.tell(s(1), Told::Seconds(vec![second(0, false, &[])]));
    let moment = state.loads.course(1).next().flatten().unwrap_or_else(|| panic!("nothing"));
    assert_eq!((moment.completed, moment.p99_us), (Some(0), None));
    assert_eq!((state.loads.throughput(), state.loads.latency), (Some((0, 0.0, 1)), None));
}

#[test]
fn an_error_is_told_once_for_a_load() {
    let mut state = loading(None);
    let error = |code: &str| {
        let detail = "could not serialize access";
        Told::Happened(Event {
            class: "serialization",
            code: code.to_owned(),
            ..Event::now("error", detail)
        })
    };
    for code in ["40001", "40001", "40P01", "40001"] {
        state.tell(s(1), error(code));
    }
    assert_eq!(state.lines.len(), 2);
    assert_eq!(state.lines[0].text, "error serialization 40001: could not serialize access");
    assert!(state.lines[0].is_grave);
    state.tell(s(2), Told::LoadBegan { stage: String::new(), length: None });
    state.tell(s(3), error("40001"));
    assert_eq!(state.lines.len(), 3);
}

#[test]
fn what_is_said_comes_line_by_line_without_colours() {
    let mut state = State::new("run");
    state.tell(s(1), Told::Said("  ! warning: one\n\u{1b}[31mtwo\u{1b}[0m\n".to_owned()));
    let told: Vec<_> = state.lines.iter().map(|line| (line.text.as_str(), line.is_grave)).collect();
    assert_eq!(told, [("warning: one", true), ("two", false)]);
}

#[test]
fn panels_follow_each_other_in_a_circle() {
    for (command, names) in [
        ("run", &["load", "servers", "events", "all"][..]),
        ("monitor", &["servers", "events", "all"]),
    ] {
        let mut state = State::new(command);
        for name in names {
            state.turn(1);
            assert_eq!(state.view.name(), *name);
        }
        state.turn(-1);
        assert_eq!(state.view.name(), "events");
        state.turn_to(names.len());
        assert_eq!(state.view.name(), "events");
        state.turn_to(0);
        assert_eq!(state.view.name(), "all");
    }
}
