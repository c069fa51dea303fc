//! Columns of answers that become variables.

use dbdyno_core::{DbError, Row, Value};
use dbdyno_script::{Names, Scalar, Slot, Variables};

/// The variable of each column; none where no script reads it.
pub type Places = Box<[Option<Slot>]>;

/// Where the columns go, with `prefix` before their names. As in pgbench, of two columns of one name the
/// later one counts.
pub fn places(columns: &[String], prefix: &str, names: &Names) -> Places {
    columns.iter().map(|column| names.find(&format!("{prefix}{column}"))).collect()
}

/// Puts the columns of a row into their variables.
pub fn store_row(
    row: &dyn Row,
    places: &[Option<Slot>],
    names: &Names,
    into: &mut Variables,
) -> Result<(), DbError> {
    for (index, slot) in places.iter().enumerate() {
        let Some(slot) = *slot else { continue };
        match row.value(index)? {
            Value::Null => into.set(slot, Scalar::Null),
            Value::Int(int) => into.set(slot, Scalar::Int(int)),
            Value::Float(float) => into.set(slot, Scalar::Double(float)),
            // Sums of integers are decimals on some engines.
            Value::Decimal(decimal) if decimal.scale == 0 => {
                into.set(slot, Scalar::Int(decimal.unscaled));
            }
            Value::Decimal(decimal) => into.set_shown(slot, &decimal),
            Value::Text(text) => into.set_text(slot, text),
            Value::Timestamp(moment) => into.set_shown(slot, &moment),
            Value::Date(date) => into.set_shown(slot, &date),
            Value::Bytes(_) | Value::Ints(_) => {
                let text = row.text(index).map_err(|mut why| {
                    let name = names.name(slot);
                    why.message = format!("error storing into variable `{name}`: {}", why.message);
                    why
                })?;
                into.set_text(slot, text);
            }
        }
    }
    Ok(())
}
