//! Values said as SQL come to every engine as they come as parameters, whatever the session is set to.

use dbdyno_core::schema::ColumnType;
use dbdyno_core::{
    Date, Decimal, Driver, Row, Session, SessionOptions, Statement, Timestamp, Value,
};

/// What could end a literal, hide its end, or be taken for a place of a parameter.
const TEXTS: [&str; 12] = [
    "",
    "it's",
    "'; DROP TABLE v; --",
    "\\",
    "\\'",
    "'\\",
    "\\'; DROP TABLE v; -- ",
    "?, $1 {for_update}",
    "\"`é漢🦀",
    "line\nfeed\ttab\\n",
    "%_",
    "' || '",
];

const INSERT: &str = "INSERT INTO v VALUES (?, ?, ?, ?, ?, ?, ?)";

async fn table(driver: &dyn Driver, bytes: &str) -> Box<dyn Session> {
    let options =
        SessionOptions { namespace: Some("literals".into()), ..SessionOptions::default() };
    let dialect = driver.dialect();
    let mut first = driver.connect(&SessionOptions::default()).await.unwrap();
    for sql in dialect.ensure_namespace("literals") {
        first.run_sql(&sql).await.unwrap();
    }
    let mut session = driver.connect(&options).await.unwrap();
    let [int, decimal, text, at, day] = [
        ColumnType::BigInt,
        ColumnType::Decimal(18, 3),
        ColumnType::Varchar(99),
        ColumnType::Timestamp,
        ColumnType::Date,
    ]
    .map(|ty| dialect.column_type(ty));
    let columns =
        format!("i {int}, f double precision, d {decimal}, t {text}, b {bytes}, a {at}, y {day}");
    let options = dialect.table_options();
    session.run_sql(&format!("CREATE TABLE v ({columns}){options}")).await.unwrap();
    session.prepare(&[Statement::new("insert", INSERT)]).await.unwrap();
    session
}

/// Rows that have everything that may go wrong in some column.
fn rows(texts: &[&'static str]) -> Vec<[Value<'static>; 7]> {
    let at = Timestamp::from_parts((2024, 2, 29), (23, 59, 58), 123_456).unwrap();
    let row = |int, float, text| {
        let decimal = Value::Decimal(Decimal::new(int / 10_000, 3));
        let day = Value::Date(Date::parse("0999-12-31").unwrap());
        let moment = Value::Timestamp(at);
        let bytes = Value::Bytes(b"\x00\xff'\\?");
        [Value::Int(int), Value::Float(float), decimal, Value::Text(text), bytes, moment, day]
    };
    let mut rows: Vec<_> = texts.iter().map(|text| row(-7, -0.1, *text)).collect();
    rows.push(row(i64::MIN, 1e-9, "a"));
    rows.push(row(i64::MAX, -1.5e15, "b"));
    rows.push([Value::Null; 7]);
    rows
}

async fn described(session: &mut dyn Session) -> Vec<String> {
    let mut found = Vec::new();
    let mut visit = |row: &dyn Row| {
        found.push((0..7).map(|at| format!("{:?} ", row.value(at).unwrap())).collect());
        Ok(())
    };
    session.query_sql("SELECT i, f, d, t, b, a, y FROM v", &mut visit).await.unwrap();
    found
}

/// Puts each row into a table twice, by parameters and by literals, under each of some settings.
/// `bytes` is the type of bytes, `more_texts` what not every engine takes.
pub async fn are_what_parameters_are(
    driver: &dyn Driver,
    bytes: &str,
    settings: &[&str],
    more_texts: &[&'static str],
) {
    let dialect = driver.dialect();
    let mut session = table(driver, bytes).await;
    for setting in settings {
        session.run_sql(setting).await.unwrap();
        for row in rows(&[&TEXTS[..], more_texts].concat()) {
            session.run_sql("DELETE FROM v").await.unwrap();
            session.execute(0, &row).await.unwrap();
            let bound = described(session.as_mut()).await;
            session.run_sql("DELETE FROM v").await.unwrap();
            let sql = dialect.with_literals(INSERT, &row).unwrap();
            assert_eq!(session.run_sql(&sql).await.unwrap(), 1, "{sql}");
            assert_eq!(described(session.as_mut()).await, bound, "{setting}: {sql}");
            // What follows an operator, and what text is compared with.
            let (number, text) = (row[0], row[3]);
            let asked = "SELECT COUNT(*) FROM v WHERE i -? = 0 AND t =?";
            let sql = dialect.with_literals(asked, &[number, text]).unwrap();
            let mut count = None;
            let mut visit = |row: &dyn Row| {
                count = Some(row.int(0)?);
                Ok(())
            };
            session.query_sql(&sql, &mut visit).await.unwrap();
            assert_eq!(count, Some(i64::from(number != Value::Null)), "{setting}: {sql}");
        }
    }
}
