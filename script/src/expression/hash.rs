//! Functions of integers that are the same in pgbench, value for value (`pgbench.c` of PostgreSQL 15).

use rand_core::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoroshiro128StarStar;

/// The FNV-1a hash of the eight bytes of a number, lowest first
/// (<http://www.isthe.com/chongo/tech/comp/fnv/>); the seed is mixed into the offset basis.
pub fn fnv1a(number: i64, seed: i64) -> i64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let basis = OFFSET_BASIS ^ seed.cast_unsigned();
    let hash = number
        .to_le_bytes()
        .iter()
        .fold(basis, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    hash.cast_signed()
}

/// Appleby's MurmurHash64A of the eight bytes of a number.
pub fn murmur2(number: i64, seed: i64) -> i64 {
    const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
    const ROTATION: u32 = 47;
    const LENGTH: u64 = 8;
    let stir = |bits: u64| {
        let bits = bits.wrapping_mul(MULTIPLIER);
        bits ^ (bits >> ROTATION)
    };
    let block = stir(number.cast_unsigned()).wrapping_mul(MULTIPLIER);
    let hash = seed.cast_unsigned() ^ LENGTH.wrapping_mul(MULTIPLIER) ^ block;
    let hash = hash.wrapping_mul(MULTIPLIER);
    let hash = stir(hash ^ (hash >> ROTATION));
    hash.cast_signed()
}

/// Where a permutation of `0..size` puts `number`, which is reduced modulo `size` as an unsigned number.
/// `size` is above 0.
///
/// Each of six rounds scatters the lower and the upper part of the range by a multiplication, an
/// exclusive or and a rotation that map a power of two of numbers onto themselves, and then moves
/// everything round by a random distance.
pub fn permute(number: i64, size: i64, seed: i64) -> i64 {
    const ROUNDS: usize = 6;
    if size < 2 {
        return 0;
    }
    let mut random = Xoroshiro128StarStar::seed_from_u64(seed.cast_unsigned());
    let size = size.cast_unsigned();
    let bits = size.ilog2();
    let scatter = Scatter { mask: (1 << bits) - 1, bits };
    let mut at = number.cast_unsigned() % size;
    for _ in 0..ROUNDS {
        at = scatter.apply(at, &mut random);
        at = size - 1 - scatter.apply(size - 1 - at, &mut random);
        at = moved(at, up_to(&mut random, size - 1), size);
    }
    at.cast_signed()
}

/// `at + distance` modulo `size`. Both are below 2^63, so the sum fits.
fn moved(at: u64, distance: u64, size: u64) -> u64 {
    (at + distance) % size
}

/// A bijection of the numbers of so many bits; others stay where they are.
struct Scatter {
    mask: u64,
    bits: u32,
}

impl Scatter {
    fn apply(&self, number: u64, random: &mut Xoroshiro128StarStar) -> u64 {
        let multiplier = (random.next_u64() & self.mask) | 1;
        let flipped = random.next_u64() & self.mask;
        if number > self.mask {
            return number;
        }
        let number = (number.wrapping_mul(multiplier) ^ flipped) & self.mask;
        ((number << 1) & self.mask) | (number >> (self.bits - 1))
    }
}

/// A number of `0..=most` by drawing as many bits as `most` has until they fit
/// (`pg_prng_uint64_range` of PostgreSQL 15).
fn up_to(random: &mut Xoroshiro128StarStar, most: u64) -> u64 {
    let shift = most.leading_zeros();
    loop {
        let drawn = random.next_u64() >> shift;
        if drawn <= most {
            return drawn;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn hashes_are_those_of_pgbench() {
        // `t/001_pgbench_with_server.pl` of PostgreSQL 15, commands 49 and 51.
        assert_eq!(murmur2(10, 5432), -5_817_877_081_768_721_676);
        assert_eq!(fnv1a(10, 5432), -7_793_829_335_365_542_153);
    }

    #[test]
    fn permutations_are_those_of_pgbench() {
        // `t/001_pgbench_with_server.pl` of PostgreSQL 15, commands 111 and 113.
        assert_eq!([0, 1].map(|number| permute(number, 2, 5431)), [0, 1]);
        assert_eq!([0, 1].map(|number| permute(number, 2, 5433)), [1, 0]);
        let size = i64::MAX - 10;
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 7].map(|below| permute(size - below, size, 5432)),
            [
                520_382_784_483_822_430,
                1_143_715_004_660_802_862,
                447_293_596_416_496_998,
                916_527_772_266_572_956,
                2_763_809_008_686_028_849,
                8_648_551_549_198_294_572,
                4_542_876_852_200_565_125
            ]
        );
    }

    proptest! {
        #[test]
        fn a_permutation_gives_every_number_once(size in 1i64..300, seed in any::<i64>()) {
            let images: HashSet<i64> = (0..size).map(|n| permute(n, size, seed)).collect();
            prop_assert_eq!(images, (0..size).collect::<HashSet<_>>());
        }
    }
}
