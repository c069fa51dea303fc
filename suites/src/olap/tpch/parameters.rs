//! What the queries ask for: the values with which answers were published, or values drawn by the
//! specification's rules (TPC-H rev. 3.0.1, "Substitution Parameters" of each query in clause 2.4).

use dbdyno_core::random::Rng;
use dbdyno_core::{Date, Decimal, Scale};

use crate::parameter::{Parameter, list};

use super::words::{BRANDS, COLORS, CONTAINERS, MODES, NATIONS, REGIONS, SEGMENTS, TYPES, WORDS};

/// The parameters with which answers were published.
pub fn published(query: usize) -> Vec<Parameter> {
    Chooser { rng: None, scale: Scale::ONE }.parameters(query)
}

/// Parameters drawn at random.
pub fn drawn(query: usize, scale: Scale, rng: &mut Rng) -> Vec<Parameter> {
    Chooser { rng: Some(rng), scale }.parameters(query)
}

/// Chooses between the published value and one at random.
struct Chooser<'r> {
    rng: Option<&'r mut Rng>,
    scale: Scale,
}

impl Chooser<'_> {
    /// The parameters of the query at this place in the list, in the order in which they stand in
    /// its text.
    fn parameters(&mut self, query: usize) -> Vec<Parameter> {
        match query + 1 {
            1 => list![day(1998, 12, 1).plus_days(-(self.int(90, 60, 120) as i32))],
            2 => self.minimum_cost(),
            3 => {
                let segment = self.word("BUILDING", &SEGMENTS);
                let date = day(1995, 3, self.int(15, 1, 31) as u8);
                list![segment, date, date]
            }
            4 => self.months((1993, 7), (1993, 1), (1997, 10), 3),
            5 => {
                let region = self.word("ASIA", &REGIONS);
                let year = self.year(1994);
                list![region, year, year.plus_months(12)]
            }
            6 => {
                let year = self.year(1994);
                let discount = self.int(6, 2, 9);
                let quantity = self.int(24, 24, 25);
                let (low, high) = (Decimal::cents(discount - 1), Decimal::cents(discount + 1));
                list![year, year.plus_months(12), low, high, quantity]
            }
            7 => {
                let [one, two] = self.different(["FRANCE", "GERMANY"], &names());
                list![one, two, two, one, day(1995, 1, 1), day(1996, 12, 31)]
            }
            8 => self.market_share(),
            9 => list![format!("%{}%", self.word("green", &COLORS))],
            10 => self.months((1993, 10), (1993, 2), (1995, 1), 3),
            11 => {
                let nation = self.word("GERMANY", &names());
                list![nation, self.fraction(), nation]
            }
            12 => {
                let [one, two] = self.different(["MAIL", "SHIP"], &MODES);
                let year = self.year(1994);
                list![one, two, year, year.plus_months(12)]
            }
            13 => {
                let one = self.word("special", &WORDS.0);
                list![format!("%{one}%{}%", self.word("requests", &WORDS.1))]
            }
            14 => self.months((1995, 9), (1993, 1), (1997, 12), 1),
            15 => self.months((1996, 1), (1993, 1), (1997, 10), 3),
            16 => self.parts_and_suppliers(),
            17 => {
                let brand = self.word("Brand#23", &BRANDS);
                list![brand, self.syllables(["MED", "BOX"], &CONTAINERS)]
            }
            18 => list![self.int(300, 312, 315)],
            19 => self.discounted(),
            20 => {
                let color = self.word("forest", &COLORS);
                let year = self.year(1994);
                let nation = self.word("CANADA", &names());
                list![format!("{color}%"), year, year.plus_months(12), nation]
            }
            21 => list![self.word("SAUDI ARABIA", &names())],
            22 => {
                let codes = self.several([13, 31, 23, 29, 30, 18, 17], 10, 34);
                let twice = codes.iter().chain(&codes);
                twice.map(|code| Parameter::from(code.to_string())).collect()
            }
            _ => Vec::new(),
        }
    }

    fn minimum_cost(&mut self) -> Vec<Parameter> {
        let size = self.int(15, 1, 50);
        let metal = self.word("BRASS", &TYPES.2);
        let region = self.word("EUROPE", &REGIONS);
        list![size, format!("%{metal}"), region, region]
    }

    fn market_share(&mut self) -> Vec<Parameter> {
        let (nation, region) = match &mut self.rng {
            None => ("BRAZIL", "AMERICA"),
            Some(rng) => {
                let (nation, region) = NATIONS[rng.below(NATIONS.len() as u64) as usize];
                (nation, REGIONS[region])
            }
        };
        let first = self.word("ECONOMY", &TYPES.0);
        let kind = self.syllables(["ANODIZED", "STEEL"], &(TYPES.1, TYPES.2));
        list![nation, region, day(1995, 1, 1), day(1996, 12, 31), format!("{first} {kind}")]
    }

    fn parts_and_suppliers(&mut self) -> Vec<Parameter> {
        let brand = self.word("Brand#45", &BRANDS);
        let kind = self.syllables(["MEDIUM", "POLISHED"], &(TYPES.0, TYPES.1));
        let mut all = list![brand, format!("{kind}%")];
        let sizes = self.several([49, 14, 23, 45, 19, 3, 36, 9], 1, 50);
        all.extend(sizes.map(Parameter::from));
        all
    }

    fn discounted(&mut self) -> Vec<Parameter> {
        let mut all = Vec::new();
        for (brand, quantity, low, high) in
            [("Brand#12", 1, 1, 10), ("Brand#23", 10, 10, 20), ("Brand#34", 20, 20, 30)]
        {
            let brand = self.word(brand, &BRANDS);
            let quantity = self.int(quantity, low, high);
            all.extend(list![brand, quantity, quantity + 10]);
        }
        all
    }

    fn int(&mut self, published: i64, low: i64, high: i64) -> i64 {
        self.rng.as_mut().map_or(published, |rng| rng.between(low, high))
    }

    fn word<'w>(&mut self, published: &'w str, words: &[&'w str]) -> &'w str {
        match &mut self.rng {
            None => published,
            Some(rng) => words[rng.below(words.len() as u64) as usize],
        }
    }

    /// Two words with a blank between them.
    fn syllables<const A: usize, const B: usize>(
        &mut self,
        published: [&str; 2],
        (first, second): &([&str; A], [&str; B]),
    ) -> String {
        let first = self.word(published[0], first);
        format!("{first} {}", self.word(published[1], second))
    }

    /// Words of a list, none of them twice.
    fn different<'w, const N: usize>(
        &mut self,
        published: [&'w str; N],
        words: &[&'w str],
    ) -> [&'w str; N] {
        let places = self.several([-1; N], 0, words.len() as i64 - 1);
        let mut chosen = published;
        for (word, place) in chosen.iter_mut().zip(places) {
            *word = usize::try_from(place).map_or(*word, |place| words[place]);
        }
        chosen
    }

    /// Numbers of a range, none of them twice.
    fn several<const N: usize>(&mut self, published: [i64; N], low: i64, high: i64) -> [i64; N] {
        let Some(rng) = &mut self.rng else { return published };
        let mut all: Vec<i64> = (low..=high).collect();
        rng.shuffle(&mut all);
        std::array::from_fn(|place| all[place])
    }

    /// The first day of a year from 1993 to 1997.
    fn year(&mut self, published: i16) -> Date {
        day(self.int(published.into(), 1993, 1997) as i16, 1, 1)
    }

    /// The first day of a month from `first` to `last`, and of the one `length` months later.
    fn months(
        &mut self,
        published: (i16, u8),
        first: (i16, u8),
        last: (i16, u8),
        length: i32,
    ) -> Vec<Parameter> {
        let number = |(year, month): (i16, u8)| i64::from(year) * 12 + i64::from(month) - 1;
        let chosen = self.int(number(published), number(first), number(last));
        let begin = day((chosen / 12) as i16, (chosen % 12) as u8 + 1, 1);
        list![begin, begin.plus_months(length)]
    }

    /// 0.0001 divided by the scale (2.4.11.3), in steps of a million millionth.
    fn fraction(&self) -> Decimal {
        Decimal::new((10_000_000_000 / self.scale.in_hundredths().max(1)).cast_signed(), 12)
    }
}

/// The names of all nations.
fn names() -> [&'static str; NATIONS.len()] {
    NATIONS.map(|(name, _)| name)
}

/// A day that is known to be there.
fn day(year: i16, month: u8, day: u8) -> Date {
    Date::from_parts(year, month, day).unwrap_or(Date(0))
}

#[cfg(test)]
mod tests {
    use super::super::queries::QUERIES;
    use super::*;

    #[test]
    fn every_query_gets_as_many_parameters_as_it_takes() {
        let mut rng = Rng::new(1, &[1]);
        for (place, query) in QUERIES.iter().enumerate() {
            let taken = query.sql.matches('?').count();
            assert_eq!(published(place).len(), taken, "{}", query.name);
            assert_eq!(drawn(place, Scale::ONE, &mut rng).len(), taken, "{}", query.name);
        }
    }

    #[test]
    fn the_published_parameters() {
        let mut all = String::new();
        for (place, query) in QUERIES.iter().enumerate() {
            let values: Vec<String> = published(place).iter().map(shown).collect();
            all += &format!("{} {}\n", query.name, values.join(", "));
        }
        insta::assert_snapshot!("published_parameters", all);
    }

    #[test]
    fn drawn_parameters_keep_their_rules() {
        let mut rng = Rng::new(7, &[1]);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..500 {
            let [Parameter::Text(one), Parameter::Text(two), ..] =
                &drawn(6, Scale::ONE, &mut rng)[..]
            else {
                panic!("two nations")
            };
            assert_ne!(one, two);
            seen.insert(one.clone());
            let sizes = drawn(15, Scale::ONE, &mut rng);
            let unique: std::collections::HashSet<String> = sizes[2..].iter().map(shown).collect();
            assert_eq!(unique.len(), 8);
            let [Parameter::Date(begin), Parameter::Date(end)] =
                drawn(13, Scale::ONE, &mut rng)[..]
            else {
                panic!("two days")
            };
            assert_eq!((begin.parts().2, begin.plus_months(1)), (1, end));
            assert!((day(1993, 1, 1)..=day(1997, 12, 1)).contains(&begin));
        }
        assert_eq!(seen.len(), 25);
        assert_eq!(shown(&drawn(10, Scale::hundredths(1), &mut rng)[1]), "0.010000000000");
    }

    fn shown(parameter: &Parameter) -> String {
        match parameter {
            Parameter::Int(int) => int.to_string(),
            Parameter::Decimal(decimal) => decimal.to_string(),
            Parameter::Text(text) => text.clone(),
            Parameter::Date(date) => date.to_string(),
            _ => panic!("{parameter:?} is none of TPC-H"),
        }
    }
}
