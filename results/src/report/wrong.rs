//! What was wrong in runs: what failed, and what did not go as it was meant to though nothing failed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use dbdyno_core::{Case, Status};

use super::events::{ALERT, Happened, KILLED, OUTAGE, PART_FAILED, RESTARTED};
use crate::bottleneck::{client_bottlenecks, is_verdict};
use crate::load::Loaded;
use crate::machine::Machine;
use crate::markup::plain;
use crate::metric::{DEFAULT_METRICS, LOST_COMMITS};
use crate::number;
use crate::pool_view::makes_trouble;
use crate::record::Record;
use crate::repetition::{CaseKey, Repetition, by_case_of_run, case_key, named, repetitions};
use crate::run_info::{RunInfo, TargetInfo};
use crate::shortfall::Shortfalls;
use crate::statistics::half_range_percent;

/// How much of each kind is told on the first screen.
const TOLD: usize = 12;
/// How many cases whose client was the bottleneck are named there, and parts of each.
const CLIENTS_TOLD: usize = 3;
/// Half the range of throughput above which repetitions are said to be uneven, in percent of their median.
const UNEVEN_PERCENT: f64 = 50.0;
/// How many such cases are named.
const UNEVEN_TOLD: usize = 3;

/// What was wrong, in Markdown: `lacking` is what runs lack, `happened` has what happened in each file of `loaded`, and
/// `unread` what could not be read beside them.
pub(super) fn verdict(
    loaded: &Loaded,
    lacking: &Shortfalls,
    happened: &[Vec<Happened>],
    unread: &[String],
) -> String {
    let all = repetitions(&loaded.records);
    let failed: BTreeSet<String> = all.iter().filter_map(failure).collect();
    let alerts = alerts(happened);
    let troubles: Vec<String> = [
        failed_runs(loaded, !failed.is_empty() || !alerts.is_empty()),
        lacking.of_runs.clone(),
        alerts,
        servers(happened),
        errors(&all, happened),
        Vec::from_iter(client_bottlenecks(&loaded.records, CLIENTS_TOLD)),
        lacking.gaps.clone(),
    ]
    .concat();
    let mut out = headline(&loaded.records, &all, !troubles.is_empty());
    let to_know = [
        Vec::from_iter(unsupported(&all)),
        lost(&loaded.records),
        Vec::from_iter(uneven(&all)),
        Vec::from_iter(unjudged_clients(loaded, &all)),
        Vec::from_iter(machines(loaded)),
    ]
    .concat();
    for told in [Vec::from_iter(failed), troubles, to_know] {
        for line in told.iter().take(TOLD) {
            out += &format!("- {}\n", plain(line));
        }
        if told.len() > TOLD {
            out += &format!("- and {} more\n", told.len() - TOLD);
        }
    }
    for warning in loaded.warnings.iter().chain(unread) {
        out += &format!("\n> {}\n", plain(warning));
    }
    out
}

/// How many measurements failed, and how many checks did not hold.
fn headline(records: &[Record], all: &[Repetition<'_>], has_troubles: bool) -> String {
    let checks = records.iter().filter(|row| row.is_check() && row.status != Status::Unsupported);
    let (checks, broken) = checks
        .fold((0_u64, 0_u64), |(all, broken), row| (all + 1, broken + u64::from(row.is_failed())));
    let failed = all.iter().filter(|one| one.failure().is_some()).count();
    let unsupported: Vec<_> = all.iter().filter(|one| one.is_unsupported()).collect();
    let interrupted =
        all.iter().filter(|one| one.all().any(|row| row.status == Status::Interrupted)).count();
    let measured = match all.len() - unsupported.len() {
        1 => "1 measurement".to_owned(),
        count => format!("{} measurements", number::count(count as u64)),
    };
    let held = match checks {
        0 => "no answer was checked".to_owned(),
        1 => "the one check of an answer held".to_owned(),
        count => format!("all {} checks of answers held", number::count(count)),
    };
    let mut out = match (failed, has_troubles) {
        (0, false) => format!("**Nothing failed**: {measured}, {held}"),
        (0, true) => {
            format!("**No measurement failed, but not all went well**: {measured}, {held}")
        }
        _ => format!(
            "**{failed} of {measured} failed**; {} of {} checks of answers did not hold",
            number::count(broken),
            number::count(checks)
        ),
    };
    if interrupted > 0 {
        out += &format!(", {interrupted} were interrupted");
    }
    let cases: HashSet<CaseKey<'_>> =
        unsupported.iter().filter_map(|one| one.case()).map(case_key).collect();
    match cases.len() {
        0 => {}
        1 => out += ", 1 case is unsupported by its engine",
        cases => out += &format!(", {cases} cases are unsupported by their engines"),
    }
    out + ".\n"
}

/// What engines cannot do, a line for all: the benchmarks by target, and those of which they cannot do a part.
fn unsupported(all: &[Repetition<'_>]) -> Option<String> {
    let mut wholes: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut parts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let measured: HashSet<(&str, &str, &str)> = all
        .iter()
        .filter(|one| !one.is_unsupported())
        .filter_map(Repetition::case)
        .map(|case| (&*case.target, &*case.suite, &*case.benchmark))
        .collect();
    for repetition in all {
        let Some(case) = repetition.case() else { continue };
        let benchmark = format!("{}/{}", case.suite, case.benchmark);
        if repetition.is_unsupported() {
            // At other levels it can.
            let at = match measured.contains(&(&*case.target, &*case.suite, &*case.benchmark)) {
                true => format!(" at {}", case.isolation),
                false => String::new(),
            };
            wholes.entry(&case.target).or_default().insert(format!("{benchmark}{at}"));
        } else if repetition.all().any(|row| row.status == Status::Unsupported) {
            parts.entry(benchmark).or_default().insert(case.target.clone());
        }
    }
    let told = wholes.iter().map(|(target, names)| format!("on {target} {}", listed(names)));
    let in_part =
        parts.iter().map(|(benchmark, on)| format!("parts of {benchmark} on {}", listed(on)));
    let told: Vec<String> = told.chain(in_part).collect();
    (!told.is_empty()).then(|| format!("unsupported: {}", told.join("; ")))
}

/// Some names, and how many more there are.
fn listed(names: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = names.iter().take(TOLD).map(String::as_str).collect();
    let more = match names.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", shown.join(", "))
}

/// Commits that were acknowledged and lost though no promise was broken.
fn lost(records: &[Record]) -> Vec<String> {
    let mut lost: BTreeMap<(String, &str, &str), f64> = BTreeMap::new();
    let is_lost = |row: &&Record| {
        row.metric == *LOST_COMMITS
            && row.status == Status::Ok
            && row.value.is_some_and(|count| count > 0.0)
    };
    for row in records.iter().filter(is_lost) {
        let of = (row.benchmark(), &*row.case.target, &*row.transaction);
        *lost.entry(of).or_default() += row.value.unwrap_or_default();
    }
    let told = lost.into_iter().map(|((benchmark, target, part), count)| {
        let by = if part.is_empty() { String::new() } else { format!(" ({part})") };
        let (commits, are) = if count == 1.0 { ("commit was", "is") } else { ("commits were", "are") };
        let count = number::value(count, "1");
        format!("{benchmark} on {target}{by}: {count} acknowledged {commits} lost, which {are} not promised to last")
    });
    told.collect()
}

/// Cases whose throughput differs a lot between repetitions of one run, the most uneven first.
fn uneven(all: &[Repetition<'_>]) -> Option<String> {
    let measured = all.iter().filter(|one| one.is_good());
    let cases = by_case_of_run(measured);
    let spreads = cases.iter().filter_map(|of_case| {
        let case = of_case.first()?.case().filter(|case| !makes_trouble(case))?;
        let throughput = of_case.iter().filter_map(|one| one.value("", DEFAULT_METRICS[0]));
        Some((case, half_range_percent(&throughput.collect::<Vec<_>>())?))
    });
    let mut uneven: Vec<(&Case, f64)> =
        spreads.filter(|(_, percent)| *percent > UNEVEN_PERCENT).collect();
    uneven.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let told = uneven.iter().take(UNEVEN_TOLD);
    let mut told: Vec<String> = told
        .map(|(case, percent)| format!("{} ({})", named(case), number::spread(*percent)))
        .collect();
    let more = uneven.len().saturating_sub(told.len());
    told.extend((more > 0).then(|| format!("{more} more")));
    (!told.is_empty()).then(|| {
        format!("throughput varied by more than half between repetitions of {}", told.join("; "))
    })
}

/// Of how many loads on servers it is not known whether the client was what was measured; `None` where it is of all.
fn unjudged_clients(loaded: &Loaded, all: &[Repetition<'_>]) -> Option<String> {
    let targets = loaded.runs().flat_map(|run| &run.targets);
    let servers = targets.filter(|target| !is_embedded(target)).map(|target| &*target.target);
    let servers: HashSet<&str> = servers.collect();
    let is_on_server = |one: &&Repetition<'_>| {
        one.value("", DEFAULT_METRICS[0]).is_some()
            && one.case().is_some_and(|case| servers.contains(case.target.as_str()))
    };
    let loads: Vec<_> = all.iter().filter(is_on_server).collect();
    let judged = loads.iter().filter(|one| one.all().any(is_verdict)).count();
    let count = |number: usize| number::count(number as u64);
    (judged < loads.len()).then(|| {
        format!(
            "whether the client was the bottleneck is known of {} of {} loads on servers",
            count(judged),
            count(loads.len())
        )
    })
}

/// Whether there is no server: the engine runs in the client's process.
fn is_embedded(target: &TargetInfo) -> bool {
    target.server.starts_with("embedded")
}

/// What it was measured on: the machines, and where the engines ran.
fn machines(loaded: &Loaded) -> Option<String> {
    let machine = |run: &RunInfo| {
        let Machine { cpu, cores, .. } = &run.machine;
        let cpu = if cpu.is_empty() { String::new() } else { format!(" of {cpu}") };
        (*cores > 0).then(|| format!("{cores} processors{cpu}"))
    };
    let machines: BTreeSet<String> = loaded.runs().filter_map(machine).collect();
    let machines: Vec<String> = machines.into_iter().collect();
    let mut places: Vec<(&str, Vec<String>)> = Vec::new();
    for target in loaded.runs().flat_map(|run| &run.targets) {
        let place = match target.server.as_str() {
            _ if is_embedded(target) => "in the client's process ",
            "throwaway" => "beside the client ",
            _ => "at a URL ",
        };
        let name = format!("{} {}", target.target, target.engine_version);
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => places.push((place, vec![name])),
        }
    }
    let places: Vec<String> =
        places.iter().map(|(place, names)| format!("{place}{}", names.join(", "))).collect();
    let on = if machines.is_empty() {
        String::new()
    } else {
        format!("on {}: ", machines.join(" and "))
    };
    (!places.is_empty()).then(|| format!("measured {on}{}", places.join("; ")))
}

fn failure(repetition: &Repetition<'_>) -> Option<String> {
    let why = repetition.failure()?;
    Some(format!("{}: {why}", named(repetition.case()?)))
}

/// Runs that failed where nothing else that is told says why.
fn failed_runs(loaded: &Loaded, is_explained: bool) -> Vec<String> {
    let failed =
        loaded.runs().filter(|run| !is_explained && run.outcome.as_deref() == Some("failed"));
    failed.map(|run| format!("the run {} ended as failed", run.run_id)).collect()
}

/// Rules that fired, and how often.
fn alerts(happened: &[Vec<Happened>]) -> Vec<String> {
    let mut fired: BTreeMap<(&str, &str), (usize, &str)> = BTreeMap::new();
    for event in happened.iter().flatten().filter(|event| event.kind == ALERT) {
        fired.entry((&event.class, &event.code)).or_insert((0, &event.detail)).0 += 1;
    }
    let told = fired.into_iter().map(|((severity, rule), (count, first))| {
        format!("alert {rule} ({severity}) fired {}: {first}", times(count))
    });
    told.collect()
}

/// Servers that died, and connections that were lost, though no benchmark saw to it; parts of cases that could not be
/// carried out.
fn servers(happened: &[Vec<Happened>]) -> Vec<String> {
    let mut found: BTreeMap<(&str, &str), (usize, &str)> = BTreeMap::new();
    for events in happened {
        let killed = killed(events);
        for event in events {
            let what = match event.kind.as_str() {
                RESTARTED => "the server died by itself",
                OUTAGE => "connections were lost",
                PART_FAILED => "a part could not be carried out",
                _ => continue,
            };
            if event.kind == PART_FAILED || !killed.contains(event.case.as_str()) {
                let found = found.entry((&event.subject, what)).or_insert((0, &event.detail));
                found.0 += 1;
            }
        }
    }
    let told = found.into_iter().map(|((subject, what), (count, first))| {
        format!("{subject}: {what}, {}: {first}", times(count))
    });
    told.collect()
}

/// The cases, by their keys among events, whose server a benchmark killed.
fn killed(events: &[Happened]) -> HashSet<&str> {
    let killed = events.iter().filter(|event| event.kind == KILLED);
    killed.map(|event| event.case.as_str()).collect()
}

/// Cases in which transactions failed for good, but for those that are made to bring that about.
fn errors(all: &[Repetition<'_>], happened: &[Vec<Happened>]) -> Vec<String> {
    let killed: HashSet<&str> = happened.iter().flat_map(|events| killed(events)).collect();
    let mut cases: Vec<(&Case, Failed)> = Vec::new();
    let mut places: HashMap<CaseKey<'_>, usize> = HashMap::new();
    for repetition in all {
        let Some(case) = repetition.case() else { continue };
        if makes_trouble(case) || killed.contains(super::charts::key(case).as_str()) {
            continue;
        }
        let place = *places.entry(case_key(case)).or_insert(cases.len());
        if place == cases.len() {
            cases.push((case, Failed::default()));
        }
        cases[place].1.add(repetition);
    }
    let mut cases: Vec<_> = cases.into_iter().filter(|(_, failed)| failed.errors > 0.0).collect();
    cases.sort_by(|(_, one), (_, other)| other.share().total_cmp(&one.share()));
    cases.into_iter().map(|(case, failed)| format!("{}: {}", named(case), failed.told())).collect()
}

/// The transactions of a case that failed for good.
#[derive(Default)]
struct Failed {
    errors: f64,
    ended_well: f64,
    repetitions: usize,
    with_errors: usize,
}

impl Failed {
    fn add(&mut self, repetition: &Repetition<'_>) {
        let errors = total(repetition, "errors");
        self.errors += errors;
        self.ended_well += total(repetition, "transactions") + total(repetition, "rollbacks");
        self.repetitions += 1;
        self.with_errors += usize::from(errors > 0.0);
    }

    fn share(&self) -> f64 {
        self.errors / (self.errors + self.ended_well)
    }

    fn told(&self) -> String {
        let count = |number: f64| number::value(number, "1");
        let of_all = match self.ended_well > 0.0 {
            true => format!(
                " of {} ({} %)",
                count(self.errors + self.ended_well),
                number::sensible(100.0 * self.share())
            ),
            false => String::new(),
        };
        let Self { with_errors, repetitions, .. } = self;
        let errors = count(self.errors);
        format!(
            "{errors}{of_all} transactions failed, in {with_errors} of {repetitions} repetitions"
        )
    }
}

/// A count of the whole case, or of all its parts where there is no row of the whole.
fn total(repetition: &Repetition<'_>, metric: &str) -> f64 {
    let rows = || repetition.all().filter(|row| row.metric == *metric);
    match rows().find(|row| row.transaction.is_empty()) {
        Some(whole) => whole.value.unwrap_or_default(),
        None => rows().filter_map(|row| row.value).sum(),
    }
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}
