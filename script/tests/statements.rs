//! How statements are found, and what becomes of them.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use dbdyno_core::Access;
use dbdyno_script::{Do, Names, Script, Sql, StatementKind};
use proptest::prelude::*;

fn parse(text: &str) -> (Script, Names) {
    let mut names = Names::default();
    let script = Script::parse("test.sql", text, &mut names).unwrap_or_else(|why| panic!("{why}"));
    (script, names)
}

fn commands(script: &Script) -> impl Iterator<Item = &Sql> {
    script.commands().iter().filter_map(|command| match &command.action {
        Do::Sql(sql) => Some(sql),
        _ => None,
    })
}

/// Each statement with its variables, commands apart.
fn found(text: &str) -> Vec<Vec<String>> {
    let (script, names) = parse(text);
    commands(&script)
        .map(|sql| {
            let shown = sql.statements.iter().map(|statement| {
                let variables: Vec<&str> =
                    statement.parameters.iter().map(|slot| names.name(*slot)).collect();
                format!("{} [{}]", statement.sql, variables.join(" "))
            });
            shown.collect()
        })
        .collect()
}

fn one(text: &str) -> String {
    let found = found(text);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].join(" // ")
}

#[test]
fn semicolons_and_backslashes_end_statements() {
    assert_eq!(
        found("SELECT 1; SELECT 2\n;;\n SELECT 3\n\\set x 1\nSELECT 4"),
        [["SELECT 1 []"], ["SELECT 2 []"], ["SELECT 3 []"], ["SELECT 4 []"]]
    );
    assert_eq!(one("SELECT (1;2);"), "SELECT (1;2) []");
    assert_eq!(one("SELECT 1 \\; SELECT 2 \\;"), "SELECT 1 [] // SELECT 2 []");
    assert_eq!(one("SELECT ';', \";\", $$;$$ -- ;\n;"), "SELECT ';', \";\", ';' []");
}

#[test]
fn variables_become_parameters_where_they_can() {
    assert_eq!(one("SELECT :a+:b, :a::int, x::text"), "SELECT ?+?, ?::int, x::text [a b a]");
    assert_eq!(one("SELECT a[1:2], b[:n], '12:30', :1"), "SELECT a[1:2], b[?], '12:30', :1 [n]");
    assert_eq!(one("SELECT @x := 1, \\:y"), "SELECT @x := 1, :y []");
    assert_eq!(one("SELECT ':x', \":y\", $$:z$$"), "SELECT ':x', \":y\", ':z' []");
    assert_eq!(one("SELECT :größe"), "SELECT ? [größe]");
}

#[test]
fn comments_go_and_hints_stay() {
    assert_eq!(one("-- it's ?\nSELECT /* :x /* ; */ ' */ 1 -- don't\n, 2;"), "SELECT   1 \n, 2 []");
    assert_eq!(
        one("SELECT /*+ SeqScan(a) */ 1 /*! STRAIGHT */"),
        "SELECT /*+ SeqScan(a) */ 1 /*! STRAIGHT */ []"
    );
}

/// Whoever reads these more than once ends no test.
#[test]
fn megabytes_are_read_once() {
    const MANY: usize = 1 << 20;
    assert_eq!(one(&format!("{}SELECT 1;", " \n".repeat(MANY))), "SELECT 1 []");
    assert_eq!(one(&format!("{}SELECT 1;", "-- none\n".repeat(MANY))), "SELECT 1 []");
    let nested = format!("{}{}SELECT 1;", "/*".repeat(MANY), "*/".repeat(MANY));
    assert_eq!(one(&nested), "SELECT 1 []");
    let unclosed = format!("SELECT 1;{}", "/*".repeat(MANY));
    assert!(Script::parse("test.sql", &unclosed, &mut Names::default()).is_err());
    let text = "y".repeat(MANY);
    assert_eq!(one(&format!("SELECT '{text}:x';")), format!("SELECT '{text}:x' []"));

    let (script, _) = parse(&"\\set x :x + 1\nBEGIN;\nSELECT :x;\nEND;\n".repeat(MANY / 20));
    let last = script.commands().last().unwrap();
    assert_eq!((script.commands().len(), last.line), (MANY / 20 * 4, MANY / 20 * 4));
    let deep =
        format!("{}SELECT 1;\n{}", "\\if :x\n".repeat(MANY / 8), "\\endif\n".repeat(MANY / 8));
    assert_eq!(found(&deep), [["SELECT 1 []"]]);
}

#[test]
fn quotes_end_where_they_should() {
    assert_eq!(one("SELECT 'it''s', 'a\\';"), "SELECT 'it''s', 'a\\' []");
    assert_eq!(one("SELECT E'it\\'s\\n;', :x;"), "SELECT E'it''s\\n;', ? [x]");
    assert_eq!(one("SELECT the'x', $t$it's $$ :a$t$;"), "SELECT the'x', 'it''s $$ :a' []");
    assert_eq!(one("SELECT a$1$b, $1 FROM t"), "SELECT a$1$b, $1 FROM t []");
}

#[test]
fn bodies_of_routines_are_one_statement() {
    let body = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  UPDATE b SET n = CASE WHEN n > 1 THEN 2 \
                ELSE 3 END;\n  DELETE FROM c;\nEND";
    assert_eq!(
        found(&format!("{body};\nSELECT 1;")),
        [vec![format!("{body} []")], vec!["SELECT 1 []".to_owned()]]
    );
    let body = "CREATE OR REPLACE PROCEDURE p() BEGIN IF 1 THEN SELECT 1; END IF; END";
    assert_eq!(found(&format!("{body};\nSELECT 1;")).len(), 2);
}

/// What a transaction begins as must be known before it is: SQLite takes the lock for writing at once, or
/// finds that it cannot have it any more.
#[test]
fn an_end_in_a_branch_hides_no_write_of_another() {
    let access = |text: &str| {
        let (script, _) = parse(text);
        let kinds: Vec<StatementKind> =
            commands(&script).map(|sql| sql.statements[0].kind).collect();
        kinds[0]
    };
    let reads = StatementKind::Begin(Access::Read);
    let writes = StatementKind::Begin(Access::Write);
    for (text, kind) in [
        (
            "BEGIN;\nSELECT 1;\n\\if 1\nROLLBACK;\n\\else\nDELETE FROM t;\nCOMMIT;\n\\endif\n",
            writes,
        ),
        ("BEGIN;\n\\if 1\nDELETE FROM t;\n\\endif\nCOMMIT;\n", writes),
        ("BEGIN;\n\\if 1\nCOMMIT;\n\\endif\n\\if 0\nDELETE FROM t;\nCOMMIT;\n\\endif\n", writes),
        ("BEGIN;\n\\if 1\nSELECT 1;\n\\else\nSELECT 2;\n\\endif\nCOMMIT;\nDELETE FROM t;\n", reads),
        ("BEGIN;\nSELECT 1 FROM t {for_update};\nCOMMIT;\n", writes),
    ] {
        assert_eq!(access(text), kind, "{text}");
    }
}

#[test]
fn transactions_are_told_by_their_words() {
    use StatementKind::{Begin, Commit, Read, Rollback, Write};
    let (script, _) = parse(
        "BEGIN; SELECT 1; SELECT 2; END;
         begin work; SELECT 1 FROM t FOR UPDATE; COMMIT TRANSACTION;
         START TRANSACTION READ ONLY; DELETE FROM t; ABORT;
         BEGIN TRANSACTION; WITH x AS (INSERT INTO t SELECT 1) SELECT 1; SAVEPOINT a;
         ROLLBACK TO SAVEPOINT a; ROLLBACK;",
    );
    let kinds: Vec<StatementKind> = commands(&script).map(|sql| sql.statements[0].kind).collect();
    assert_eq!(
        kinds,
        [
            Begin(Access::Read),
            Read,
            Read,
            Commit,
            Begin(Access::Write),
            Write,
            Commit,
            Begin(Access::Read),
            Write,
            Rollback,
            Begin(Access::Write),
            Write,
            Write,
            Write,
            Rollback,
        ]
    );
}

#[test]
fn columns_are_stored_where_the_script_says() {
    let (script, _) = parse("SELECT 1 AS a \\gset\nSELECT 2 \\; SELECT 3;\n\\aset p_\nSELECT 4;");
    let stores: Vec<_> = commands(&script)
        .map(|sql| sql.store.as_ref().map(|store| (store.prefix.as_str(), store.all)))
        .collect();
    assert_eq!(stores, [Some(("", false)), Some(("p_", true)), None]);
}

proptest! {
    /// A statement of any pieces comes out as it went in, but for what was meant to change.
    #[test]
    fn statements_go_through(
        pieces in prop::collection::vec(
            prop_oneof![
                "[a-z]{1,6}",
                "'([a-z; \\\\\"-]|''){0,5}'",
                "\"[a-z;' ]{0,5}\"",
                "[0-9]{1,3}",
                "[,=+*]",
                ":[a-z]{1,3}",
                "\\([a-z;]{0,3}\\)",
            ],
            1..12,
        ),
    ) {
        let text = format!("x {}", pieces.join(" "));
        let expected: Vec<String> = std::iter::once("x".to_owned())
            .chain(pieces.iter().map(|piece| if piece.starts_with(':') { "?".to_owned() } else { piece.clone() }))
            .collect();
        let (script, names) = parse(&format!("{text};"));
        let sql = commands(&script).next().unwrap();
        prop_assert_eq!(&sql.statements[0].sql, &expected.join(" "));
        let variables: Vec<String> =
            sql.statements[0].parameters.iter().map(|slot| format!(":{}", names.name(*slot))).collect();
        let wanted: Vec<String> = pieces.iter().filter(|p| p.starts_with(':')).cloned().collect();
        prop_assert_eq!(variables, wanted);
    }

    /// Whatever a file holds, it is compiled or refused.
    #[test]
    fn no_text_makes_it_panic(text in "([a-z :;'\"$/*\\\\\n\\-(){}?é]|set|if|else|endif|\\\\){0,80}") {
        let _ = Script::parse("test.sql", &text, &mut Names::default());
    }
}
