//! Values of expressions against known truth: what pgbench 15.18 answers to `\set x debug(…)`, and the
//! examples of PostgreSQL's manual ("pgbench", "Built-in Operators" and "Built-in Functions").

mod common;

use common::{debugged, fault_column, manual, value};

#[track_caller]
fn assert_values(expected: &[(&str, &str)]) {
    for (expression, wanted) in expected {
        assert_eq!(&value(expression), wanted, "{expression}");
    }
}

#[test]
fn every_example_of_the_manuals_tables() {
    assert_values(&manual::OPERATORS);
    assert_values(&manual::FUNCTIONS);
    for (expression, least, greatest) in manual::RANDOM {
        let drawn: i64 = value(expression).strip_prefix("int ").unwrap().parse().unwrap();
        assert!((least..=greatest).contains(&drawn), "{expression} gave {drawn}");
    }
}

#[test]
fn the_manuals_examples_of_commands() {
    let defined =
        [("scale", "3"), ("x", "4"), ("y", "9"), ("default_seed", "1234"), ("unused", "none")];
    let truth = |number| format!("command={number}: boolean true");
    assert_eq!(
        debugged(manual::COMMANDS, &defined),
        [
            "command=11: int 30".to_owned(),
            "command=12: int 2".to_owned(),
            truth(13),
            truth(14),
            truth(15)
        ]
    );
}

#[test]
fn operators_and_functions_beyond_the_manuals_examples() {
    assert_values(&[
        ("true OR false", "boolean true"),
        ("false or false", "boolean false"),
        ("3 = 3 AND 4 = 5", "boolean false"),
        ("true and true", "boolean true"),
        ("NOT true", "boolean false"),
        ("(0 > 1) IS TRUE", "boolean false"),
        ("(0 > 1) IS NOT TRUE", "boolean true"),
        ("(0 > 1) IS FALSE", "boolean true"),
        ("(0 > 1) IS NOT FALSE", "boolean false"),
        ("1 IS TRUE", "boolean false"),
        ("null IS NOT NULL", "boolean false"),
        ("5 ISNULL", "boolean false"),
        ("5 != 4", "boolean true"),
        ("5 = 5", "boolean true"),
        ("+ 7", "int 7"),
        ("abs(-1.5)", "double 1.5"),
        ("permute(0, 4) + permute(1, 4) + permute(2, 4) + permute(3, 4)", "int 6"),
        ("random(1, 1)", "int 1"),
        ("random_exponential(3, 3, 3.0)", "int 3"),
        ("random_gaussian(3, 3, 2.5)", "int 3"),
        ("random_zipfian(3, 3, 1.5)", "int 3"),
        ("LEAST(1)", "int 1"),
        ("Greatest(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16)", "int 16"),
    ]);
}

/// At the operator, function or variable, not only the command.
#[test]
fn faults_are_told_by_place() {
    for (expression, column) in [
        ("1 + 2", 0),
        ("1 + 2 / 0", 14),
        ("1 + mod(2, 0)", 12),
        ("2 * (3 + :gone)", 17),
        ("abs(:gone + 1)", 12),
        ("9223372036854775807 + 1 - 1", 28),
        ("- (-9223372036854775808)", 8),
        ("true = 1", 13),
        ("1 > true", 10),
        ("1 = 1 AND 5", 14),
        ("1 OR true", 10),
        ("false OR 3", 14),
        ("1 = 1 AND NOT 5", 18),
        ("1 = 1 AND ~ true = 1", 18),
        ("5 + random(2, 1)", 12),
        ("5 + random(2, random_gaussian(1, 2, 1))", 22),
        ("permute(1, 0)", 8),
        ("case when 1 / 0 > 1 then 1 end", 20),
        ("case when 1 > 0 then least(1, true) end", 29),
        ("case when false then 1 else int(1e30) end", 36),
        ("greatest(true)", 8),
        ("true IS NULL AND 1", 0),
        ("NOT (1 IS NOT NULL AND 1 << 1.5 = 1E40 # 1)", 47),
    ] {
        assert_eq!(fault_column(expression), column, "{expression}");
    }
}

#[test]
fn precedence_is_that_of_pgbench() {
    assert_values(&[
        ("- ~ 1 + 2", "int 4"),
        ("~ 1 | 2", "int -2"),
        ("2 + 3 << 1", "int 10"),
        ("1 # 3 & 2", "int 2"),
        ("-2 / 3", "int 0"),
        ("-7 % 3", "int -1"),
        ("0 - -3", "int 3"),
        ("10 - 3 - 2", "int 5"),
        ("NOT false AND false", "boolean false"),
        ("1 = 1 IS NULL", "boolean false"),
        ("true OR true AND false", "boolean true"),
        ("NOT NOT true", "boolean true"),
        ("2 * 3 + 4 * 5", "int 26"),
    ]);
}

#[test]
fn types_mix_as_in_pgbench() {
    assert_values(&[
        ("1 = 1.0", "boolean true"),
        ("9223372036854775807 = 9223372036854775807.0", "boolean true"),
        ("5.9 % 3", "int 0"),
        ("int(2.5)", "int 2"),
        ("int(-0.5)", "int 0"),
        ("1.0/3", "double 0.333333333333333"),
        ("-0.0", "double 0"),
        ("1e5", "double 100000"),
        (".5", "double 0.5"),
        ("5.", "double 5"),
        ("1.0 / 0", "double Infinity"),
        ("sqrt(-1)", "double NaN"),
        ("ln(0)", "double -Infinity"),
        ("pow(-3,3)", "double -27"),
        ("pow(0,0)", "double 1"),
        ("power(-5.0,-5.0)", "double -0.00032"),
        ("pow(9223372036854775807, 2)", "double 8.50705917302346e+37"),
        ("pow(10,30)", "double 1e+30"),
        ("greatest(1, 2.5, 2)", "double 2.5"),
        ("hash(3.7, -1)", "int -6756116740663638848"),
        ("-9223372036854775808", "int -9223372036854775808"),
        ("abs(-9223372036854775808)", "int -9223372036854775808"),
        ("1 << 65", "int 2"),
        ("-8 >> 1", "int -4"),
        ("1 >> -1", "int 0"),
        ("mod(7, -3)", "int 1"),
        ("9223372036854775807 % -1", "int 0"),
        (":minint % -1", "int 0"),
        ("permute(3, 10, 99)", "int 9"),
        ("permute(12345, 1000000, -5)", "int 631748"),
        ("permute(-1, 10, 99)", "int 6"),
        ("hash(42)", "int 2323646918120149760"),
        ("hash_fnv1a(42)", "int -2872405005413907075"),
        ("permute(7, 1)", "int 0"),
    ]);
}

#[test]
fn null_is_as_in_pgbench() {
    assert_values(&[
        ("NULL + NULL * exp(NULL)", "null"),
        ("null = null", "null"),
        ("not null", "null"),
        ("least(null, 2)", "null"),
        ("least(2, null)", "null"),
        ("random(null, 1)", "null"),
        ("permute(1, null, 2)", "null"),
        ("abs(null)", "null"),
        // Not as in SQL: the left operand decides.
        ("null and false", "null"),
        ("false and null", "boolean false"),
        ("true or null", "boolean true"),
        ("null or true", "null"),
        ("case when null then 1 end", "null"),
        (":null ISNULL AND NOT :null IS TRUE AND :null IS NOT FALSE", "boolean true"),
    ]);
}

#[test]
fn what_is_not_needed_is_not_evaluated() {
    assert_values(&[
        ("case when 0 = 0 then -1 else 1 / 0 end", "int -1"),
        ("case when true or 1 / 0 < 0 then -1 else 1 / 0 end", "int -1"),
        ("case when 1 then 2 when 1 / 0 then 3 end", "int 2"),
        ("false and 1 / 0 = 0", "boolean false"),
        ("CASE WHEN 1.0 THEN TRUE END", "boolean true"),
        ("case when 0.0 then 1 when 0 then 2 when :null then 3 else 4 end", "int 4"),
    ]);
}

#[test]
fn every_fault_has_pgbenchs_words() {
    assert_values(&[
        ("1/0", "division by zero"),
        ("1 % 0", "division by zero"),
        ("mod(1, 0)", "division by zero"),
        (":nosuchvariable", "undefined variable \"nosuchvariable\""),
        ("random(5,3)", "empty range given to random"),
        ("random(:minint, :maxint)", "random range is too large"),
        (
            "random_gaussian(0, 10, 1.0)",
            "gaussian parameter must be at least 2.000000 (not 1.000000)",
        ),
        (
            "random_exponential(0, 10, 0.0)",
            "exponential parameter must be greater than zero (not 0.000000)",
        ),
        (
            "random_zipfian(0, 10, 1)",
            "zipfian parameter must be in range [1.001, 1000] (not 1.000000)",
        ),
        (
            "random_zipfian(0, 10, 1000000)",
            "zipfian parameter must be in range [1.001, 1000] (not 1000000.000000)",
        ),
        (":foo + 1", "malformed variable \"foo\" value: \"bla\""),
        ("NOT 0.0", "cannot coerce double to boolean"),
        ("TRUE + 2", "cannot coerce boolean to int"),
        ("TRUE = TRUE", "cannot coerce boolean to int"),
        ("TRUE = 1.0", "cannot coerce boolean to double"),
        ("ln(TRUE)", "cannot coerce boolean to double"),
        ("random(FALSE, TRUE)", "cannot coerce boolean to int"),
        ("least(TRUE)", "cannot coerce boolean to int"),
        ("greatest(1, TRUE)", "cannot coerce boolean to int"),
        ("int(1E32)", "double to int overflow for 100000000000000005366162204393472.000000"),
        ("(1<<62) + (1<<62)", "bigint add out of range"),
        ("0 - (1<<62) - (1<<62) - (1<<62)", "bigint sub out of range"),
        ("2 * (1<<62)", "bigint mul out of range"),
        (":minint / -1", "bigint div out of range"),
        ("permute(0, 0)", "permute size parameter must be greater than zero"),
        ("permute(0, -1, 2)", "permute size parameter must be greater than zero"),
    ]);
}

/// The script by which PostgreSQL 15 tests the expressions of its own pgbench
/// (`src/bin/pgbench/t/001_pgbench_with_server.pl`), by its facts: which value which command has.
#[test]
fn commands_are_counted_and_chosen_as_in_pgbench() {
    let script = r"\set zy 0
\set yz debug(case when :zy = 0 then -1 else (1 / :zy) end)
\set nope 0
\if 1 > 0
\set id debug(65)
\elif 0
\set nope 1
\else
\set nope 1
\endif
\if 1 < 0
\set nope 1
\elif 1 > 0
\set ie debug(74)
\else
\set nope 1
\endif
\if 1 < 0
\set nope 1
\elif 1 < 0
\set nope 1
\else
\set if debug(83)
\endif
\if 0
\if 1
\set nope 1
\endif
\else
\if 1
\set in debug(:t and \
    not :f)
\endif
\endif
\set nope debug(:nope)
";
    assert_eq!(
        debugged(script, &[("t", "t"), ("f", "of")]),
        [
            "command=2: int -1",
            "command=5: int 65",
            "command=14: int 74",
            "command=23: int 83",
            "command=31: boolean true",
            "command=34: int 0",
        ]
    );
}
