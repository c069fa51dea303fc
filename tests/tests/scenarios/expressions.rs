//! Expressions put together at random, for pgbench to be asked what they are worth.

use dbdyno_core::random::Rng;

/// Variables that an expression may read, by what they hold.
pub const VARIABLES: [(&str, &str); 6] = [
    ("i", "41"),
    ("m", "-9223372036854775807"),
    ("d", "-2.5"),
    ("b", "true"),
    ("n", "null"),
    ("default_seed", "77"),
];

/// What an expression is meant to be worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Double,
    Bool,
}

/// An expression of at most so many levels. Most have a value; some are of the wrong type, out of range or
/// divide by zero.
pub fn random(rng: &mut Rng, levels: u32) -> String {
    let kind = pick(rng, &[Kind::Int, Kind::Int, Kind::Double, Kind::Bool]);
    of(rng, kind, levels)
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.below(from.len() as u64) as usize]
}

fn of(rng: &mut Rng, kind: Kind, levels: u32) -> String {
    // Now and then something else than what is wanted; in parentheses, for two comparisons in a row are an
    // error of the grammar.
    if rng.percent(4.0) {
        let other = pick(rng, &[Kind::Int, Kind::Double, Kind::Bool]);
        return format!("({})", of(rng, other, levels.saturating_sub(1)));
    }
    if rng.percent(2.0) {
        return pick(rng, &["null", "NULL", ":n"]).to_owned();
    }
    if levels == 0 {
        return leaf(rng, kind);
    }
    if rng.percent(8.0) {
        let (condition, then) = (of(rng, Kind::Bool, levels - 1), of(rng, kind, levels - 1));
        let otherwise = of(rng, kind, levels - 1);
        return format!("case when {condition} then {then} else {otherwise} end");
    }
    match kind {
        Kind::Int => int(rng, levels - 1),
        Kind::Double => double(rng, levels - 1),
        Kind::Bool => bool(rng, levels - 1),
    }
}

fn leaf(rng: &mut Rng, kind: Kind) -> String {
    match kind {
        Kind::Int => {
            let special = ["9223372036854775807", "-9223372036854775808", ":i", ":m", "0", "1"];
            if rng.percent(40.0) {
                pick(rng, &special).to_owned()
            } else {
                rng.between(-20, 20).to_string()
            }
        }
        Kind::Double => {
            pick(rng, &["0.5", "1.5e3", "-2.5", ".25", "3.", "1e-300", "7E2", ":d", "pi()"])
                .to_owned()
        }
        Kind::Bool => pick(rng, &["true", "FALSE", ":b"]).to_owned(),
    }
}

fn int(rng: &mut Rng, levels: u32) -> String {
    let mut arg = |kind| of(rng, kind, levels);
    let (one, two) = (arg(Kind::Int), arg(Kind::Int));
    match rng.below(14) {
        0 => format!("({one})"),
        1 => format!("-{one}"),
        2 => format!("~{one}"),
        // pgbench itself takes a boolean for a double there, whatever its bytes are.
        3 => format!("abs(0 + ({one}))"),
        4 => format!("int({})", of(rng, Kind::Double, levels)),
        5 => format!("hash({one})"),
        6 => format!("hash_fnv1a({one}, {two})"),
        7 => format!("permute({one}, {two}, 5)"),
        8 => format!("{}({one}, {two}, 3)", pick(rng, &["least", "greatest"])),
        // C leaves open what other distances shift by.
        9 => format!("{one} {} {}", pick(rng, &["<<", ">>"]), rng.below(64)),
        10 => format!("mod({one}, {two})"),
        _ => format!("{one} {} {two}", pick(rng, &["+", "-", "*", "/", "%", "&", "|", "#"])),
    }
}

fn double(rng: &mut Rng, levels: u32) -> String {
    let (one, two) = (of(rng, Kind::Double, levels), of(rng, Kind::Double, levels));
    match rng.below(8) {
        0 => format!("({one})"),
        1 => format!("-{one}"),
        2 => format!("{}({one}))", pick(rng, &["abs(.0 + ", "sqrt(", "ln(", "exp("])),
        3 => format!("double({})", of(rng, Kind::Int, levels)),
        4 => format!("{}({one}, {two})", pick(rng, &["pow", "power", "least", "greatest"])),
        5 => {
            format!("{} {} {one}", of(rng, Kind::Int, levels), pick(rng, &["+", "-", "*", "/"]))
        }
        _ => format!("{one} {} {two}", pick(rng, &["+", "-", "*", "/"])),
    }
}

fn bool(rng: &mut Rng, levels: u32) -> String {
    let number = pick(rng, &[Kind::Int, Kind::Int, Kind::Double]);
    let (one, two) = (of(rng, number, levels), of(rng, Kind::Int, levels));
    match rng.below(9) {
        0 => format!("({})", of(rng, Kind::Bool, levels)),
        1 => format!("not {}", of(rng, Kind::Bool, levels)),
        2 => format!("({one}) is {}", pick(rng, &["null", "not null", "true", "not false"])),
        3 => format!("({one}) {}", pick(rng, &["isnull", "notnull"])),
        4 | 5 => {
            let (one, two) = (of(rng, Kind::Bool, levels), of(rng, Kind::Bool, levels));
            format!("{one} {} {two}", pick(rng, &["and", "or", "AND", "Or"]))
        }
        _ => format!("{one} {} {two}", pick(rng, &["<", "<=", "=", "<>", "!=", ">=", ">"])),
    }
}
