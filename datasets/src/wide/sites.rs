//! Sites and their pages, and what people search for. Each has a random stream of its own, so that its
//! text is the same whenever it comes up, and none is kept.

use std::fmt::Write as _;

use dbdyno_core::random::{Rng, Zipfian};

use super::words::{SECTIONS, WORDS};
use crate::blocks::Streams;

/// Sites.
pub const SITES: u64 = 5_000;
/// Search phrases.
pub const PHRASES: u64 = 100_000;
/// Pages of a site, by its class.
const PAGES: [u64; 4] = [100, 1_000, 10_000, 100_000];
/// Sites before the rank of each but the highest class.
const CLASS_ENDS: [u64; 3] = [10, 100, 1_000];
/// Has no factor in common with the number of sites, so that no two ranks give the same number.
const SCATTER: u64 = 1_237;

/// The number of the site of a rank, counted from 0: 1 to 5,000, so that popular ones are no
/// neighbours.
pub fn counter_id(rank: u64) -> i64 {
    (rank * SCATTER % SITES + 1).cast_signed()
}

/// The class of the site of a rank, 0 to 3: its size.
pub fn class(rank: u64) -> usize {
    CLASS_ENDS.iter().filter(|end| rank < **end).count()
}

/// A page: the ranks of its site and of itself there. Page 0 is the site's first.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub site: u64,
    pub page: u64,
}

/// All sites.
pub struct Sites {
    sites: Zipfian,
    pages: [Zipfian; 4],
    phrases: Zipfian,
    site_streams: Streams,
    phrase_streams: Streams,
}

impl Sites {
    pub fn new(seed: u64) -> Self {
        Self {
            sites: Zipfian::new(SITES),
            pages: PAGES.map(Zipfian::new),
            phrases: Zipfian::new(PHRASES),
            site_streams: Streams::new(seed, "wide", "sites"),
            phrase_streams: Streams::new(seed, "wide", "phrases"),
        }
    }

    /// A page of any site.
    pub fn draw(&self, rng: &mut Rng) -> Page {
        let site = self.sites.draw(rng);
        self.draw_of(site, rng)
    }

    /// A page of a site.
    pub fn draw_of(&self, site: u64, rng: &mut Rng) -> Page {
        Page { site, page: self.pages[class(site)].draw(rng) }
    }

    /// What is drawn once for a page; the number of its site comes before all pages.
    fn stream(&self, Page { site, page }: Page) -> Rng {
        /// More than any site has pages.
        const MOST: u64 = 1 << 17;
        self.site_streams.block(site * MOST + page)
    }

    /// Appends the host of a site.
    pub fn write_host(&self, site: u64, out: &mut String) {
        let mut rng = self.stream(Page { site, page: 0 });
        // Writing to a string cannot fail.
        let _ = write!(out, "{}{}.example", word(&mut rng), counter_id(site));
    }

    /// Appends the address of a page; gives its section, 1 to 24, or 0 for a site's first page.
    pub fn write_url(&self, page: Page, out: &mut String) -> i64 {
        out.push_str("https://www.");
        self.write_host(page.site, out);
        out.push('/');
        if page.page == 0 {
            return 0;
        }
        let mut rng = self.stream(page);
        let section = rng.below(SECTIONS.len() as u64);
        let (one, two) = (word(&mut rng), word(&mut rng));
        let _ = write!(out, "{}/{one}-{two}-{}.html", SECTIONS[section as usize], page.page);
        section.cast_signed() + 1
    }

    /// Appends the title of a page: two to seven words and the site's host.
    pub fn write_title(&self, page: Page, out: &mut String) {
        let mut rng = self.stream(page);
        for _ in 0..2 + rng.below(6) {
            out.push_str(word(&mut rng));
            out.push(' ');
        }
        out.push_str("- ");
        self.write_host(page.site, out);
    }

    /// Appends a search phrase.
    pub fn draw_phrase(&self, rng: &mut Rng, out: &mut String) {
        let mut own = self.phrase_streams.block(self.phrases.draw(rng));
        for place in 0..1 + own.below(4) {
            if place > 0 {
                out.push(' ');
            }
            out.push_str(word(&mut own));
        }
    }
}

fn word(rng: &mut Rng) -> &'static str {
    WORDS[rng.below(WORDS.len() as u64) as usize]
}
