//! Makes the rows. A row follows from the seed and its number alone, so a larger table begins like a
//! smaller one.

use std::fmt::Write as _;

use dbdyno_core::random::Rng;
use dbdyno_core::{Date, Decimal, Timestamp};

use super::hit::Hit;
use super::sites::{Page, Sites, class, counter_id};
use super::visitors::{Visitors, replace, weighted};
use super::words::{CURRENCIES, NETWORKS, WORDS};
use super::{FIRST_DAY, HITS_PER_DAY};
use crate::blocks::hash;

/// How many of 1,000 hits of a day come before the end of each hour.
pub const BY_END_OF_HOUR: [u64; 24] = [
    22, 37, 48, 57, 65, 76, 94, 120, 158, 205, 256, 308, 361, 414, 468, 523, 579, 637, 697, 759,
    822, 884, 940, 1_000,
];
const SECONDS_PER_HOUR: u64 = 3_600;
const MINUTES_PER_DAY: i64 = 1_440;

/// Makes one row after another in the same place.
pub struct Maker {
    visitors: Visitors,
    sites: Sites,
    hit: Hit,
}

impl Maker {
    pub fn new(seed: u64) -> Self {
        Self { visitors: Visitors::new(seed), sites: Sites::new(seed), hit: Hit::empty() }
    }

    /// The row of a number, counted from 0, with the random stream of its block.
    pub fn make(&mut self, number: u64, rng: &mut Rng) -> &Hit {
        self.hit.event_id = number.cast_signed() + 1;
        let second = self.moment(number, rng);
        self.visitors.draw(number / HITS_PER_DAY, rng, &mut self.hit);
        let local = (second / 60).cast_signed() + self.hit.time_zone_min;
        self.hit.local_hour = local.rem_euclid(MINUTES_PER_DAY) / 60;
        let page = self.sites.draw(rng);
        self.page(page);
        self.origin(page, rng);
        self.behaviour(rng);
        self.order(rng);
        &self.hit
    }

    /// The time of a hit: a day's hits follow its hours. Gives the second of the day.
    fn moment(&mut self, number: u64, rng: &mut Rng) -> u64 {
        /// Parts of the step from one hit to the next.
        const PARTS: u64 = 1_000;
        let (day, place) =
            (number / HITS_PER_DAY, number % HITS_PER_DAY * PARTS + rng.below(PARTS));
        // The hits of an hour are spread over it evenly.
        let of_day = HITS_PER_DAY * PARTS / BY_END_OF_HOUR[23];
        let hour = BY_END_OF_HOUR.iter().filter(|end| **end * of_day <= place).count();
        let begin = if hour == 0 { 0 } else { BY_END_OF_HOUR[hour - 1] * of_day };
        let length = BY_END_OF_HOUR[hour] * of_day - begin;
        let second = (hour as u64 * length + place - begin) * SECONDS_PER_HOUR / length;
        self.hit.event_date = Date(FIRST_DAY.0.saturating_add(day as i32));
        let day = i64::from(self.hit.event_date.0) * MINUTES_PER_DAY * 60;
        self.hit.event_time = Timestamp((day + second.cast_signed()) * 1_000_000);
        second
    }

    fn page(&mut self, page: Page) {
        let hit = &mut self.hit;
        hit.counter_id = counter_id(page.site);
        hit.counter_class = class(page.site) as i64;
        hit.url.clear();
        hit.url_category = self.sites.write_url(page, &mut hit.url);
        hit.url_hash = positive_hash(&hit.url);
        hit.title.clear();
        self.sites.write_title(page, &mut hit.title);
    }

    /// Where the visitor came from.
    fn origin(&mut self, page: Page, rng: &mut Rng) {
        let hit = &mut self.hit;
        hit.referer.clear();
        hit.referer_host.clear();
        hit.search_phrase.clear();
        hit.campaign.clear();
        hit.social_network.clear();
        (hit.search_engine, hit.ad_engine) = (0, 0);
        hit.traffic_source = weighted(rng, &[(0, 34), (1, 35), (2, 14), (3, 3), (4, 4), (5, 10)]);
        match hit.traffic_source {
            1 => {
                let from = self.sites.draw_of(page.site, rng);
                self.sites.write_url(from, &mut hit.referer);
            }
            2 => search(&self.sites, rng, hit),
            3 => advertisement(rng, hit),
            4 => {
                replace(
                    &mut hit.social_network,
                    NETWORKS[weighted(rng, &[(0, 40), (1, 25), (2, 15), (3, 10), (4, 7), (5, 3)])],
                );
                let _ = write!(hit.referer, "https://{}.example/", hit.social_network);
            }
            5 => {
                let from = self.sites.draw(rng);
                self.sites.write_url(from, &mut hit.referer);
            }
            _ => {}
        }
        let host = hit.referer.strip_prefix("https://").and_then(|rest| rest.split('/').next());
        hit.referer_host.push_str(host.unwrap_or_default());
        hit.referer_hash = if hit.referer.is_empty() { 0 } else { positive_hash(&hit.referer) };
    }

    /// What the visitor did, and how long it took.
    fn behaviour(&mut self, rng: &mut Rng) {
        let hit = &mut self.hit;
        let flag = |happens: bool| i64::from(happens);
        hit.is_refresh = flag(rng.percent(100.0 / 12.0));
        hit.is_link = flag(matches!(hit.traffic_source, 1 | 5));
        hit.is_download = flag(rng.percent(0.5));
        hit.is_bounce = flag(rng.percent(if hit.is_link == 1 { 15.0 } else { 45.0 }));
        hit.http_status = weighted(rng, &[(200, 980), (404, 17), (500, 3)]);
        let known = rng.percent(70.0);
        let mut milliseconds = |mean: f64| (rng.exponential() * mean) as i64;
        hit.dns_ms = if known { 0 } else { 1 + milliseconds(20.0) };
        hit.connect_ms = if known { 0 } else { 1 + milliseconds(30.0) };
        // The product of two exponential draws has a long tail.
        hit.response_ms = 20 + milliseconds(200.0) * milliseconds(100.0) / 100;
        hit.page_bytes = 500 + milliseconds(40_000.0);
        hit.duration_s = if hit.is_bounce == 1 { 0 } else { 1 + milliseconds(60.0) };
    }

    fn order(&mut self, rng: &mut Rng) {
        let hit = &mut self.hit;
        hit.order_total = None;
        hit.currency.clear();
        if rng.percent(0.8) {
            hit.order_total = Some(Decimal::cents(100 + (rng.exponential() * 5_000.0) as i64));
            let currency = weighted(rng, &[(0, 50), (1, 30), (2, 15), (3, 5)]);
            hit.currency.push_str(CURRENCIES[currency]);
        }
    }
}

/// A search engine; for one visit in fourteen it does not tell the phrase.
fn search(sites: &Sites, rng: &mut Rng, hit: &mut Hit) {
    hit.search_engine = weighted(rng, &[(1, 80), (2, 9), (3, 6), (4, 4), (5, 1)]);
    let _ = write!(hit.referer, "https://search{}.example/find", hit.search_engine);
    if rng.below(14) > 0 {
        sites.draw_phrase(rng, &mut hit.search_phrase);
        hit.referer.push_str("?q=");
        hit.referer.extend(hit.search_phrase.chars().map(|at| if at == ' ' { '+' } else { at }));
    }
}

fn advertisement(rng: &mut Rng, hit: &mut Hit) {
    hit.ad_engine =
        weighted(rng, &[(1, 60), (2, 20), (3, 8), (4, 5), (5, 3), (6, 2), (7, 1), (8, 1)]);
    let word = WORDS[rng.below(WORDS.len() as u64) as usize];
    let _ = write!(hit.campaign, "{word}-{}", rng.between(1, 20));
    let _ =
        write!(hit.referer, "https://ads{}.example/click?campaign={}", hit.ad_engine, hit.campaign);
}

fn positive_hash(text: &str) -> i64 {
    (hash(text) >> 1).cast_signed()
}
