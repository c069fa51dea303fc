//! Visitors. What is known of one is drawn from a random stream of their own, so that it is the same at
//! each of their hits, and none is kept.

use std::fmt::Write as _;

use dbdyno_core::random::{Rng, Zipfian, mix};

use super::hit::Hit;
use super::words::{BROWSERS, COUNTRIES, SYSTEMS};
use crate::blocks::Streams;

/// Users.
pub const USERS: u64 = 1_000_000;
/// Regions.
const REGIONS: u64 = 1_000;
/// Users are numbered below this, so that averages fit every engine's decimals.
const USER_NUMBERS: u64 = 1 << 50;
/// Odd, so that no two ranks give the same number.
const SCATTER: u64 = 0x2_545f_4914_f6cd;
/// Screens of computers, then of telephones.
const SCREENS: [[(i64, i64); 4]; 2] = [
    [(1920, 1080), (1366, 768), (2560, 1440), (1440, 900)],
    [(390, 844), (360, 800), (412, 915), (768, 1024)],
];

/// The number of the user of a rank, counted from 0.
pub fn user_id(rank: u64) -> i64 {
    ((rank + 1).wrapping_mul(SCATTER) % USER_NUMBERS).cast_signed()
}

/// All visitors.
pub struct Visitors {
    users: Zipfian,
    regions: Zipfian,
    streams: Streams,
}

impl Visitors {
    pub fn new(seed: u64) -> Self {
        Self {
            users: Zipfian::new(USERS),
            regions: Zipfian::new(REGIONS),
            streams: Streams::new(seed, "wide", "users"),
        }
    }

    /// Chooses who looked, on a day counted from the first, and fills in what is known of them.
    pub fn draw(&self, day: u64, rng: &mut Rng, hit: &mut Hit) {
        let rank = self.users.draw(rng);
        let mut own = self.streams.block(rank);
        hit.user_id = user_id(rank);
        hit.session_id = (mix(mix(rank) ^ day) >> 1).cast_signed();
        let home = own.between(1 << 24, i64::from(i32::MAX) - 3);
        let away = rng.percent(10.0).then(|| rng.between(1 << 24, i64::from(i32::MAX) - 3));
        hit.client_ip = away.unwrap_or(home);
        hit.ip_network = hit.client_ip >> 12;
        self.place(&mut own, hit);
        browser(&mut own, hit);
        screen(&mut own, hit);
        person(&mut own, hit);
    }

    fn place(&self, own: &mut Rng, hit: &mut Hit) {
        let region = self.regions.draw(own);
        let (country, language, minutes) = COUNTRIES[region as usize % COUNTRIES.len()];
        hit.region_id = region.cast_signed() + 1;
        replace(&mut hit.country, country);
        replace(&mut hit.language, if own.percent(85.0) { language } else { "en" });
        hit.time_zone_min = minutes;
    }
}

/// The operating system, the telephone and the browser.
fn browser(own: &mut Rng, hit: &mut Hit) {
    hit.os = weighted(own, &[(1, 45), (2, 12), (3, 4), (4, 25), (5, 13), (6, 1)]);
    hit.os_major = 8 + own.between(0, 9).max(own.between(0, 9));
    hit.is_mobile = i64::from(hit.os >= 4);
    hit.phone_model.clear();
    hit.phone_brand = 0;
    if hit.is_mobile == 1 {
        hit.phone_brand =
            weighted(own, &[(1, 40), (2, 25), (3, 15), (4, 8), (5, 5), (6, 4), (7, 2), (8, 1)]);
        if own.percent(66.7) {
            // The lower of two: most have one of a maker's first models.
            let model = own.below(40).min(own.below(40));
            // Writing to a string cannot fail.
            let _ = write!(hit.phone_model, "p{}-{model:02}", hit.phone_brand);
        }
    }
    hit.browser = weighted(own, &[(1, 62), (2, 18), (3, 8), (4, 8), (5, 3), (6, 1)]);
    hit.browser_major = 128 - own.between(0, 48).min(own.between(0, 48)).min(own.between(0, 48));
    hit.browser_minor.clear();
    if own.percent(90.0) {
        hit.browser_minor.push('0');
    } else {
        let _ = write!(hit.browser_minor, "{}.{}", own.below(10), own.below(200));
    }
    let system = SYSTEMS[hit.os as usize - 1];
    let browser = BROWSERS[hit.browser as usize - 1];
    hit.user_agent.clear();
    let _ = write!(
        hit.user_agent,
        "Mozilla/5.0 ({system} {}; {}) AppleWebKit/537.36 (KHTML, like Gecko) {browser}/{}.{}",
        hit.os_major,
        if hit.is_mobile == 1 { "Mobile" } else { "Desktop" },
        hit.browser_major,
        hit.browser_minor,
    );
}

fn screen(own: &mut Rng, hit: &mut Hit) {
    let screens = &SCREENS[hit.is_mobile as usize];
    let (width, height) = screens[weighted(own, &[(0, 50), (1, 25), (2, 15), (3, 10)])];
    (hit.screen_width, hit.screen_height) = (width, height);
    hit.color_depth = if own.percent(10.0) { 30 } else { 24 };
    let frame = if hit.is_mobile == 1 { 0 } else { own.between(0, 199) };
    hit.window_width = width - frame;
    hit.window_height = height - own.between(60, 180);
}

fn person(own: &mut Rng, hit: &mut Hit) {
    hit.is_robot = i64::from(own.percent(5.0));
    let known = own.percent(40.0);
    // The sum of two even draws: most are of middle age.
    let (age, sex, income) =
        (16 + own.between(0, 32) + own.between(0, 32), own.between(1, 2), own.between(1, 5));
    (hit.age, hit.sex, hit.income) = if known { (age, sex, income) } else { (0, 0, 0) };
    hit.interests = if own.percent(50.0) { 0 } else { own.between(1, 0xffff) };
}

/// One of several, by their weights.
pub fn weighted<T: Copy>(rng: &mut Rng, choices: &[(T, u64)]) -> T {
    let mut left = rng.below(choices.iter().map(|(_, weight)| weight).sum());
    let chosen = choices.iter().find(|(_, weight)| {
        let found = left < *weight;
        left = left.wrapping_sub(*weight);
        found
    });
    chosen.unwrap_or(&choices[0]).0
}

/// Puts another text into a buffer.
pub fn replace(buffer: &mut String, text: &str) {
    buffer.clear();
    buffer.push_str(text);
}
