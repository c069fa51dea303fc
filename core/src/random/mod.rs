//! Everything random. A stream is a pure function of the run's seed and a path of numbers, so the
//! same seed gives the same rows and the same inputs on every engine, whatever runs beside it.

pub mod nurand;
pub mod special;
pub mod text;
pub mod zipf;

use rand_core::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

pub use nurand::{Nurand, c_run_is_valid, draw_c_run};
pub use special::Distribution;
pub use text::Text;
pub use zipf::{Latest, ScrambledZipfian, Zipfian};

/// A stream of random numbers. Its output is part of the contract: it never changes between
/// releases without the data sets' versions changing with it.
#[derive(Clone, Debug)]
pub struct Rng {
    generator: Xoshiro256PlusPlus,
}

impl Rng {
    /// The stream at `path` below `seed`: `&[TABLE, partition]`, `&[CLIENT, number]`.
    pub fn new(seed: u64, path: &[u64]) -> Self {
        let state = path
            .iter()
            .fold(mix(seed), |state, step| mix(state.rotate_left(23).wrapping_add(mix(!*step))));
        Self { generator: Xoshiro256PlusPlus::seed_from_u64(state) }
    }

    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// A number in `0..below`, without bias (Lemire, "Fast Random Integer Generation in an
    /// Interval", 2019). `below` must not be 0.
    #[inline]
    pub fn below(&mut self, below: u64) -> u64 {
        debug_assert!(below > 0, "an empty range has no member");
        let mut product = u128::from(self.bits()) * u128::from(below);
        if (product as u64) < below {
            let threshold = below.wrapping_neg() % below;
            while (product as u64) < threshold {
                product = u128::from(self.bits()) * u128::from(below);
            }
        }
        (product >> 64) as u64
    }

    /// A number in `low..=high`.
    #[inline]
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        debug_assert!(low <= high, "{low}..={high} is empty");
        low.wrapping_add(self.below((high.wrapping_sub(low) as u64).wrapping_add(1)) as i64)
    }

    /// A number in `[0, 1)`, of 53 random bits.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// True in `percent` of 100 cases.
    #[inline]
    pub fn percent(&mut self, percent: f64) -> bool {
        self.unit() * 100.0 < percent
    }

    /// An exponentially distributed number with mean 1: the gaps of a Poisson process.
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// Puts a slice in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): spreads neighbouring numbers apart.
pub const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The FNV-1a hash of a number's eight bytes, lowest first, as YCSB spreads keys: its result is
/// taken as a signed number and stripped of its sign.
pub const fn fnv64(number: u64) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut byte = 0;
    while byte < 8 {
        hash = (hash ^ ((number >> (8 * byte)) & 0xff)).wrapping_mul(0x0000_0100_0000_01b3);
        byte += 1;
    }
    hash.cast_signed().unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::{Rng, fnv64};
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    #[test]
    fn streams_are_fixed_forever() {
        let mut rng = Rng::new(1, &[2, 3]);
        assert_eq!(
            [rng.bits(), rng.bits()],
            [5_156_726_272_236_439_975, 7_003_293_116_108_592_401]
        );
    }

    #[test]
    fn fnv_gives_the_keys_of_ycsb() {
        // `user6284781860667377211` and `user8517097267634966620` are the first two keys that YCSB
        // loads in hashed order.
        assert_eq!([fnv64(0), fnv64(1)], [6_284_781_860_667_377_211, 8_517_097_267_634_966_620]);
    }

    #[test]
    fn neighbouring_paths_differ() {
        let first = |path: &[u64]| Rng::new(1, path).bits();
        assert_ne!(first(&[1, 2]), first(&[2, 1]));
        assert_ne!(first(&[1]), first(&[1, 0]));
    }

    #[test]
    fn exponential_has_mean_one() {
        let mut rng = Rng::new(7, &[]);
        let mean = (0..100_000).map(|_| rng.exponential()).sum::<f64>() / 100_000.0;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
    }

    proptest! {
        #[test]
        fn between_stays_in_range(seed in any::<u64>(), low in -1000i64..1000, span in 0i64..1000) {
            let mut rng = Rng::new(seed, &[]);
            for _ in 0..100 {
                let drawn = rng.between(low, low + span);
                prop_assert!((low..=low + span).contains(&drawn));
            }
        }

        #[test]
        fn shuffling_keeps_the_members(seed in any::<u64>(), len in 0usize..50) {
            let mut items: Vec<usize> = (0..len).collect();
            Rng::new(seed, &[]).shuffle(&mut items);
            items.sort_unstable();
            prop_assert_eq!(items, (0..len).collect::<Vec<_>>());
        }
    }
}
