//! The answers that were published, for the parameters that each query's validation names.
//!
//! Those at scale 1 are the specification's own, which the crate `tpchgen` brings along (Apache
//! License 2.0). It publishes none for smaller scales; where those come from is told in
//! `answers/README.md`.

use dbdyno_core::Scale;
use tpchgen::q_and_a::answers_sf1;

macro_rules! answers {
    ($folder:literal: $($number:literal)*) => {
        [$(include_str!(concat!("answers/", $folder, "/q", $number, ".csv"))),*]
    };
}

const SF_0_01: [&str; 22] = answers!("sf0.01": "01" "02" "03" "04" "05" "06" "07" "08" "09" "10" "11"
    "12" "13" "14" "15" "16" "17" "18" "19" "20" "21" "22");
const SF_0_1: [&str; 22] = answers!("sf0.1": "01" "02" "03" "04" "05" "06" "07" "08" "09" "10" "11"
    "12" "13" "14" "15" "16" "17" "18" "19" "20" "21" "22");

/// The published answer to query `number`, counted from 1: a line of names, then a line for each
/// row, with `|` between columns. `None` where none was published.
pub fn answer(scale: Scale, number: usize) -> Option<&'static str> {
    let place = number.checked_sub(1)?;
    match scale.in_hundredths() {
        1 => SF_0_01.get(place).copied(),
        10 => SF_0_1.get(place).copied(),
        // The crate's copy of this one has the keys of parts cut off after four digits.
        100 if number == 11 => Some(include_str!("answers/sf1/q11.csv")),
        100 => answers_sf1::answer(i32::try_from(number).ok()?),
        _ => None,
    }
}
