use std::collections::{HashMap, HashSet};

use dbdyno_core::Scale;
use dbdyno_core::random::Zipfian;

use super::rows::BY_END_OF_HOUR;
use super::sites::class;
use super::{FIRST_DAY, HITS_PER_DAY, Hit, SITES, USERS, Wide, counter_id, for_each_hit, user_id};
use crate::testing::{Printer, lines};

/// Five days.
const SCALE: Scale = Scale::hundredths(5);
const HITS: f64 = 50_000.0;

fn hits(seed: u64) -> Vec<Hit> {
    let mut hits = Vec::new();
    for_each_hit(SCALE, seed, |hit| hits.push(hit.clone()));
    hits
}

/// Whether so many hits are what a share of them should be, six standard deviations allowed.
fn assert_share(what: &str, found: usize, share: f64) {
    let (expected, deviation) = (HITS * share, (HITS * share * (1.0 - share)).sqrt());
    let off = (found as f64 - expected).abs();
    assert!(off < 6.0 * deviation, "{what}: {found} of {HITS}, {expected:.0} expected");
}

fn assert_one_in(what: &str, hits: &[Hit], share: f64, is: impl Fn(&Hit) -> bool) {
    assert_share(what, hits.iter().filter(|hit| is(hit)).count(), share);
}

#[test]
fn whoever_works_out_answers_sees_the_rows_that_are_loaded() {
    let mut printer = Printer::default();
    let mut seen = Vec::new();
    for_each_hit(Scale::hundredths(1), 3, |hit| {
        hit.write(&mut printer);
        seen.push(printer.take());
    });
    assert_eq!(seen, lines(&Wide, "hits", Scale::hundredths(1), 3, 0, 1, usize::MAX));
}

#[test]
fn numbers_of_users_and_sites_are_all_different() {
    let counters: HashSet<i64> = (0..SITES).map(counter_id).collect();
    assert_eq!(counters.len() as u64, SITES);
    assert!(counters.iter().all(|counter| (1..=SITES.cast_signed()).contains(counter)));
    let users: HashSet<i64> = (0..USERS).map(user_id).collect();
    assert_eq!(users.len() as u64, USERS);
    assert!(users.iter().all(|user| (0..1 << 50).contains(user)));
}

#[test]
fn popular_users_and_sites_come_as_often_as_the_law_says() {
    let hits = hits(11);
    let (users, sites) = (Zipfian::new(USERS), Zipfian::new(SITES));
    for rank in 0..2 {
        assert_one_in("user", &hits, users.probability(rank), |hit| hit.user_id == user_id(rank));
        let site = |hit: &Hit| hit.counter_id == counter_id(rank);
        assert_one_in("site", &hits, sites.probability(rank), site);
    }
    // Of a site with 100,000 pages, the first page.
    let of_first = hits.iter().filter(|hit| hit.counter_id == counter_id(0));
    let (home, all) = of_first.fold((0.0, 0.0), |(home, all), hit| {
        (home + f64::from(u8::from(hit.url_category == 0)), all + 1.0)
    });
    let share = Zipfian::new(100_000).probability(0);
    assert!((home / all - share).abs() < 6.0 * (share / all).sqrt(), "{home} of {all}");
    // Many are seen once, too: no column is a handful of values.
    let mut seen = HashMap::new();
    hits.iter().for_each(|hit| *seen.entry(hit.user_id).or_insert(0u32) += 1);
    assert!(seen.values().filter(|views| **views == 1).count() > 10_000);
}

#[test]
fn what_is_mostly_empty_is() {
    let hits = hits(12);
    assert_one_in("phrase", &hits, 0.13, |hit| !hit.search_phrase.is_empty());
    assert_one_in("search", &hits, 0.14, |hit| hit.search_engine > 0);
    assert_one_in("ad", &hits, 0.03, |hit| hit.ad_engine > 0 && !hit.campaign.is_empty());
    assert_one_in("network", &hits, 0.04, |hit| !hit.social_network.is_empty());
    assert_one_in("referer", &hits, 0.66, |hit| !hit.referer.is_empty());
    assert_one_in("order", &hits, 0.008, |hit| hit.order_total.is_some());
    assert_one_in("refresh", &hits, 1.0 / 12.0, |hit| hit.is_refresh == 1);
    assert_one_in("download", &hits, 0.005, |hit| hit.is_download == 1);
    assert_one_in("missing page", &hits, 0.017, |hit| hit.http_status == 404);
    assert_one_in("no look-up", &hits, 0.7, |hit| hit.dns_ms == 0);
    for hit in &hits {
        assert_eq!(hit.order_total.is_some(), !hit.currency.is_empty());
        assert_eq!(hit.is_mobile == 0, hit.phone_brand == 0);
        assert!(hit.is_mobile == 1 || hit.phone_model.is_empty());
        assert_eq!(hit.referer.is_empty(), hit.referer_hash == 0);
    }
}

#[test]
fn what_belongs_to_a_user_or_a_page_is_the_same_at_every_hit() {
    let hits = hits(13);
    let ranks: HashMap<i64, u64> = (0..SITES).map(|rank| (counter_id(rank), rank)).collect();
    let (mut users, mut pages, mut visits) = (HashMap::new(), HashMap::new(), HashMap::new());
    for hit in &hits {
        let of_user = (hit.region_id, &hit.country, &hit.user_agent, hit.screen_width, hit.age);
        assert_eq!(*users.entry(hit.user_id).or_insert(of_user), of_user);
        let of_page = (hit.counter_id, hit.url_hash, hit.url_category, &hit.title);
        assert_eq!(*pages.entry(&hit.url).or_insert(of_page), of_page);
        let visit = (hit.user_id, hit.event_date);
        assert_eq!(*visits.entry(hit.session_id).or_insert(visit), visit);
        assert!(hit.url.contains(&format!("{}.example/", hit.counter_id)), "{}", hit.url);
        assert_eq!(hit.counter_class, class(ranks[&hit.counter_id]) as i64);
        assert_eq!(hit.ip_network, hit.client_ip >> 12);
    }
    let hashes: HashSet<i64> = hits.iter().map(|hit| hit.url_hash).collect();
    assert_eq!(hashes.len(), pages.len());
}

#[test]
fn time_goes_on_with_the_rows_and_follows_the_hours() {
    let hits = hits(14);
    assert!(hits.iter().map(|hit| hit.event_id).eq(1..=hits.len() as i64));
    assert!(hits.windows(2).all(|pair| pair[0].event_time <= pair[1].event_time));
    for (day, of_day) in hits.chunks(HITS_PER_DAY as usize).enumerate() {
        let date = FIRST_DAY.plus_days(day as i32);
        assert!(of_day.iter().all(|hit| hit.event_date == date));
        assert!(of_day.iter().all(|hit| hit.event_time.to_string().starts_with(&date.to_string())));
        for (hour, end) in BY_END_OF_HOUR.iter().enumerate() {
            let before = of_day.iter().filter(|hit| usize::from(hit.event_time.parts().3) <= hour);
            assert_eq!(before.count() as u64, end * HITS_PER_DAY / 1_000);
        }
    }
}
