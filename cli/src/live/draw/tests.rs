//! What the view looks like, on screens of several sizes.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use dbdyno_core::measurement::Second;
use dbdyno_core::metrics::{MetricInfo, Reading, Sample, Source};
use dbdyno_core::schema::Keys;
use dbdyno_core::{Cache, Case, Durability, Event, Isolation, LoadProgress, Scale, StatementForm};
use hdrhistogram::Histogram;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::live::state::{Asked, State, View};
use crate::live::told::Told;

use super::{Theme, draw};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn case(target: &str, clients: u32) -> Box<Case> {
    Box::new(Case {
        suite: "oltp".to_owned(),
        benchmark: "tpcb".to_owned(),
        engine: "postgres".to_owned(),
        engine_version: "15.18".to_owned(),
        driver: "postgres-protocol".to_owned(),
        target: target.to_owned(),
        isolation: Isolation::ReadCommitted,
        durability: Durability::Full,
        clients,
        streams: 0,
        rate: None,
        statements: StatementForm::Portable,
        pipeline: false,
        keys: Keys::default(),
        cache: Cache::default(),
        scale: Scale::ONE,
        seed: 1,
        repetition: 2,
    })
}

/// A second with so many transactions, a hundredth of which took `slow_ms`.
fn second(number: u64, warmup: bool, completed: u64, slow_ms: u64) -> Second {
    let mut response_ns = Histogram::new(3).unwrap_or_else(|why| panic!("{why}"));
    for transaction in 0..completed {
        let ms = if transaction % 100 < 2 { slow_ms } else { 2 };
        response_ns.record(ms * 1_000_000).unwrap_or_else(|why| panic!("{why}"));
    }
    Second {
        second: number,
        warmup,
        transaction: "tpcb".into(),
        completed,
        errors: u64::from(number == 4),
        retries: 3,
        response_ns,
    }
}

fn sample(source: Source, target: &str, name: &'static str, of: &str, value: f64) -> Sample {
    // Metrics are static; a test's few may stay.
    let metric: &'static MetricInfo = Box::leak(Box::new(match value {
        rate if name.starts_with("rate_of_") => {
            let name = name.trim_start_matches("rate_of_");
            return Sample {
                at: SystemTime::UNIX_EPOCH,
                taken: Instant::now(),
                source,
                target: target.to_owned(),
                reading: Reading {
                    metric: Box::leak(Box::new(MetricInfo::counter(name, "1", ""))),
                    of: of.to_owned(),
                    value: 1e6,
                },
                per_second: Some(rate),
            };
        }
        _ => MetricInfo::gauge(name, "1", ""),
    }));
    let reading = Reading { metric, of: of.to_owned(), value };
    let target = target.to_owned();
    let (at, taken) = (SystemTime::UNIX_EPOCH, Instant::now());
    Sample { at, taken, source, target, reading, per_second: None }
}

fn samples(number: u64) -> Vec<Sample> {
    use Source::{Client, Engine, Machine, Server};
    let busy = 0.5 + (number % 7) as f64 / 5.0;
    vec![
        sample(Machine, "", "processors", "", 2.0),
        sample(Machine, "", "rate_of_cpu_busy_s", "", busy),
        sample(Client, "", "rate_of_cpu_s", "", 0.21),
        sample(Client, "", "busiest_thread", "", 0.15),
        sample(Server, "postgres", "rate_of_cpu_s", "", 0.83),
        sample(Engine, "postgres", "rate_of_commits", "", 1_200.0 + 10.0 * number as f64),
        sample(Engine, "postgres", "rate_of_cache_hits", "", 999.0),
        sample(Engine, "postgres", "rate_of_cache_misses", "", 1.0),
        sample(Engine, "postgres", "connections", "", 12.0),
        sample(Engine, "postgres", "connections_active", "", 8.0),
        sample(Engine, "postgres", "lock_waits", "", 3.0),
        sample(Engine, "postgres", "replication_behind_s", "standby", 0.42),
        sample(Engine, "postgres", "rate_of_log_bytes", "", 3.4e6),
        sample(Engine, "postgres", "waiting", "Lock: transactionid", 3.0),
        sample(Engine, "postgres", "waiting", "IO: WALSync", (number % 2) as f64),
        sample(Engine, "sqlite:/var/tmp/bench.db", "log_file_bytes", "", 4.1e6),
    ]
}

/// A run in its seventh of twelve cases, twelve seconds into its load.
fn under_way() -> State {
    let mut state = State::new("run");
    state.tell(s(1), Told::Cases(12));
    state.tell(s(1), Told::Said("oltp/tpcb".to_owned()));
    let name = "oltp/tpcb".to_owned();
    state.tell(s(1), Told::Benchmark { name, cases: 12, repetitions: 3 });
    for number in 0..6 {
        let at = s(2 + 20 * number);
        state.tell(at, Told::CaseBegan(case("postgres", 4)));
        state.tell(at, Told::LoadBegan { stage: String::new(), length: Some(s(15)) });
        for second in 0..3 {
            state.tell(at, Told::Seconds(vec![self::second(second, false, 900, 20)]));
        }
        state.tell(at + s(20), Told::CaseOver);
    }
    let line = "  postgres  read-committed      4 clients      1,200 tx/s  p99  20.0 ms";
    state.tell(s(122), Told::Said(line.to_owned()));
    state.tell(s(122), Told::CaseBegan(case("postgres", 8)));
    state.tell(s(123), Told::LoadBegan { stage: String::new(), length: Some(s(20)) });
    for number in 0..12 {
        let completed = [1_210, 1_305, 1_188, 0, 1_240, 1_333][number as usize % 6];
        let told = Told::Seconds(vec![second(number, number < 2, completed, 8 + number)]);
        state.tell(s(124 + number), told);
        state.tell(s(124 + number), Told::Sampled(samples(number)));
    }
    let event = Event {
        class: "lock-timeout",
        code: "55P03".to_owned(),
        ..Event::now("error", "canceling statement due to lock timeout")
    };
    state.tell(s(128), Told::Happened(event));
    let alert = "  ! ALERT (fail): p99: load.p99 of postgres is 19.0 ms, > 10.0 ms for 3s";
    state.tell(s(131), Told::Said(alert.to_owned()));
    state
}

fn at(state: &State, width: u16, height: u16) -> String {
    let mut terminal =
        Terminal::new(TestBackend::new(width, height)).unwrap_or_else(|why| panic!("{why}"));
    let theme = Theme { has_colors: true };
    let drawn = terminal.draw(|frame| draw(frame, state, s(135), theme));
    drawn.unwrap_or_else(|why| panic!("{why}"));
    terminal.backend().to_string()
}

#[test]
fn a_run_on_screens_of_several_sizes() {
    let state = under_way();
    for (name, width, height) in [("80x24", 80, 24), ("120x40", 120, 40), ("40x10", 40, 10)] {
        insta::assert_snapshot!(format!("run_{name}"), at(&state, width, height));
    }
}

#[test]
fn each_panel_has_the_screen_for_itself() {
    let mut state = under_way();
    for view in [View::Load, View::Servers, View::Events] {
        state.view = view;
        insta::assert_snapshot!(format!("panel_{}", view.name()), at(&state, 80, 24));
    }
    state.shows_help = true;
    insta::assert_snapshot!("help", at(&state, 80, 24));
}

#[test]
fn what_was_asked_for_stands_at_the_top() {
    let mut state = under_way();
    let top =
        |state: &State| at(state, 80, 24).lines().next().map(str::to_owned).unwrap_or_default();
    state.asked = Asked { pause: true, end: false };
    assert!(top(&state).contains("pauses before the next load"), "{}", top(&state));
    state.tell(s(130), Told::Happened(Event::now("paused", "")));
    assert!(top(&state).contains("PAUSED for 00:05"), "{}", top(&state));
    state.asked.end = true;
    assert!(top(&state).contains("ENDING: what was measured is kept"), "{}", top(&state));
    state.asked = Asked::default();
    state.tell(s(131), Told::Happened(Event::now("continued", "")));
    assert!(!top(&state).contains("PAUSED"), "{}", top(&state));
}

#[test]
fn before_a_load_there_is_what_is_being_done() {
    let mut state = State::new("run");
    insta::assert_snapshot!("nothing_yet", at(&state, 80, 24));
    let progress = Arc::new(LoadProgress::default());
    progress.add(12_345);
    let table = "accounts".to_owned();
    state.tell(s(130), Told::Loading { table, rows: 100_000, progress });
    let shown = at(&state, 80, 24);
    assert!(shown.contains("loading accounts: 12,345 of 100,000 rows, 00:05"), "{shown}");
}

#[test]
fn a_monitor_shows_servers_first() {
    let mut state = State::new("monitor");
    for number in 0..60 {
        state.tell(s(number), Told::Sampled(samples(number)));
    }
    let silent = Told::Silent {
        target: "sqlite:/var/tmp/bench.db".to_owned(),
        why: "it did not answer within 1 s".to_owned(),
    };
    state.tell(s(60), silent);
    insta::assert_snapshot!("monitor_80x24", at(&state, 80, 24));
}

#[test]
fn no_screen_is_too_small() {
    let mut state = under_way();
    for view in state.views() {
        state.view = *view;
        for (width, height) in [(1, 1), (3, 2), (12, 4), (60, 3), (5, 60), (300, 100)] {
            at(&state, width, height);
        }
    }
}

#[test]
fn without_colours_there_are_none() {
    let mut terminal =
        Terminal::new(TestBackend::new(80, 24)).unwrap_or_else(|why| panic!("{why}"));
    let state = under_way();
    let mut colors = |has_colors| {
        let theme = Theme { has_colors };
        let drawn = terminal.draw(|frame| draw(frame, &state, s(135), theme));
        drawn.unwrap_or_else(|why| panic!("{why}"));
        let cells = terminal.backend().buffer().content().iter();
        cells.filter(|cell| cell.fg != ratatui::style::Color::Reset).count()
    };
    assert!(colors(true) > 0);
    assert_eq!(colors(false), 0);
}
