//! Random text, drawn into a buffer that is used again and again.

use super::Rng;

/// The characters of an a-string: TPC-C rev. 5.11 clause 4.3.2.2 asks for both cases and digits.
const ALPHANUMERIC: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DIGITS: &[u8; 10] = b"0123456789";

/// The syllables of last names, clause 4.3.2.3.
const SYLLABLES: [&str; 10] =
    ["BAR", "OUGHT", "ABLE", "PRI", "PRES", "ESE", "ANTI", "CALLY", "ATION", "EING"];

/// A text buffer. Each method replaces what is in it and gives it; none allocates once the buffer
/// has grown to the longest text drawn.
#[derive(Clone, Debug, Default)]
pub struct Text {
    bytes: Vec<u8>,
}

impl Text {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// An a-string (clause 4.3.2.2): `min` to `max` letters and digits.
    pub fn alphanumeric(&mut self, rng: &mut Rng, min: usize, max: usize) -> &str {
        let length = draw_length(rng, min, max);
        self.bytes.clear();
        self.append(rng, ALPHANUMERIC, length);
        self.as_str()
    }

    /// An n-string (clause 4.3.2.2): `min` to `max` digits.
    pub fn digits(&mut self, rng: &mut Rng, min: usize, max: usize) -> &str {
        let length = draw_length(rng, min, max);
        self.bytes.clear();
        self.append(rng, DIGITS, length);
        self.as_str()
    }

    /// `groups` groups of 11 digits with dashes between: the text of sysbench's `sbtest` columns.
    pub fn digit_groups(&mut self, rng: &mut Rng, groups: usize) -> &str {
        self.bytes.clear();
        for group in 0..groups {
            if group > 0 {
                self.bytes.push(b'-');
            }
            self.append(rng, DIGITS, 11);
        }
        self.as_str()
    }

    /// A zip code (clause 4.3.2.7): four random digits and `11111`.
    pub fn zip(&mut self, rng: &mut Rng) -> &str {
        self.bytes.clear();
        self.append(rng, DIGITS, 4);
        self.bytes.extend_from_slice(b"11111");
        self.as_str()
    }

    /// The last name number `number`, `0..=999`: a syllable for each of its three digits (clause
    /// 4.3.2.3).
    pub fn last_name(&mut self, number: u64) -> &str {
        self.bytes.clear();
        for digit in [number / 100 % 10, number / 10 % 10, number % 10] {
            self.bytes.extend_from_slice(SYLLABLES[digit as usize].as_bytes());
        }
        self.as_str()
    }

    /// An a-string that holds `inside` at a random place.
    pub fn alphanumeric_around(
        &mut self,
        rng: &mut Rng,
        (min, max): (usize, usize),
        inside: &str,
    ) -> &str {
        self.alphanumeric(rng, min.max(inside.len()), max);
        let place = rng.below((self.bytes.len() - inside.len() + 1) as u64) as usize;
        self.bytes[place..place + inside.len()].copy_from_slice(inside.as_bytes());
        self.as_str()
    }

    /// What is in the buffer.
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever put in.
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// Appends random members of `alphabet`. Several are taken from one draw, each as the whole
    /// part of a fraction times their number, and few enough that the last one's bias stays below
    /// one in ten thousand.
    fn append(&mut self, rng: &mut Rng, alphabet: &[u8], length: usize) {
        let per_draw = if alphabet.len() <= 16 { 11 } else { 8 };
        let mut missing = length;
        while missing > 0 {
            let mut fraction = rng.bits();
            for _ in 0..per_draw.min(missing) {
                let product = u128::from(fraction) * alphabet.len() as u128;
                self.bytes.push(alphabet[(product >> 64) as usize]);
                fraction = product as u64;
            }
            missing = missing.saturating_sub(per_draw);
        }
    }
}

fn draw_length(rng: &mut Rng, min: usize, max: usize) -> usize {
    if min >= max { min } else { min + rng.below((max - min + 1) as u64) as usize }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    fn chi_square(alphabet: &[u8], text: &str) -> f64 {
        let expected = text.len() as f64 / alphabet.len() as f64;
        let count = |member: &u8| text.bytes().filter(|byte| byte == member).count() as f64;
        alphabet.iter().map(|member| (count(member) - expected).powi(2) / expected).sum()
    }

    #[test]
    fn characters_come_alike() {
        let mut rng = Rng::new(41, &[]);
        let mut text = Text::new();
        // Exceeded once in a thousand at 61 and at 9 degrees of freedom.
        let found = chi_square(ALPHANUMERIC, text.alphanumeric(&mut rng, 400_000, 400_000));
        assert!(found < 100.9, "{found}");
        let found = chi_square(DIGITS, text.digits(&mut rng, 400_000, 400_000));
        assert!(found < 27.9, "{found}");
    }

    #[test]
    fn the_last_character_of_a_draw_is_as_good_as_the_first() {
        let mut rng = Rng::new(42, &[]);
        let mut text = Text::new();
        let lasts: String =
            (0..60_000).filter_map(|_| text.alphanumeric(&mut rng, 8, 8).chars().last()).collect();
        let found = chi_square(ALPHANUMERIC, &lasts);
        assert!(found < 100.9, "{found}");
    }

    #[test]
    fn lengths_come_alike() {
        let mut rng = Rng::new(43, &[]);
        let mut text = Text::new();
        let mut counts = [0f64; 25];
        (0..50_000).for_each(|_| counts[text.alphanumeric(&mut rng, 26, 50).len() - 26] += 1.0);
        let found: f64 = counts.iter().map(|count| (count - 2_000.0).powi(2) / 2_000.0).sum();
        // 24 degrees of freedom.
        assert!(found < 51.2, "{found}");
    }

    #[test]
    fn last_names_are_syllables_of_digits() {
        let mut text = Text::new();
        // The example of clause 4.3.2.3.
        assert_eq!(text.last_name(371), "PRICALLYOUGHT");
        assert_eq!(text.last_name(40), "BARPRESBAR");
        assert_eq!((0..1_000).map(|number| text.last_name(number).len()).max(), Some(15));
    }

    #[test]
    fn zip_codes_and_groups_have_their_form() {
        let (mut rng, mut text) = (Rng::new(44, &[]), Text::new());
        let zip = text.zip(&mut rng);
        assert!(zip.len() == 9 && zip.ends_with("11111"), "{zip}");
        let groups = text.digit_groups(&mut rng, 10);
        assert_eq!(groups.len(), 119);
        assert!(groups.split('-').all(|group| group.len() == 11), "{groups}");
    }

    proptest! {
        #[test]
        fn the_inner_text_is_inside(seed in any::<u64>(), max in 8usize..60) {
            let (mut rng, mut text) = (Rng::new(seed, &[]), Text::new());
            let found = text.alphanumeric_around(&mut rng, (8, max), "ORIGINAL");
            prop_assert!(found.contains("ORIGINAL") && (8..=max).contains(&found.len()));
        }

        #[test]
        fn lengths_stay_in_range(seed in any::<u64>(), min in 0usize..40, more in 0usize..40) {
            let (mut rng, mut text) = (Rng::new(seed, &[]), Text::new());
            let length = text.digits(&mut rng, min, min + more).len();
            prop_assert!((min..=min + more).contains(&length));
            prop_assert_eq!(length, text.as_str().len());
        }
    }
}
