//! The examples of PostgreSQL's manual ("pgbench", "Custom Scripts", "Built-in Operators" and "Built-in
//! Functions"), row by row: those of its releases 15 to 18 are the same.

/// The examples of operators, by what pgbench tells of them. It takes no numbers for truth values, though the
/// manual says so of the first two.
pub const OPERATORS: [(&str, &str); 24] = [
    ("5 or 0", "cannot coerce int to boolean"),
    ("3 and 0", "cannot coerce int to boolean"),
    ("not false", "boolean true"),
    ("1 is null", "boolean false"),
    ("1 notnull", "boolean true"),
    ("5 = 4", "boolean false"),
    ("5 <> 4", "boolean true"),
    ("5 != 5", "boolean false"),
    ("5 < 4", "boolean false"),
    ("5 <= 4", "boolean false"),
    ("5 > 4", "boolean true"),
    ("5 >= 4", "boolean true"),
    ("1 | 2", "int 3"),
    ("1 # 3", "int 2"),
    ("1 & 3", "int 1"),
    ("~ 1", "int -2"),
    ("1 << 2", "int 4"),
    ("8 >> 2", "int 2"),
    ("5 + 4", "int 9"),
    ("3 - 2.0", "double 1"),
    ("5 * 4", "int 20"),
    ("5 / 3", "int 1"),
    ("3 % 2", "int 1"),
    ("- 2.0", "double -2"),
];

/// The examples of functions that have one value.
pub const FUNCTIONS: [(&str, &str); 17] = [
    ("abs(-17)", "int 17"),
    ("debug(5432.1)", "double 5432.1"),
    ("double(5432)", "double 5432"),
    ("exp(1.0)", "double 2.71828182845905"),
    ("greatest(5, 4, 3, 2)", "int 5"),
    ("hash(10, 5432)", "int -5817877081768721676"),
    ("hash_fnv1a(10, 5432)", "int -7793829335365542153"),
    ("hash_murmur2(10, 5432)", "int -5817877081768721676"),
    ("int(5.4 + 3.8)", "int 9"),
    ("least(5, 4, 3, 2.1)", "double 2.1"),
    ("ln(2.718281828459045)", "double 1"),
    ("mod(54, 32)", "int 22"),
    ("pi()", "double 3.14159265358979"),
    ("pow(2.0, 10)", "double 1024"),
    ("power(2.0, 10)", "double 1024"),
    ("sqrt(2.0)", "double 1.4142135623731"),
    // An integer between 0 and 3; this with `-D default_seed=1234`.
    ("permute(0, 4)", "int 1"),
];

/// The examples of functions that draw a number, with the least and the greatest.
pub const RANDOM: [(&str, i64, i64); 4] = [
    ("random(1, 10)", 1, 10),
    ("random_exponential(1, 10, 3.0)", 1, 10),
    ("random_gaussian(1, 10, 2.5)", 1, 10),
    ("random_zipfian(1, 10, 1.5)", 1, 10),
];

/// The examples of commands that need no database, with a `debug` of what is to be compared.
pub const COMMANDS: &str = r"\set ntellers 10 * :scale
\set aid (1021 * random(1, 100000 * :scale)) % \
           (100000 * :scale) + 1
\set divx CASE WHEN :x <> 0 THEN :y/:x ELSE NULL END
\set size 1000000
\set r random_zipfian(1, :size, 1.07)
\set k 1 + permute(:r, :size)
\set k1 1 + permute(:r, :size, :default_seed + 123)
\set k2 1 + permute(:r, :size, :default_seed + 321)
\set r random_zipfian(1, 100 * :size, 1.07)
\set k 1 + abs(hash(:r)) % :size
\set told debug(:ntellers)
\set told debug(:divx)
\set told debug(:aid >= 1 AND :aid <= 100000 * :scale)
\set told debug(:k >= 1 AND :k <= :size AND :k1 >= 1 AND :k1 <= :size AND :k2 >= 1 AND :k2 <= :size)
\set told debug(:k1 <> :k2)
";
