//! What people are told who got a script wrong: the mistakes that PostgreSQL 15 tests in its own pgbench
//! (`src/bin/pgbench/t/001_…` and `002_…`), and some more.

mod common;

use common::mistake;

#[track_caller]
fn told(scripts: &[&str]) -> String {
    scripts.iter().map(|script| format!("{}\n\n", mistake(script))).collect()
}

#[test]
fn of_expressions() {
    insta::assert_snapshot!(told(&[
        "\\set i 1 +\n",
        "-- a comment\n\\set i 1 +\\\n  2 * * 3\n",
        "\\set i",
        "\\set",
        "\\set . 1",
        "\\set :x 1",
        "\\set 1x 1",
        "\\set i ;",
        "\\set i (1 + 2",
        "\\set i 1 + 2)",
        "\\set i 1 2",
        "\\set i noSuchFunction()",
        "\\set i randm(1, 2)",
        "\\set x 1\n\\set y x + 1",
        "\\set i ln(1.0, 2.0))",
        "\\set i greatest()",
        "\\set i least(0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16)",
        "\\set i hash()",
        "\\set i hash(1,2,3)",
        "\\set i permute(1)",
        "\\set i permute(1, 2, 3, 4)",
        "\\set i debug()",
        "\\set i random(1)",
        "\\set i random_zipfian(1, 2)",
        "\\set i pi(3)",
        "\\set i 100000000000000000000",
        "\\set i 9223372036854775808",
        "\\set d 1.0E309",
        "\\set d .1E310",
        "\\set i CASE TRUE THEN 1 ELSE 0 END",
        "\\set i CASE WHEN TRUE 1 END",
        "\\set i CASE WHEN TRUE THEN 1 ELSE 2",
        "\\set i 1 < 2 < 3",
        "\\set i 1 IS 2",
        "\\set i :",
        "\\set ü 'text'",
        "\tSELECT 1;\t\\set i 3 $ 4",
    ]));
}

#[test]
fn of_commands() {
    insta::assert_snapshot!(told(&[
        "\\if 1",
        "\\elif 1",
        "\\else",
        "\\endif",
        "\\if 1\n\\else\n\\elif 0\n\\endif",
        "\\if 1\n\\else\n\\else\n\\endif",
        "\\if\n\\endif\n",
        "\\if 0\n\\elif +\n\\endif\n",
        "\\if 0\n\\else BAD\n\\endif\n",
        "\\if 0\n\\endif BAD\n",
        "\\sleep",
        "\\sleep 1 week",
        "\\sleep too many args",
        "\\sleep 1x s",
        "\\sleep 1.5",
        "\\gset",
        "\\set i +1\n\\gset",
        "SELECT 1 AS i \\gset\n\\gset",
        "SELECT 1 \\gset a b",
        "SELECT 1 \\gset 1",
        "BEGIN;\nCOMMIT \\gset",
        "\\nosuchcommand",
        "\\slep 1",
        "\\ x",
        "\\shell echo x",
        "\\setshell x echo 1",
        "\\setrandom aid 1 100",
        "\\startpipeline\n\\startpipeline",
        "\\endpipeline",
        "\\startpipeline\nSELECT 1 \\gset\n\\endpipeline",
        "\\startpipeline\nSELECT 1 \\aset\n\\endpipeline",
        "\\syncpipeline",
        "\\aset",
        "\\endpipeline now",
        "\\startpipeline\nSELECT 1;",
        "\\if 1\n\\startpipeline\n\\endif\n\\endpipeline",
    ]));
}

#[test]
fn of_statements() {
    insta::assert_snapshot!(told(&[
        "",
        "-- nothing\n;; /* at all */ \\;",
        "SELECT 'abc\n;",
        "SELECT /* /* */ 1;",
        "SELECT $a$ x $b$;",
        "SELECT \"x;",
        "SELECT a ? 'b' FROM t;",
        "SELECT :nosuch;",
        "\\set x 1\nSELECT 'user :x';",
        "\\set x 1\nSELECT $$:x$$;",
        "\\set x 1\nSELECT :'x';",
        "\\set x 1\nSELECT 1 AS :\"x\";",
        "SELECT 1; SELECT 2; COMMIT;",
        "SELECT 1;\n COPY (SELECT 1) TO STDOUT;",
        "BEGIN ISOLATION LEVEL SERIALIZABLE;\nEND;",
        "BEGIN;\nSELECT 1;",
        "SELECT 1;\n  COMMIT;",
        "BEGIN;\nBEGIN;\nEND;",
        "BEGIN;\nCOMMIT AND CHAIN;\nEND;",
    ]));
}

#[test]
fn deep_expressions_are_refused_in_time() {
    for deep in ["(", "-", "NOT ", "~", "abs(", "case when ", "1 + (", "1+"] {
        let found = mistake(&format!("\\set x {}", deep.repeat(100_000)));
        assert!(found.contains("200 parts deep"), "{deep}: {}", &found[..found.len().min(200)]);
    }
    assert_eq!(mistake(&format!("\\set x {}1", "1+".repeat(150))), "no mistake");
}
