//! The ways of finding rows that are measured, each with the index made for it.

use dbdyno_core::random::Rng;
use dbdyno_core::{IndexDefinition, IndexKey};
use dbdyno_datasets::access::{
    AMOUNTS, AccessRow, CHILD_COLUMNS, CITIES, REGIONS, ROW_COLUMNS, WORDS, keys, parents, word,
};

use crate::parameter::Parameter;

const ROWS: &str = "access_rows";
const CHILDREN: &str = "access_children";
/// The text whose words are looked for, and the key of its rows.
pub const TEXT: &str = "body";
pub const KEY: &str = "id";

/// A way of finding rows, and an index for it.
pub struct Pattern {
    /// Its name, that of the benchmark.
    pub name: &'static str,
    /// What is looked for, and what the index is.
    pub summary: &'static str,
    /// The index.
    pub index: IndexDefinition,
    /// The column that updates change: one that the index has.
    pub changed: &'static str,
    /// What is done to find rows.
    pub find: Find,
}

/// What is done to find rows.
pub enum Find {
    /// A query that answers two whole numbers in each row, in portable SQL, and its parameters.
    Query(&'static str, fn(&mut Rng, Drawn) -> Vec<Parameter>),
    /// Rows that have a word: the only query that an index makes another one.
    Word,
    /// A parent that has no children is deleted, and inserted again: the engine looks for children.
    DeleteParent,
}

/// What parameters are drawn for.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    /// The seed of the data.
    pub seed: u64,
    /// The rows of the table.
    pub rows: u64,
}

impl Pattern {
    /// The columns of its table.
    pub fn columns(&self) -> &'static [&'static str] {
        if self.index.table == CHILDREN { &CHILD_COLUMNS } else { &ROW_COLUMNS }
    }
}

const fn on(
    table: &'static str,
    name: &'static str,
    columns: &'static [&'static str],
) -> IndexDefinition {
    IndexDefinition { name, table, key: IndexKey::Columns(columns), filter: None }
}

/// Every pattern, in the order in which they run.
pub static PATTERNS: &[Pattern] = &[
    Pattern {
        name: "equality",
        summary: "Some ten rows by the value of a column; an index on it.",
        index: on(ROWS, "access_by_code", &["code"]),
        changed: "code",
        find: Find::Query("SELECT id, amount FROM access_rows WHERE code = ?", |rng, drawn| {
            vec![(rng.below(keys(drawn.rows)) as i64).into()]
        }),
    },
    Pattern {
        name: "range",
        summary: "One row in a thousand by a range of values; an index on the column.",
        index: on(ROWS, "access_by_amount", &["amount"]),
        changed: "amount",
        find: Find::Query(
            "SELECT id, region FROM access_rows WHERE amount >= ? AND amount < ?",
            |rng, _| range(rng, AMOUNTS, AMOUNTS / 1_000),
        ),
    },
    Pattern {
        name: "prefix",
        summary: "Rows whose name begins with three letters (LIKE 'abc%'); an index on the name.",
        index: on(ROWS, "access_by_name", &["name"]),
        changed: "name",
        find: Find::Query("SELECT id, amount FROM access_rows WHERE name LIKE ?", |rng, _| {
            let letters = (0..3).map(|_| char::from(b'a' + rng.below(26) as u8));
            vec![letters.chain(['%']).collect::<String>().into()]
        }),
    },
    Pattern {
        name: "composite",
        summary: "Rows by two columns; an index on both.",
        index: on(ROWS, "access_by_place", &["region", "city"]),
        changed: "city",
        find: Find::Query(
            "SELECT id, amount FROM access_rows WHERE region = ? AND city = ?",
            |rng, _| vec![(rng.below(REGIONS) as i64).into(), (rng.below(CITIES) as i64).into()],
        ),
    },
    Pattern {
        name: "composite-second-column",
        summary: "One row in a thousand by the second column of an index on two.",
        index: on(ROWS, "access_by_place", &["region", "city"]),
        changed: "city",
        find: Find::Query("SELECT id, amount FROM access_rows WHERE city = ?", |rng, _| {
            vec![(rng.below(CITIES) as i64).into()]
        }),
    },
    Pattern {
        name: "covering",
        summary: "A sum over one row in a hundred; an index that has all that the query reads.",
        index: on(ROWS, "access_code_amount", &["code", "amount"]),
        changed: "amount",
        find: Find::Query(
            "SELECT COUNT(*), SUM(amount) FROM access_rows WHERE code >= ? AND code < ?",
            |rng, drawn| range(rng, keys(drawn.rows), (keys(drawn.rows) / 100).max(1)),
        ),
    },
    Pattern {
        name: "partial",
        summary: "A tenth of the one row in a hundred that has a status; an index of these rows only.",
        index: IndexDefinition {
            filter: Some("status = 1"),
            ..on(ROWS, "access_status_one", &["amount"])
        },
        changed: "amount",
        find: Find::Query(
            "SELECT id, amount FROM access_rows \
             WHERE status = 1 AND amount >= ? AND amount < ?",
            |rng, _| range(rng, AMOUNTS, AMOUNTS / 10),
        ),
    },
    Pattern {
        name: "expression",
        summary: "One row by its address in lower case; an index on LOWER(email).",
        index: IndexDefinition {
            name: "access_by_lower_email",
            table: ROWS,
            key: IndexKey::Expression("LOWER(email)"),
            filter: None,
        },
        changed: "email",
        find: Find::Query(
            "SELECT id, amount FROM access_rows WHERE LOWER(email) = ?",
            |rng, drawn| {
                let row = AccessRow::draw(drawn.seed, drawn.rows, rng.below(drawn.rows));
                vec![row.email.to_lowercase().into()]
            },
        ),
    },
    Pattern {
        name: "order-by-limit",
        summary: "The ten rows before a moment, the latest first; an index in that order.",
        index: on(ROWS, "access_by_time", &["sold_at", "id"]),
        changed: "sold_at",
        find: Find::Query(
            "SELECT id, sold_at FROM access_rows WHERE sold_at <= ? \
             ORDER BY sold_at DESC, id DESC LIMIT 10",
            // Early moments have fewer than ten rows before them.
            |rng, _| vec![rng.between(30 * 86_400, 364 * 86_400).into()],
        ),
    },
    Pattern {
        name: "join",
        summary: "The rows of ten parents, joined; an index on the column that refers to them.",
        index: on(ROWS, "access_by_parent", &["parent_id"]),
        changed: "parent_id",
        find: Find::Query(
            "SELECT r.id, r.amount FROM access_parents p \
             JOIN access_rows r ON r.parent_id = p.id WHERE p.id >= ? AND p.id < ?",
            |rng, drawn| range(rng, parents(drawn.rows), 10),
        ),
    },
    Pattern {
        name: "foreign-key-delete",
        summary: "A parent without children is deleted and inserted again, for which the engine looks \
                  for children; an index on their foreign key.",
        index: on(CHILDREN, "access_child_by_parent", &["parent_id"]),
        changed: "parent_id",
        find: Find::DeleteParent,
    },
    Pattern {
        name: "low-selectivity",
        summary: "A sum over half of the rows; an index on the column that tells the halves apart.",
        index: on(ROWS, "access_by_flag", &["flag"]),
        changed: "flag",
        find: Find::Query(
            "SELECT COUNT(*), SUM(amount) FROM access_rows WHERE flag = ?",
            |rng, _| vec![(rng.below(2) as i64).into()],
        ),
    },
    Pattern {
        name: "json",
        summary: "Some ten rows by the value of a key of a JSON document; an index on that value.",
        index: IndexDefinition {
            name: "access_by_serial",
            table: ROWS,
            key: IndexKey::Expression("{json_text attributes serial}"),
            filter: None,
        },
        changed: "attributes",
        find: Find::Query(
            "SELECT id, amount FROM access_rows WHERE {json_text attributes serial} = ?",
            |rng, drawn| vec![rng.below(keys(drawn.rows)).to_string().into()],
        ),
    },
    Pattern {
        name: "full-text",
        summary: "One row in a thousand by a word of its text: LIKE '% word %' without the index, the \
                  engine's own full-text search with it.",
        index: IndexDefinition {
            name: "access_words",
            table: ROWS,
            key: IndexKey::Words { column: TEXT, row: KEY },
            filter: None,
        },
        changed: "body",
        find: Find::Word,
    },
];

/// Two bounds, the second `length` above the first, both up to `below`.
fn range(rng: &mut Rng, below: u64, length: u64) -> Vec<Parameter> {
    let low = rng.below(below.saturating_sub(length) + 1) as i64;
    vec![low.into(), (low + length as i64).into()]
}

/// A word to look for.
pub fn draw_word(rng: &mut Rng) -> String {
    word(rng.below(WORDS))
}
