//! Zipfian choices, as YCSB makes them: few items are chosen often, most are chosen rarely.

use super::{Rng, fnv64};

/// The exponent of YCSB's core workloads (Cooper et al., "Benchmarking Cloud Serving Systems with
/// YCSB", SoCC 2010, section 5.2).
pub const YCSB_EXPONENT: f64 = 0.99;

/// The number of items that YCSB's scrambled zipfian draws from before it hashes.
const SCRAMBLED_ITEMS: u64 = 10_000_000_000;

/// The sum of `i^-0.99` over those items, as YCSB publishes it: computing it again term by term
/// would take minutes.
const SCRAMBLED_ZETA: f64 = 26.469_028_201_783_02;

/// Terms that [`Zeta`] sums one by one; the closed form of the rest is exact to 13 digits.
const SUMMED: usize = 100;

/// Items `0..n`, where item `i` is chosen with a probability proportional to `1 / (i + 1)^0.99`:
/// the algorithm of Gray et al., "Quickly Generating Billion-Record Synthetic Databases", SIGMOD
/// 1994, section 3. The first two items are exact; of the others the algorithm is a continuous
/// approximation, which YCSB shares.
///
/// Drawing allocates nothing and takes constant time; so does changing the number of items.
#[derive(Clone, Debug)]
pub struct Zipfian {
    zeta: Zeta,
    items: u64,
    zeta_items: f64,
    eta: f64,
}

impl Zipfian {
    /// Over `items` items. None counts as one.
    pub fn new(items: u64) -> Self {
        let zeta = Zeta::new();
        let zeta_items = zeta.sum(items.max(1));
        Self::with_zeta(zeta, items.max(1), zeta_items)
    }

    fn with_zeta(zeta: Zeta, items: u64, zeta_items: f64) -> Self {
        let mut zipfian = Self { zeta, items, zeta_items, eta: 0.0 };
        zipfian.eta = zipfian.eta();
        zipfian
    }

    fn eta(&self) -> f64 {
        let two_of_all = 2.0 / self.items as f64;
        (1.0 - two_of_all.powf(1.0 - YCSB_EXPONENT)) / (1.0 - self.zeta.sum(2) / self.zeta_items)
    }

    /// How many items there are.
    pub fn items(&self) -> u64 {
        self.items
    }

    /// Draws from `items` items from now on.
    pub fn set_items(&mut self, items: u64) {
        if items == self.items || items == 0 {
            return;
        }
        self.items = items;
        self.zeta_items = self.zeta.sum(items);
        self.eta = self.eta();
    }

    /// The probability of an item under the exact law, for checks.
    pub fn probability(&self, item: u64) -> f64 {
        ((item + 1) as f64).powf(-YCSB_EXPONENT) / self.zeta_items
    }

    /// Draws an item of `0..n`; 0 is the most popular.
    #[inline]
    pub fn draw(&self, rng: &mut Rng) -> u64 {
        let unit = rng.unit();
        let scaled = unit * self.zeta_items;
        if scaled < 1.0 {
            return 0;
        }
        if scaled < self.zeta.sum(2) {
            return 1.min(self.items - 1);
        }
        let place = (self.eta * unit - self.eta + 1.0).powf(1.0 / (1.0 - YCSB_EXPONENT));
        ((self.items as f64 * place) as u64).min(self.items - 1)
    }
}

/// Zipfian choices scattered over `0..n` by a hash, so that popular items are no neighbours. As in
/// YCSB, the choice is made among ten thousand million items, hashed by FNV-1a and reduced modulo
/// `n`, so that the popular items stay the same ones while `n` stays the same.
#[derive(Clone, Debug)]
pub struct ScrambledZipfian {
    zipfian: Zipfian,
    items: u64,
}

impl ScrambledZipfian {
    /// Over `items` items. None counts as one.
    pub fn new(items: u64) -> Self {
        let zipfian = Zipfian::with_zeta(Zeta::new(), SCRAMBLED_ITEMS, SCRAMBLED_ZETA);
        Self { zipfian, items: items.max(1) }
    }

    /// Draws an item of `0..n`.
    #[inline]
    pub fn draw(&self, rng: &mut Rng) -> u64 {
        fnv64(self.zipfian.draw(rng)) % self.items
    }
}

/// Zipfian choices that favour the newest items, as YCSB's workload D makes them.
#[derive(Clone, Debug)]
pub struct Latest {
    zipfian: Zipfian,
}

impl Latest {
    /// Over `items` items to begin with.
    pub fn new(items: u64) -> Self {
        Self { zipfian: Zipfian::new(items) }
    }

    /// Draws an item of `0..items`; `items - 1`, the newest, is the most popular. Constant time,
    /// however `items` grows between draws.
    #[inline]
    pub fn draw(&mut self, rng: &mut Rng, items: u64) -> u64 {
        self.zipfian.set_items(items);
        self.zipfian.items() - 1 - self.zipfian.draw(rng)
    }
}

/// Sums of `i^-0.99` for `i` in `1..=n`, in constant time: the first terms are summed once, the
/// rest comes from the Euler-Maclaurin formula.
#[derive(Clone, Debug)]
struct Zeta {
    sums: Box<[f64; SUMMED + 1]>,
}

impl Zeta {
    fn new() -> Self {
        let mut sums = Box::new([0.0; SUMMED + 1]);
        for term in 1..=SUMMED {
            sums[term] = sums[term - 1] + (term as f64).powf(-YCSB_EXPONENT);
        }
        Self { sums }
    }

    #[inline]
    fn sum(&self, terms: u64) -> f64 {
        match self.sums.get(usize::try_from(terms).unwrap_or(usize::MAX)) {
            Some(sum) => *sum,
            None => self.sums[SUMMED] + rest(terms as f64) - rest(SUMMED as f64),
        }
    }
}

/// The antiderivative of `x^-s` and the first corrections of Euler and Maclaurin, at `x`.
fn rest(x: f64) -> f64 {
    let s = YCSB_EXPONENT;
    let term = x.powf(-s);
    let third = s * (s + 1.0) * (s + 2.0) * term / (x * x * x);
    x * term / (1.0 - s) + term / 2.0 - s * term / x / 12.0 + third / 720.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(terms: u64) -> f64 {
        (1..=terms).map(|term| (term as f64).powf(-YCSB_EXPONENT)).sum()
    }

    #[test]
    fn zeta_is_the_sum_of_its_terms() {
        let zeta = Zeta::new();
        for terms in [1, 2, 99, 100, 101, 1_000, 54_321] {
            let (fast, slow) = (zeta.sum(terms), direct(terms));
            assert!((fast - slow).abs() < 1e-10, "{terms}: {fast} against {slow}");
        }
    }

    #[test]
    fn zeta_agrees_with_the_published_constant() {
        let sum = Zeta::new().sum(SCRAMBLED_ITEMS);
        assert!((sum - SCRAMBLED_ZETA).abs() < 1e-5, "{sum}");
    }

    #[test]
    fn popular_items_come_as_often_as_the_law_says() {
        let zipfian = Zipfian::new(1_000);
        let mut counts = vec![0u32; 1_000];
        let mut rng = Rng::new(11, &[]);
        let draws = 400_000;
        for _ in 0..draws {
            counts[zipfian.draw(&mut rng) as usize] += 1;
        }
        for item in 0..2 {
            let expected = zipfian.probability(item) * f64::from(draws);
            let found = f64::from(counts[item as usize]);
            // Six standard deviations.
            assert!((found - expected).abs() < 6.0 * expected.sqrt(), "{item}: {found}");
        }
        // The others follow the continuous law: `n (eta u - eta + 1)^alpha` stays below `k` for
        // `u` below `((k / n)^(1 - theta) - 1 + eta) / eta`.
        let below = |item: u64| {
            let root = (item as f64 / 1_000.0).powf(1.0 - YCSB_EXPONENT);
            (root - 1.0 + zipfian.eta) / zipfian.eta
        };
        for range in [4..10u64, 10..100, 100..1_000] {
            let expected = (below(range.end) - below(range.start)) * f64::from(draws);
            let exact: f64 = range.clone().map(|item| zipfian.probability(item)).sum();
            let found = range.map(|item| f64::from(counts[item as usize])).sum::<f64>();
            assert!((found - expected).abs() < 6.0 * expected.sqrt(), "{found} and {expected}");
            let share = found / f64::from(draws);
            assert!((share / exact - 1.0).abs() < 0.15, "{share} and {exact}");
        }
    }

    #[test]
    fn draws_stay_inside_whatever_the_number_of_items() {
        let mut rng = Rng::new(3, &[]);
        let mut zipfian = Zipfian::new(0);
        for items in (1..300).chain([10_000, 1 << 40]) {
            zipfian.set_items(items);
            let scrambled = ScrambledZipfian::new(items);
            for _ in 0..200 {
                assert!(zipfian.draw(&mut rng) < items);
                assert!(scrambled.draw(&mut rng) < items);
            }
        }
    }

    #[test]
    fn growing_is_the_same_as_starting_larger() {
        let mut grown = Zipfian::new(10);
        (11..=5_000).for_each(|items| grown.set_items(items));
        let fresh = Zipfian::new(5_000);
        let (mut left, mut right) = (Rng::new(5, &[]), Rng::new(5, &[]));
        for _ in 0..10_000 {
            assert_eq!(grown.draw(&mut left), fresh.draw(&mut right));
        }
    }

    #[test]
    fn scrambling_scatters_and_keeps_the_skew() {
        let (items, draws) = (10_000u64, 300_000u32);
        let scrambled = ScrambledZipfian::new(items);
        let mut counts = vec![0u32; items as usize];
        let mut rng = Rng::new(13, &[]);
        for _ in 0..draws {
            counts[scrambled.draw(&mut rng) as usize] += 1;
        }
        let hottest = (0..items).max_by_key(|item| counts[*item as usize]).unwrap_or(0);
        assert_eq!(hottest, fnv64(0) % items);
        // The most popular item has the probability 1 / zeta, and its share of the hashed rest.
        let share = f64::from(counts[hottest as usize]) / f64::from(draws);
        assert!((share - 1.0 / SCRAMBLED_ZETA).abs() < 0.003, "{share}");
        let halves = [&counts[..5_000], &counts[5_000..]].map(|half| half.iter().sum::<u32>());
        assert!(halves.iter().all(|half| *half > draws / 3), "{halves:?}");
    }

    #[test]
    fn latest_favours_the_newest() {
        let mut latest = Latest::new(1_000);
        let mut rng = Rng::new(17, &[]);
        for items in [1_000u64, 1_001, 2_000] {
            let draws = 50_000u32;
            let newest =
                (0..draws).filter(|_| latest.draw(&mut rng, items) == items - 1).count() as f64;
            let expected = f64::from(draws) / Zeta::new().sum(items);
            assert!((newest - expected).abs() < 6.0 * expected.sqrt(), "{items}: {newest}");
        }
    }
}
