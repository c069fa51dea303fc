//! Synthetic series of known truth.

use std::time::Duration;

use dbdyno_core::load::{Clock, Places, UnderWay};
use dbdyno_core::measurement::Second;
use dbdyno_core::metrics::{MetricInfo, MetricKind, Reading, Sample};
use hdrhistogram::Histogram;

use super::super::derived::{Derived, worked_out_of};
use super::super::points::{Loads, of_samples};
use super::super::rule::{Baseline, DERIVED, LOAD_METRICS, Metric, Severity};
use super::*;
use crate::made_up::case;

static SESSIONS: MetricInfo = MetricInfo::gauge("connections", "1", "");
static LIMIT: MetricInfo = MetricInfo::gauge("connections_limit", "1", "");
static DEADLOCKS: MetricInfo = MetricInfo::counter("deadlocks", "1", "");
static WAITING: MetricInfo = MetricInfo::gauge("waiting", "1", "");

fn at(second: u64) -> Duration {
    Duration::from_secs(second)
}

fn sample(metric: &'static MetricInfo, of: &str, value: f64, per_second: Option<f64>) -> Sample {
    Sample {
        at: std::time::SystemTime::UNIX_EPOCH,
        taken: std::time::Instant::now(),
        source: Source::Engine,
        target: "here".to_owned(),
        reading: Reading { metric, of: of.to_owned(), value },
        per_second,
    }
}

fn engine(metric: &'static MetricInfo, condition: Condition, lasting: u64) -> Rule {
    rule(Subject::Sampled(Source::Engine), metric, condition, lasting)
}

fn rule(subject: Subject, info: &'static MetricInfo, condition: Condition, lasting: u64) -> Rule {
    Rule {
        name: "a rule".to_owned(),
        metric: Metric { subject, info },
        target: None,
        of: None,
        condition,
        lasting: at(lasting),
        severity: Severity::Warn,
        is_asked_for: true,
    }
}

fn beyond(op: Op, threshold: f64) -> Condition {
    Condition::Beyond { op, threshold, clear: None, rate: None, baseline: None }
}

fn judge(rule: Rule) -> Judge {
    let metrics = vec!["connections", "connections_limit", "deadlocks", "waiting"];
    Judge::new(vec![rule], vec![watched(metrics)], at(1))
}

fn watched(metrics: Vec<&'static str>) -> Watched {
    Watched { target: "here".to_owned(), metrics, has_process: false }
}

/// A moment with samples.
fn sampled(second: u64) -> Moment {
    Moment { now: at(second), is_sampled: true }
}

/// Loads that have been measured for so long.
fn running(cases: &[&Case], measured: u64) -> Vec<Running> {
    let running =
        |case: &&Case| Running { case: Arc::new((*case).clone()), measured: Some(at(measured)) };
    cases.iter().map(running).collect()
}

/// Samples that are taken seldom are no gap.
#[test]
fn a_rule_fires_however_seldom_samples_are_taken() {
    let rule = engine(&SESSIONS, beyond(Op::Above, 10.0), 30);
    let metrics = vec!["connections"];
    let mut judge = Judge::new(vec![rule], vec![watched(metrics)], at(20));
    let mut fired = Vec::new();
    for second in [0, 20, 40, 60] {
        let points = of_samples(at(second), &[sample(&SESSIONS, "", 11.0, None)]);
        let found = judge.judge(sampled(second), &points, &[]);
        fired.extend(found.iter().map(|finding| (second, finding.change)));
    }
    assert_eq!(fired, [(40, Change::Fired)]);
}

/// A server that a suite stops tells nothing any more, and is no trouble.
#[test]
fn what_fired_of_a_server_is_over_when_it_leaves() {
    let mut judge = judge(engine(&SESSIONS, beyond(Op::Above, 10.0), 0));
    let points = of_samples(at(0), &[sample(&SESSIONS, "", 11.0, None)]);
    assert_eq!(judge.judge(sampled(0), &points, &[]).len(), 1);
    assert!(judge.left("elsewhere").is_empty());
    let over: Vec<_> = judge.left("here").iter().map(|finding| finding.change).collect();
    assert_eq!(over, [Change::Resolved]);
    assert!(judge.left("here").is_empty());
}

/// What comes of values a second apart: the seconds in which something changed.
fn changes(rule: Rule, values: &[Option<f64>]) -> Vec<(u64, Change)> {
    let info = rule.metric.info;
    let mut judge = judge(rule);
    let mut last: Option<f64> = None;
    let mut changes = Vec::new();
    for (second, value) in (0..).zip(values) {
        let samples: Vec<Sample> = value
            .map(|value| {
                let grown = last.filter(|last| value >= *last).map(|last| value - last);
                let is_counter = info.kind == MetricKind::Counter;
                sample(info, "", value, grown.filter(|_| is_counter))
            })
            .into_iter()
            .collect();
        last = *value;
        let points = of_samples(at(second), &samples);
        let found = judge.judge(sampled(second), &points, &[]);
        changes.extend(found.into_iter().map(|finding| (second, finding.change)));
    }
    changes
}

fn some(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

#[test]
fn a_rule_fires_once_it_has_held_for_long_enough_and_is_over_once_it_does_not() {
    let values = some(&[9.0, 11.0, 11.0, 9.0, 11.0, 12.0, 13.0, 11.0, 11.0, 10.0, 11.0]);
    let found = changes(engine(&SESSIONS, beyond(Op::Above, 10.0), 3), &values);
    assert_eq!(found, [(7, Change::Fired), (9, Change::Resolved)]);
    // A threshold is not above itself, but it is at least that.
    let found = changes(engine(&SESSIONS, beyond(Op::AtLeast, 10.0), 0), &some(&[10.0, 9.9]));
    assert_eq!(found, [(0, Change::Fired), (1, Change::Resolved)]);
    let found = changes(engine(&SESSIONS, beyond(Op::Below, 5.0), 0), &some(&[5.0, 4.0, 6.0]));
    assert_eq!(found, [(1, Change::Fired), (2, Change::Resolved)]);
}

#[test]
fn one_that_has_fired_is_over_only_beyond_the_mark_of_its_own() {
    let condition = |clear| Condition::Beyond {
        op: Op::Above,
        threshold: 10.0,
        clear,
        rate: None,
        baseline: None,
    };
    let values = some(&[11.0, 9.0, 11.0, 9.0, 8.0, 7.9, 9.0]);
    let flapping = changes(engine(&SESSIONS, condition(None), 0), &values);
    assert_eq!(flapping.len(), 4);
    let steady = changes(engine(&SESSIONS, condition(Some(8.0)), 0), &values);
    assert_eq!(steady, [(0, Change::Fired), (4, Change::Resolved)]);
}

#[test]
fn a_counter_is_judged_by_how_much_it_grew_and_not_where_it_began_anew() {
    let values = some(&[100.0, 100.0, 101.0, 101.0, 0.0, 0.0]);
    let found = changes(engine(&DEADLOCKS, beyond(Op::Above, 0.0), 0), &values);
    assert_eq!(found, [(2, Change::Fired), (3, Change::Resolved)]);
}

#[test]
fn a_rate_is_taken_over_its_time() {
    let condition = |threshold, seconds| Condition::Beyond {
        op: Op::Above,
        threshold,
        clear: None,
        rate: Some(at(seconds)),
        baseline: None,
    };
    // Grows by two a second from the fifth on: over four seconds that is more than one at the eighth.
    let values = some(&[5.0, 5.0, 5.0, 5.0, 5.0, 7.0, 9.0, 11.0, 13.0, 13.0, 13.0, 13.0]);
    let found = changes(engine(&SESSIONS, condition(1.0, 4), 0), &values);
    assert_eq!(found, [(7, Change::Fired), (10, Change::Resolved)]);
    let spike = some(&[5.0, 9.0, 5.0, 5.0, 5.0, 5.0]);
    assert_eq!(changes(engine(&SESSIONS, condition(1.0, 4), 0), &spike), []);
    // A counter that begins anew did not shrink: nothing is known for so long.
    let values = some(&[100.0, 200.0, 300.0, 0.0, 0.0, 0.0, 0.0]);
    let found = changes(engine(&DEADLOCKS, condition(50.0, 2), 0), &values);
    assert_eq!(found, [(2, Change::Fired), (5, Change::Resolved)]);
}

#[test]
fn what_is_not_told_for_long_enough_is_absent_until_it_is_told_again() {
    let (there, gone) = (Some(1.0), None);
    let values = [there, gone, gone, there, gone, gone, gone, gone, there];
    let found = changes(engine(&SESSIONS, Condition::Absent, 3), &values);
    assert_eq!(found, [(7, Change::Fired), (8, Change::Resolved)]);
    // Nobody expects what the engine of the target does not know.
    static OTHER: MetricInfo = MetricInfo::gauge("history_length", "1", "");
    let mut judge = judge(engine(&OTHER, Condition::Absent, 0));
    assert!(judge.judge(sampled(9), &[], &[]).is_empty());
}

#[test]
fn a_target_that_is_silent_changes_nothing_and_a_long_silence_starts_the_time_anew() {
    let (high, silent) = (Some(11.0), None);
    let fired = [high, silent, silent, high, Some(1.0)];
    let found = changes(engine(&SESSIONS, beyond(Op::Above, 10.0), 2), &fired);
    assert_eq!(found, [(3, Change::Fired), (4, Change::Resolved)]);
    let mut long = vec![high];
    long.extend([silent; 7]);
    long.extend([high, high, high]);
    let found = changes(engine(&SESSIONS, beyond(Op::Above, 10.0), 2), &long);
    assert_eq!(found, [(10, Change::Fired)]);
}

#[test]
fn each_of_several_is_judged_by_itself_and_over_once_it_is_no_more() {
    let mut judge = judge(engine(&WAITING, beyond(Op::AtLeast, 2.0), 0));
    let mut told = |second, waits: &[(&str, f64)]| {
        let mut samples = vec![sample(&SESSIONS, "", 5.0, None)];
        samples.extend(waits.iter().map(|(of, value)| sample(&WAITING, of, *value, None)));
        let found = judge.judge(sampled(second), &of_samples(at(second), &samples), &[]);
        found.into_iter().map(|finding| (finding.of, finding.change)).collect::<Vec<_>>()
    };
    assert_eq!(told(0, &[("Lock", 2.0), ("IO", 1.0)]), [("Lock".to_owned(), Change::Fired)]);
    assert_eq!(told(1, &[("Lock", 2.0), ("IO", 3.0)]), [("IO".to_owned(), Change::Fired)]);
    assert_eq!(told(2, &[("IO", 3.0)]), [("Lock".to_owned(), Change::Resolved)]);
    assert_eq!(told(3, &[]), [("IO".to_owned(), Change::Resolved)]);
}

#[test]
fn a_share_is_worked_out_of_what_belongs_together() {
    let samples = [sample(&SESSIONS, "", 95.0, None), sample(&LIMIT, "", 100.0, None)];
    let worked_out = |derived: &mut Derived, second, samples: &[Sample]| {
        let mut points = of_samples(at(second), samples);
        derived.extend(at(second), &mut points);
        points
    };
    let mut derived = Derived::default();
    let points = worked_out(&mut derived, 0, &samples);
    let ratio = points.iter().find(|point| point.metric == "connections_ratio").unwrap();
    assert_eq!((ratio.value, ratio.target.as_str()), (Some(0.95), "here"));
    // Nothing was asked of the cache: there is no share.
    static HITS: MetricInfo = MetricInfo::counter("cache_hits", "1", "");
    static MISSES: MetricInfo = MetricInfo::counter("cache_misses", "1", "");
    let idle = [sample(&HITS, "", 5.0, Some(0.0)), sample(&MISSES, "", 5.0, Some(0.0))];
    for second in [1, 2] {
        let points = worked_out(&mut derived, second, &idle);
        let ratio = points.iter().find(|point| point.metric == "cache_hit_ratio").unwrap();
        assert_eq!((ratio.value, ratio.is_absent), (None, true));
    }
}

/// Statements take longer than the time between samples: most of those tell of nothing new.
#[test]
fn a_share_of_what_is_asked_for_seldom_is_judged_all_the_same() {
    static HITS: MetricInfo = MetricInfo::counter("cache_hits", "1", "");
    static MISSES: MetricInfo = MetricInfo::counter("cache_misses", "1", "");
    let ratio = DERIVED.iter().find(|(_, info)| info.name == "cache_hit_ratio").unwrap();
    let changes = |every: u64| {
        let mut judge = judge(engine(&ratio.1, beyond(Op::Below, 0.9), 10));
        let (mut derived, mut changes) = (Derived::default(), Vec::new());
        for second in 0..30 {
            let misses = (second / every) as f64;
            let told = [sample(&HITS, "", 1.0, None), sample(&MISSES, "", misses, None)];
            let mut points = of_samples(at(second), &told);
            derived.extend(at(second), &mut points);
            let found = judge.judge(sampled(second), &points, &[]);
            changes.extend(found.into_iter().map(|finding| (second, finding.change)));
        }
        changes
    };
    assert_eq!(changes(1), [(11, Change::Fired)]);
    assert_eq!(changes(3), [(15, Change::Fired)]);
    assert_eq!(changes(7), [(21, Change::Fired)]);
    // Whoever asks once in a quarter of a minute is not judged by how he is found ten seconds later.
    assert_eq!(changes(13), []);
}

/// Nothing is asked for longer than a share is taken over, and then again.
#[test]
fn a_share_of_nothing_neither_fires_nor_is_over() {
    static HITS: MetricInfo = MetricInfo::counter("cache_hits", "1", "");
    static MISSES: MetricInfo = MetricInfo::counter("cache_misses", "1", "");
    let ratio = DERIVED.iter().find(|(_, info)| info.name == "cache_hit_ratio").unwrap();
    let changes = |lasting, hits_again: f64| {
        let mut judge = judge(engine(&ratio.1, beyond(Op::Below, 0.9), lasting));
        let (mut derived, mut changes) = (Derived::default(), Vec::new());
        for second in 0_u64..60 {
            // Misses alone for five seconds, nothing for half a minute, and misses or hits again.
            let misses = second.min(4) as f64 + second.saturating_sub(34) as f64;
            let hits = second.saturating_sub(34) as f64 * hits_again;
            let told = [sample(&HITS, "", hits, None), sample(&MISSES, "", misses, None)];
            let mut points = of_samples(at(second), &told);
            derived.extend(at(second), &mut points);
            let found = judge.judge(sampled(second), &points, &[]);
            changes.extend(found.into_iter().map(|finding| (second, finding.change)));
        }
        changes
    };
    assert_eq!(changes(3, 0.0), [(4, Change::Fired)]);
    assert_eq!(changes(3, 99.0), [(4, Change::Fired), (35, Change::Resolved)]);
    // What does not hold for long enough on either side does not hold across what is between.
    assert_eq!(changes(15, 0.0), [(50, Change::Fired)]);
    assert_eq!(changes(15, 99.0), []);
}

fn second(number: u64, warmup: bool, completed: u64, errors: u64, ms: u64) -> Second {
    let mut response_ns = Histogram::new(3).unwrap();
    response_ns.record_n(ms * 1_000_000, completed).unwrap();
    let transaction = "pay".into();
    Second { second: number, warmup, transaction, completed, errors, retries: 0, response_ns }
}

fn load(name: &str) -> &'static MetricInfo {
    LOAD_METRICS.iter().find(|info| info.name == name).unwrap()
}

#[test]
fn a_load_is_judged_by_whole_seconds_of_its_measured_part() {
    let (case, mut loads) = (case(), Loads::default());
    let mut values = |seconds: &[Second]| {
        let points = loads.second(at(0), &case, seconds);
        let of = |metric: &str| points.iter().find(|point| point.metric == metric)?.value;
        (of("throughput"), of("errors"))
    };
    assert_eq!(values(&[second(0, true, 100, 0, 1)]), (None, None));
    assert_eq!(
        values(&[second(1, true, 50, 0, 1), second(1, false, 30, 10, 1)]),
        (None, Some(0.25))
    );
    assert_eq!(values(&[second(2, false, 100, 0, 1)]), (None, Some(0.0)));
    assert_eq!(values(&[second(3, false, 0, 0, 1)]), (Some(100.0), None));
    assert_eq!(values(&[second(4, false, 90, 0, 1)]), (Some(0.0), Some(0.0)));
    // The fourth second of this load was cut short by its end: another one follows.
    assert_eq!(values(&[second(0, false, 80, 0, 1)]), (None, Some(0.0)));
}

#[test]
fn nothing_is_judged_of_a_load_that_waits_for_its_last_transactions() {
    let (case, mut loads) = (case(), Loads::default());
    let places = Arc::new(Places::new(1, (0, 2_500_000_000)));
    loads.began(&case, &Arc::new(UnderWay::new(Arc::clone(&places), Clock::start(), &["pay"])));
    let mut told = |number, completed, errors| {
        let points =
            loads.second(at(number), &case, &[second(number, false, completed, errors, 1)]);
        let values = points.iter().map(|point| (point.metric, point.value.unwrap()));
        values.filter(|(metric, _)| ["throughput", "errors"].contains(metric)).collect::<Vec<_>>()
    };
    assert_eq!(told(0, 100, 0), [("errors", 0.0)]);
    assert_eq!(told(1, 90, 0), [("throughput", 100.0), ("errors", 0.0)]);
    // In its midst the load ends: two transactions are left, of which one fails.
    assert_eq!(told(2, 40, 0), [("throughput", 90.0), ("errors", 0.0)]);
    assert_eq!([told(3, 1, 0), told(4, 0, 1)], [[], []]);
    // How old they are is looked at as long as they are there, and what they do not tell is not absent.
    places.set(0, Some(0));
    places.end_at(0);
    assert_eq!(loads.now(at(5)).len(), 1);
    assert_eq!(loads.running()[0].measured, None);
}

#[test]
fn a_load_is_held_against_its_own_case_of_the_baseline() {
    let case = case();
    let baseline: Baseline = [(("here".to_owned(), comparable_name(&case)), 0.010)].into();
    let condition = Condition::Beyond {
        op: Op::Above,
        threshold: 1.5,
        clear: None,
        rate: None,
        baseline: Some(baseline),
    };
    let mut judge = judge(rule(Subject::Load, load("p99"), condition, 0));
    let mut loads = Loads::default();
    let mut told = |number, case: &Case, ms| {
        let points = loads.second(at(number), case, &[second(number, false, 10, 0, ms)]);
        let found = judge.judge(sampled(number), &points, &loads.running());
        found.into_iter().map(|found| (found.change, found.threshold)).collect::<Vec<_>>()
    };
    assert_eq!(told(0, &case, 14), []);
    let found = told(1, &case, 16);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, Change::Fired);
    assert!((found[0].1.unwrap() - 0.015).abs() < 1e-9);
    let other = Case { clients: 9, ..case.clone() };
    assert_eq!(told(2, &other, 900), [(Change::Resolved, None), (Change::NotJudged, None)]);
    assert_eq!(told(3, &other, 900), []);
    let larger = Case { scale: "2".parse().unwrap(), ..case.clone() };
    assert_eq!(told(4, &larger, 900), [(Change::NotJudged, None)]);
    let through = Case { driver: "sqlx".to_owned(), ..case.clone() };
    assert_eq!(told(5, &through, 900), [(Change::NotJudged, None)]);
}

#[test]
fn a_load_that_is_over_has_nothing_left_to_fire_of() {
    let case = case();
    let mut judge = judge(rule(Subject::Load, load("p99"), beyond(Op::Above, 0.01), 0));
    let mut loads = Loads::default();
    let points = loads.second(at(0), &case, &[second(0, false, 10, 0, 50)]);
    let runs = running(&[&case], 1);
    assert_eq!(judge.judge(sampled(0), &points, &runs)[0].change, Change::Fired);
    // Seconds come late, and nothing is said of that.
    assert!(judge.judge(sampled(1), &[], &runs).is_empty());
    let found = judge.judge(sampled(2), &[], &[]);
    assert_eq!(found[0].change, Change::Resolved);
    assert_eq!(found[0].case.as_deref(), Some(&case));
}

#[test]
fn what_one_case_fired_is_over_before_the_next_and_its_time_does_not_count_for_it() {
    let one = case();
    let other = Case { clients: 9, ..one.clone() };
    let mut judge = judge(rule(Subject::Load, load("p99"), beyond(Op::Above, 0.01), 2));
    let mut loads = Loads::default();
    let mut told = |number, case: &Case| {
        let points = loads.second(at(number), case, &[second(number, false, 10, 0, 50)]);
        let found = judge.judge(sampled(number), &points, &loads.running());
        found
            .into_iter()
            .map(|found| (found.change, found.case.unwrap().clients))
            .collect::<Vec<_>>()
    };
    assert_eq!([told(0, &one), told(1, &one)], [[], []]);
    assert_eq!(told(2, &one), [(Change::Fired, one.clients)]);
    // The next case's load begins within the same second.
    assert_eq!(told(3, &other), [(Change::Resolved, one.clients)]);
    assert_eq!(told(4, &other), []);
    assert_eq!(told(5, &other), [(Change::Fired, other.clients)]);
}

/// Transactions take longer than any gap between samples may be.
#[test]
fn a_load_is_judged_however_seldom_its_transactions_end() {
    let case = case();
    let mut judge = judge(rule(Subject::Load, load("p99"), beyond(Op::Above, 1.0), 3));
    let mut loads = Loads::default();
    let mut changes = Vec::new();
    for number in 0..20 {
        let ended = u64::from(number % 8 == 7);
        let points = loads.second(at(number), &case, &[second(number, false, ended, 0, 8_000)]);
        let found = judge.judge(sampled(number), &points, &loads.running());
        changes.extend(found.into_iter().map(|finding| (number, finding.change)));
    }
    assert_eq!(changes, [(15, Change::Fired)]);
}

fn judge_of_absence(lasting: u64) -> Judge {
    judge(rule(Subject::Load, load("p99"), Condition::Absent, lasting))
}

#[test]
fn a_load_is_given_time_to_tell_and_is_not_expected_to_before_it_is_measured_or_after() {
    let case = case();
    let mut loads = Loads::default();
    let points = loads.second(at(10), &case, &[second(0, false, 10, 0, 50)]);
    for (lasting, fires) in [(0, 13), (5, 15)] {
        let mut judge = judge_of_absence(lasting);
        let warm = [Running { case: Arc::new(case.clone()), measured: None }];
        assert!((0..10).all(|second| judge.judge(sampled(second), &[], &warm).is_empty()));
        assert!(judge.judge(sampled(10), &points, &running(&[&case], 1)).is_empty());
        let mut fired = Vec::new();
        for second in 11..20 {
            let found = judge.judge(sampled(second), &[], &running(&[&case], second - 9));
            fired.extend(found.iter().map(|finding| (second, finding.change)));
        }
        assert_eq!(fired, [(fires, Change::Fired)]);
        // The load is over, and with it the alert.
        let found = judge.judge(sampled(20), &[], &[]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].change, found[0].value), (Change::Resolved, None));
        assert_eq!(found[0].case.as_deref(), Some(&case));
        assert!(judge.judge(sampled(21), &[], &[]).is_empty());
    }
    // One that never told anything is absent from when it could have.
    let mut judge = judge_of_absence(0);
    let quiet = |judge: &mut Judge, second| {
        judge.judge(sampled(second), &[], &running(&[&case], second)).is_empty()
    };
    assert_eq!([0, 1, 2, 3].map(|second| quiet(&mut judge, second)), [true, true, true, false]);
}

#[test]
fn nothing_is_absent_where_nobody_looked_or_nobody_could_tell() {
    let absent = |subject, info| rule(subject, info, Condition::Absent, 0);
    let mut of_engine = judge(absent(Subject::Sampled(Source::Engine), &SESSIONS));
    let end = Moment { now: at(1), is_sampled: false };
    assert!(of_engine.judge(end, &[], &[]).is_empty());
    assert_eq!(of_engine.judge(sampled(1), &[], &[]).len(), 1);
    // The processes of somebody else's server are not told of.
    let memory = &crate::PROCESS_CATALOGUE[0];
    let of_server = absent(Subject::Sampled(Source::Server), memory);
    assert!(judge(of_server.clone()).judge(sampled(0), &[], &[]).is_empty());
    let own = Watched { has_process: true, ..watched(Vec::new()) };
    let mut judge = Judge::new(vec![of_server], vec![own], at(1));
    assert_eq!(judge.judge(sampled(0), &[], &[]).len(), 1);
}

#[test]
fn what_is_worked_out_is_absent_too() {
    let known = ["cache_hits", "connections", "connections_limit"];
    assert_eq!(worked_out_of(&known), ["connections_ratio"]);
    let ratio = DERIVED.iter().find(|(_, info)| info.name == "connections_ratio").unwrap();
    let rule = engine(&ratio.1, Condition::Absent, 0);
    let mut judge = Judge::new(vec![rule], vec![watched(vec!["connections_ratio"])], at(1));
    let there = [sample(&SESSIONS, "", 1.0, None), sample(&LIMIT, "", 2.0, None)];
    let mut derived = Derived::default();
    let mut points = of_samples(at(0), &there);
    derived.extend(at(0), &mut points);
    assert!(judge.judge(sampled(0), &points, &[]).is_empty());
    let mut points = of_samples(at(1), &there[..1]);
    derived.extend(at(1), &mut points);
    assert_eq!(judge.judge(sampled(1), &points, &[]).len(), 1);
}
