//! The answers to the queries, worked out from the rows as they are generated: without SQL, and from
//! no table of any engine.
//!
//! One pass serves all queries. What it takes of memory grows with the numbers of distinct users,
//! phrases, addresses and visits, less than 300 MB for the first million hits; only the answers, of a
//! hundred rows at most, stay.

use std::cmp::Reverse;
use std::collections::HashSet;

use dbdyno_core::{Decimal, Scale};
use dbdyno_datasets::wide::{Hit, for_each_hit};

use super::super::answer::{Answer, Cell};
use super::fold::{Fold, Groups, Mean, grouped, in_order, lower, lowest, raise, row, top, whole};
use super::inputs::Inputs;
use super::queries::COUNT;

/// The rows of a list of the highest.
const TEN: (usize, usize) = (0, 10);

/// The answers to all queries, for [fixed inputs](Inputs::fixed), on the rows of a scale and seed.
pub fn answers(scale: Scale, seed: u64) -> Vec<Answer> {
    let inputs = Inputs::fixed(scale);
    let mut folds: Vec<_> = (1..=COUNT).map(|number| fold(number, inputs)).collect();
    for_each_hit(scale, seed, |hit| {
        for fold in &mut folds {
            fold.add(hit);
        }
    });
    folds.into_iter().map(Fold::answer).collect()
}

/// A query by its number.
fn fold(number: usize, inputs: Inputs) -> Box<dyn Fold> {
    match number {
        1 => whole(|views: &mut u64, _| *views += 1, |views| row![views]),
        2 => whole(
            |views: &mut u64, hit| *views += u64::from(hit.ad_engine != 0),
            |views| row![views],
        ),
        3 => sums_and_averages(),
        4 => whole(
            |users: &mut HashSet<i64>, hit| _ = users.insert(hit.user_id),
            |users| row![users.len()],
        ),
        5 => distinct_phrases(),
        6 => first_and_last(),
        7 => grouped(
            |hit| (hit.ad_engine != 0).then_some(hit.ad_engine),
            count,
            |groups| top(groups, (0, usize::MAX), |views| *views, |ad, views| row![ad, views]),
        ),
        8 => regions(),
        9 => telephones(),
        10 => grouped(phrase, count, |groups| {
            top(groups, TEN, |views| *views, |phrase, views| row![phrase, views])
        }),
        11 => grouped(phrase, user, |groups| {
            top(groups, TEN, size, |phrase, users| row![phrase, users.len()])
        }),
        12 => grouped(
            |hit| Some(hit.user_id),
            count,
            |groups| top(groups, TEN, |views| *views, |user, views| row![user, views]),
        ),
        13 => grouped(
            |hit| Some((hit.user_id, hit.search_phrase.clone())),
            count,
            |groups| {
                top(groups, TEN, |views| *views, |(user, phrase), views| row![user, phrase, views])
            },
        ),
        14 => grouped(
            |hit| Some((hit.user_id, hit.local_hour, hit.search_phrase.clone())),
            count,
            |groups| {
                top(
                    groups,
                    TEN,
                    |views| *views,
                    |(user, hour, phrase), views| row![user, hour, phrase, views],
                )
            },
        ),
        15 => lowest(
            20,
            move |hit| {
                (hit.user_id == inputs.user).then_some((Reverse(hit.response_ms), hit.event_id))
            },
            |hit| row![hit.event_id, hit.event_time, &hit.url, hit.response_ms],
        ),
        16 => whole(
            move |views: &mut u64, hit| *views += u64::from(hit.url.contains(inputs.word)),
            |views| row![views],
        ),
        17 => searches_of_pages(inputs),
        18 => first_of_pages(inputs),
        19 => lowest(
            10,
            |hit| phrase(hit).map(|phrase| (phrase, hit.event_id)),
            |hit| row![&hit.search_phrase, hit.event_id],
        ),
        20 => lengths_by_site(inputs),
        21 => lengths_by_host(inputs),
        22 => many_sums(),
        23 => visits(|hit| {
            (!hit.search_phrase.is_empty()).then_some((hit.search_engine, hit.client_ip))
        }),
        24 => visits(|hit| Some((hit.session_id, hit.client_ip))),
        25 => grouped(
            |hit| Some(hit.url.clone()),
            count,
            |groups| top(groups, TEN, |views| *views, |url, views| row![url, views]),
        ),
        26 => grouped(
            |hit| Some(hit.client_ip),
            count,
            |groups| {
                top(
                    groups,
                    TEN,
                    |views| *views,
                    |ip, views| row![ip, ip - 1, ip - 2, ip - 3, views],
                )
            },
        ),
        27 => dashboard(inputs, TEN, |hit| (hit.is_refresh == 0).then(|| hit.title.clone())),
        28 => dashboard(inputs, (20, 10), |hit| {
            (hit.is_link == 1 && hit.is_download == 0).then(|| hit.url.clone())
        }),
        29 => origins(inputs),
        30 => hours(inputs),
        31 => orders(),
        _ => histogram(),
    }
}

fn count(views: &mut u64, _: &Hit) {
    *views += 1;
}

fn user(users: &mut HashSet<i64>, hit: &Hit) {
    users.insert(hit.user_id);
}

fn size(users: &HashSet<i64>) -> u64 {
    users.len() as u64
}

fn phrase(hit: &Hit) -> Option<String> {
    (!hit.search_phrase.is_empty()).then(|| hit.search_phrase.clone())
}

impl Inputs {
    /// Whether a hit is one of the dashboard's.
    fn shows(&self, hit: &Hit) -> bool {
        hit.counter_id == self.counter && (self.begin..self.end).contains(&hit.event_date)
    }
}

fn sums_and_averages() -> Box<dyn Fold> {
    #[derive(Default)]
    struct Sums {
        ads: i64,
        width: Mean,
        user: Mean,
    }
    whole(
        |sums: &mut Sums, hit| {
            sums.ads += hit.ad_engine;
            sums.width.add(hit.window_width);
            sums.user.add(hit.user_id);
        },
        |sums| row![sums.ads, sums.width.count, sums.width, sums.user],
    )
}

fn distinct_phrases() -> Box<dyn Fold> {
    whole(
        |phrases: &mut HashSet<String>, hit| {
            if !phrases.contains(&hit.search_phrase) {
                phrases.insert(hit.search_phrase.clone());
            }
        },
        |phrases| row![phrases.len()],
    )
}

fn first_and_last() -> Box<dyn Fold> {
    whole(
        |(times, days): &mut ([Option<_>; 2], [Option<_>; 2]), hit| {
            lower(&mut times[0], hit.event_time);
            raise(&mut times[1], hit.event_time);
            lower(&mut days[0], hit.event_date);
            raise(&mut days[1], hit.event_date);
        },
        |(times, days)| row![times[0], times[1], days[0], days[1]],
    )
}

fn regions() -> Box<dyn Fold> {
    #[derive(Default)]
    struct Region {
        ads: i64,
        width: Mean,
        users: HashSet<i64>,
    }
    grouped(
        |hit| Some(hit.region_id),
        |region: &mut Region, hit| {
            region.ads += hit.ad_engine;
            region.width.add(hit.window_width);
            user(&mut region.users, hit);
        },
        |groups| {
            top(
                groups,
                TEN,
                |region| region.width.count,
                |id, region| {
                    row![id, region.ads, region.width.count, region.width, region.users.len()]
                },
            )
        },
    )
}

fn telephones() -> Box<dyn Fold> {
    let key = |hit: &Hit| {
        (!hit.phone_model.is_empty()).then(|| (hit.phone_brand, hit.phone_model.clone()))
    };
    grouped(key, user, |groups| {
        top(groups, TEN, size, |(brand, model), users| row![brand, model, users.len()])
    })
}

fn searches_of_pages(inputs: Inputs) -> Box<dyn Fold> {
    #[derive(Default)]
    struct Search {
        url: Option<String>,
        views: u64,
        users: HashSet<i64>,
    }
    grouped(
        move |hit| {
            let there = hit.url.contains(inputs.word) && !hit.referer.contains(inputs.word);
            phrase(hit).filter(|_| there)
        },
        |search: &mut Search, hit| {
            lower(&mut search.url, hit.url.clone());
            search.views += 1;
            user(&mut search.users, hit);
        },
        |groups| {
            top(
                groups,
                TEN,
                |search| search.views,
                |phrase, search| row![phrase, search.url, search.views, search.users.len()],
            )
        },
    )
}

fn first_of_pages(inputs: Inputs) -> Box<dyn Fold> {
    lowest(
        10,
        move |hit| hit.url.contains(inputs.word).then_some((hit.event_time, hit.event_id)),
        |hit| {
            row![
                hit.event_id,
                hit.event_time,
                hit.counter_id,
                hit.user_id,
                hit.region_id,
                hit.os,
                hit.browser,
                hit.screen_width,
                hit.screen_height,
                &hit.url,
                &hit.title,
                &hit.referer,
                &hit.user_agent,
                hit.response_ms,
                hit.duration_s,
            ]
        },
    )
}

fn lengths_by_site(inputs: Inputs) -> Box<dyn Fold> {
    grouped(
        |hit| Some(hit.counter_id),
        |length: &mut Mean, hit| length.add(hit.url.len() as i64),
        move |mut groups: Groups<_, Mean>| {
            groups.retain(|_, length| length.count.cast_signed() > inputs.more_than);
            let row = |counter, length: Mean| row![counter, length, length.count];
            top(groups, (0, 25), |length| length.count, row)
        },
    )
}

fn lengths_by_host(inputs: Inputs) -> Box<dyn Fold> {
    grouped(
        |hit| (!hit.referer.is_empty()).then(|| hit.referer_host.clone()),
        |(length, least): &mut (Mean, Option<String>), hit| {
            length.add(hit.referer.len() as i64);
            if least.as_ref().is_none_or(|least| hit.referer < *least) {
                *least = Some(hit.referer.clone());
            }
        },
        move |mut groups: Groups<_, (Mean, Option<String>)>| {
            groups.retain(|_, (length, _)| length.count.cast_signed() > inputs.more_than);
            top(
                groups,
                (0, 25),
                |(length, _)| length.count,
                |host, (length, least)| row![host, length, length.count, least],
            )
        },
    )
}

fn many_sums() -> Box<dyn Fold> {
    whole(
        |sums: &mut [i64; 20], hit| {
            for (sum, more) in sums.iter_mut().zip(1..) {
                *sum += hit.window_width + more;
            }
        },
        |sums| sums.map(Cell::from).to_vec(),
    )
}

/// Views, refreshes and the mean width of groups by two numbers.
fn visits(key: impl Fn(&Hit) -> Option<(i64, i64)> + 'static) -> Box<dyn Fold> {
    grouped(
        key,
        |(refreshes, width): &mut (i64, Mean), hit| {
            *refreshes += hit.is_refresh;
            width.add(hit.window_width);
        },
        |groups| {
            top(
                groups,
                TEN,
                |(_, width)| width.count,
                |(one, two), (refreshes, width)| row![one, two, width.count, refreshes, width],
            )
        },
    )
}

/// The texts that the dashboard's hits have most often.
fn dashboard(
    inputs: Inputs,
    rows: (usize, usize),
    text: impl Fn(&Hit) -> Option<String> + 'static,
) -> Box<dyn Fold> {
    grouped(
        move |hit| if inputs.shows(hit) { text(hit) } else { None },
        count,
        move |groups| top(groups, rows, |views| *views, |text, views| row![text, views]),
    )
}

fn origins(inputs: Inputs) -> Box<dyn Fold> {
    let key = move |hit: &Hit| {
        let told = hit.search_engine == 0 && hit.ad_engine == 0;
        let origin = if told { hit.referer.clone() } else { String::new() };
        let ways = (hit.traffic_source, hit.search_engine, hit.ad_engine);
        (inputs.shows(hit) && hit.is_refresh == 0).then(|| (ways, origin, hit.url.clone()))
    };
    grouped(key, count, |groups| {
        top(
            groups,
            (10, 10),
            |views| *views,
            |((source, engine, ad), origin, url), views| {
                row![source, engine, ad, origin, url, views]
            },
        )
    })
}

fn hours(inputs: Inputs) -> Box<dyn Fold> {
    grouped(
        move |hit| inputs.shows(hit).then_some((hit.event_date, hit.local_hour)),
        |(views, users): &mut (u64, HashSet<i64>), hit| {
            *views += 1;
            user(users, hit);
        },
        |groups| {
            in_order(groups, 200, |(day, hour), (views, users)| row![day, hour, views, users.len()])
        },
    )
}

fn orders() -> Box<dyn Fold> {
    #[derive(Default)]
    struct Orders {
        hits: u64,
        orders: u64,
        cents: Option<i64>,
        least: Option<i64>,
        most: Option<i64>,
    }
    grouped(
        |hit| Some(hit.currency.clone()),
        |orders: &mut Orders, hit| {
            orders.hits += 1;
            if let Some(Decimal { unscaled: cents, .. }) = hit.order_total {
                orders.orders += 1;
                orders.cents = Some(orders.cents.unwrap_or(0) + cents);
                lower(&mut orders.least, cents);
                raise(&mut orders.most, cents);
            }
        },
        |groups| {
            in_order(groups, usize::MAX, |currency, orders| {
                let sum = orders.cents.map(|cents| Cell::Number(cents as f64 / 100.0));
                let (least, most) =
                    (orders.least.map(Decimal::cents), orders.most.map(Decimal::cents));
                row![currency, orders.hits, orders.orders, sum, least, most]
            })
        },
    )
}

fn histogram() -> Box<dyn Fold> {
    let key = |hit: &Hit| {
        let below = [50, 100, 250, 1_000].into_iter().find(|below| hit.response_ms < *below);
        (hit.http_status == 200).then_some((hit.os, below.unwrap_or(0)))
    };
    grouped(
        key,
        |(mean, most): &mut (Mean, Option<i64>), hit| {
            mean.add(hit.response_ms);
            raise(most, hit.response_ms);
        },
        |groups| {
            in_order(groups, usize::MAX, |(os, below), (mean, most)| {
                row![os, below, mean.count, mean, most]
            })
        },
    )
}
