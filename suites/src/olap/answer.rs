//! Answers of queries: read off an engine, read off a file, and compared.

use dbdyno_core::{DbError, Decimal, Row, Value};

/// What a column of an answer holds, which decides how near it must be to what was published
/// (TPC-H rev. 3.0.1, clause 2.1.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text; blanks around it do not count, for files of answers do not tell them from padding.
    Text,
    /// A whole number, such as a count: the same.
    Int,
    /// A day: the same.
    Date,
    /// A point in time: the same.
    Moment,
    /// An amount as it stands in a table: the same.
    Money,
    /// A sum of amounts: within 100, and here also within a millionth and a hundredth, for every
    /// engine adds up more exactly than that.
    Sum,
    /// An average or a ratio, rounded to hundredths: within 1 %, and here also within a hundredth
    /// and a millionth.
    Ratio,
}

/// One value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// SQL NULL.
    Null,
    /// What must be the same, as text.
    Exact(String),
    /// What must be near.
    Number(f64),
}

/// The rows of an answer.
pub type Answer = Vec<Vec<Cell>>;

/// Reads a row that an engine answered.
///
/// # Errors
/// A column holds something else.
pub fn read_row(row: &dyn Row, kinds: &[Kind]) -> Result<Vec<Cell>, DbError> {
    let mut cells = Vec::with_capacity(kinds.len());
    for (place, kind) in kinds.iter().enumerate() {
        if row.is_null(place)? {
            cells.push(Cell::Null);
            continue;
        }
        cells.push(match kind {
            Kind::Text => Cell::Exact(row.text(place)?.trim().to_owned()),
            Kind::Int => Cell::Exact(row.int(place)?.to_string()),
            Kind::Date => Cell::Exact(row.date(place)?.to_string()),
            Kind::Moment => Cell::Exact(read_moment(row, place)?),
            Kind::Money => Cell::Exact(Decimal::cents(row.decimal(place, 2)?).to_string()),
            Kind::Sum | Kind::Ratio => Cell::Number(row.float(place)?),
        });
    }
    Ok(cells)
}

/// A point in time as text, which is what an engine without such a type stores.
fn read_moment(row: &dyn Row, place: usize) -> Result<String, DbError> {
    match row.value(place)? {
        Value::Timestamp(moment) => Ok(moment.to_string()),
        _ => Ok(row.text(place)?.to_owned()),
    }
}

/// Reads a published answer: a line of names, then a line for each row, with `|` between columns
/// that blanks may surround, and nothing for NULL.
///
/// # Errors
/// A line has another number of columns, or a column holds something else.
pub fn parse(text: &str, kinds: &[Kind]) -> Result<Answer, String> {
    // A line that is empty may be a row: one column of NULL.
    let mut lines = text.trim_start_matches('\n').lines();
    if lines.next().is_none() {
        return Err("the published answer is empty".to_owned());
    }
    lines.enumerate().map(|(place, line)| parse_line(place + 1, line, kinds)).collect()
}

fn parse_line(number: usize, line: &str, kinds: &[Kind]) -> Result<Vec<Cell>, String> {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    if fields.len() != kinds.len() {
        let (found, wanted) = (fields.len(), kinds.len());
        return Err(format!(
            "row {number} of the published answer has {found} columns of {wanted}"
        ));
    }
    let cell = |(field, kind): (&&str, &Kind)| {
        let wrong = || format!("row {number} of the published answer has `{field}` for a {kind:?}");
        Ok(match kind {
            _ if field.is_empty() => Cell::Null,
            Kind::Text | Kind::Int | Kind::Date | Kind::Moment => Cell::Exact((*field).to_owned()),
            Kind::Money => {
                let cents = Decimal::parse(field).and_then(|decimal| decimal.rescale(2));
                Cell::Exact(Decimal::cents(cents.ok_or_else(wrong)?).to_string())
            }
            Kind::Sum | Kind::Ratio => Cell::Number(field.parse().map_err(|_| wrong())?),
        })
    };
    fields.iter().zip(kinds).map(cell).collect()
}

/// In what an answer differs first from the one that was published; `None` where it does not.
pub fn difference(found: &Answer, published: &Answer, kinds: &[Kind]) -> Option<String> {
    let differs = |(found, published): (&Vec<Cell>, &Vec<Cell>)| {
        let cells = found.iter().zip(published).zip(kinds);
        found.len() != published.len()
            || cells.into_iter().any(|((found, published), kind)| !is_near(found, published, *kind))
    };
    if let Some(place) = found.iter().zip(published).position(differs) {
        let (found, published) = (print(&found[place]), print(&published[place]));
        return Some(format!("row {} is {found}, published is {published}", place + 1));
    }
    let shorter = found.len().min(published.len());
    let more = |rows: &Answer| rows.get(shorter).map(|row| print(row)).unwrap_or_default();
    match (found.len(), published.len()) {
        (is, should) if is == should => None,
        (is, should) if is < should => {
            Some(format!("it has {is} rows of {should}, and the next is {}", more(published)))
        }
        (is, should) => {
            Some(format!("it has {is} rows, not {should}, and the next is {}", more(found)))
        }
    }
}

fn is_near(found: &Cell, published: &Cell, kind: Kind) -> bool {
    let (found, published) = match (found, published) {
        (Cell::Number(found), Cell::Number(published)) => (*found, *published),
        _ => return found == published,
    };
    let off = (found - published).abs();
    let exact_enough = off <= 0.01 + published.abs() * 1e-6;
    match kind {
        Kind::Sum => exact_enough && off <= 100.0,
        _ => {
            let rounded = |number: f64| (number * 100.0).round() / 100.0;
            let within = rounded(published).abs() * 0.01 + 1e-9;
            exact_enough && (rounded(found) - rounded(published)).abs() <= within
        }
    }
}

fn print(row: &[Cell]) -> String {
    let cells = row.iter().map(|cell| match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Exact(text) => text.clone(),
        Cell::Number(number) => format!("{number:.4}"),
    });
    cells.collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::{Cell, Kind, difference, parse};

    const KINDS: [Kind; 4] = [Kind::Text, Kind::Int, Kind::Sum, Kind::Ratio];
    const PUBLISHED: &str = "
name  |count|sum       |avg
a b   |    3|1000000.25|0.05
c     |    4|          |25.50
";

    fn compared(found: &str) -> Option<String> {
        let published = parse(PUBLISHED, &KINDS).unwrap();
        difference(&parse(found, &KINDS).unwrap(), &published, &KINDS)
    }

    #[test]
    fn what_is_as_near_as_the_specification_asks_is_the_same() {
        assert_eq!(compared(PUBLISHED), None);
        assert_eq!(compared("-\na b|3|1000000.2514|0.0491\nc|4||25.5049"), None);
    }

    #[test]
    fn the_first_row_that_differs_is_told() {
        for (found, told) in [
            ("-\na b|3|1000010.25|0.05\nc|4||25.5", "row 1 is a b|3|1000010.2500|0.0500"),
            ("-\na b|3|1000000.25|0.056\nc|4||25.5", "row 1 is"),
            ("-\na b|3|1000000.25|0.05\nc|5||25.5", "row 2 is c|5|NULL|25.5000, published is c|4"),
            ("-\na b|3|1000000.25|0.05\nc|4|0|25.5", "row 2 is"),
            ("-\na b|3|1000000.25|0.05\nc|4||25.52", "row 2 is"),
            ("-\na b|3|1000000.25|0.05", "it has 1 rows of 2, and the next is c|4|NULL|25.5000"),
            (
                "-\na b|3|1000000.25|0.05\nc|4||25.5\nd|1|1|1",
                "it has 3 rows, not 2, and the next is d",
            ),
            ("-", "it has 0 rows of 2, and the next is a b|3"),
        ] {
            let difference = compared(found).unwrap();
            assert!(difference.starts_with(told), "{difference}");
        }
    }

    #[test]
    fn an_empty_line_is_a_row_of_null() {
        assert_eq!(parse("avg\n\n", &[Kind::Ratio]), Ok(vec![vec![Cell::Null]]));
        assert_eq!(parse("\navg\n", &[Kind::Ratio]), Ok(Vec::new()));
    }

    #[test]
    fn a_damaged_answer_is_told() {
        for (text, told) in [
            ("", "empty"),
            ("name|count|sum|avg\na|1|2", "row 1 of the published answer has 3 columns of 4"),
            ("name|count|sum|avg\na|1|x|2", "`x` for a Sum"),
        ] {
            assert!(parse(text, &KINDS).unwrap_err().contains(told));
        }
    }
}
