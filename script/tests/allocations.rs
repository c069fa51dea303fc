//! Evaluating expressions allocates nothing. A binary with one test, for whatever another thread does
//! would be counted, too.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

#[path = "../../core/benches/counting.rs"]
mod counting;

use dbdyno_core::random::Rng;
use dbdyno_script::{Do, Machine, Names, Script, Variables};

/// All operators and functions.
const EXPRESSIONS: [&str; 24] = [
    "random(1, 100000 * :scale)",
    "random_gaussian(1, 1000, 2.5) + random_exponential(1, 1000, 2.5)",
    "random_zipfian(1, 1000000, 1.07)",
    "hash(:i) + hash_fnv1a(:i, 3) - hash_murmur2(:i, 7) / 1000",
    "permute(:i, 1000000)",
    "greatest(:i, 2, 3.5, :text) + least(1, 2, :double)",
    "abs(-:i) + abs(-:double) + int(7.6) + double(3) + mod(:i, 7)",
    "sqrt(:double) + ln(:double) + exp(1) + pow(2, 10) + power(2.0, 3) + pi()",
    "CASE WHEN :i < 5 THEN 1 WHEN :i = 5 THEN 2 WHEN :b THEN 4 ELSE 3 END",
    "CASE WHEN :n IS NULL THEN 1 END",
    "(:i & 5) | (:i # 3) + (:i << 2) - (:i >> 1)",
    "~ :i % 7 * 3",
    "NOT (:i < 1 OR :i <= 2 AND :i > 3 OR :i >= 4 OR :i = 5 OR :i <> 6 OR :i != 7)",
    ":b IS TRUE AND :b IS NOT FALSE OR :n ISNULL OR :i NOTNULL",
    ":n + 1",
    ":text + :float_text",
    ":words",
    ":off OR :words",
    "-:i - -5",
    "debug(:i)",
    "1.5e3 / :double - :i",
    "9223372036854775807 - 1",
    "-9223372036854775808 + 1",
    "random(:low, :high) % 2 = 0",
];

#[test]
fn evaluating_allocates_nothing() {
    let text: String =
        (0..).zip(EXPRESSIONS).map(|(n, one)| format!("\\set x{n} {one}\n")).collect();
    let mut names = Names::default();
    let script = Script::parse("test.sql", &text, &mut names).unwrap_or_else(|why| panic!("{why}"));
    let mut variables = Variables::new(&names);
    for (name, value) in [
        ("scale", "1"),
        ("i", "41"),
        ("b", "true"),
        ("n", "null"),
        ("double", "2.25"),
        ("text", "  12"),
        ("float_text", "1e-3"),
        ("words", "YES"),
        ("off", "of"),
        ("low", "-9000000000000000000"),
        ("high", "-1"),
        ("default_seed", "77"),
    ] {
        variables.set_text(names.find(name).unwrap(), value);
    }
    let mut rng = Rng::new(1, &[]);
    let mut told = 0;
    let mut play = |variables: &mut Variables| {
        for command in script.commands() {
            let Do::Set(slot, expression) = &command.action else { unreachable!() };
            let mut debug = |_| told += 1;
            let mut machine = Machine { variables, rng: &mut rng, debug: &mut debug };
            let value = expression.evaluate(&mut machine);
            variables.set(*slot, value.expect("it has a value"));
        }
    };
    let before = counting::allocations();
    for _ in 0..1_000 {
        play(&mut variables);
    }
    let allocations = counting::allocations() - before;
    assert_eq!((allocations, told), (0, 1_000));
}
