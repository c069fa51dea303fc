//! Finding the customer that a user named, for Payment and Order-Status.

use dbdyno_core::random::Text;
use dbdyno_core::{DbError, Row, Steps, Value};

use super::statements::{Sql, Statements};

/// Finds customers by last name. It is used again by every transaction of a client.
#[derive(Debug, Default)]
pub(super) struct Finder {
    last_name: Text,
    found: Vec<i64>,
}

impl Finder {
    /// Reads the numbers of the customers with a last name in a district, in the order of their
    /// first names.
    pub(super) async fn read(
        &mut self,
        steps: &mut Steps<'_>,
        sql: &Statements,
        (w_id, d_id): (i64, i64),
        name: u64,
    ) -> Result<(), DbError> {
        let Self { last_name, found } = self;
        let params = [Value::Int(w_id), Value::Int(d_id), Value::Text(last_name.last_name(name))];
        found.clear();
        let read = |row: &dyn Row| {
            found.push(row.int(0)?);
            Ok(())
        };
        steps.query(sql.place(Sql::CustomersByName), &params, read, |_| Ok(())).await
    }

    /// The number of the chosen customer: of those that were read, the one at position n/2 rounded
    /// up (2.5.2.2, 2.6.2.2).
    pub(super) fn chosen(&self, (w_id, d_id): (i64, i64)) -> Result<i64, DbError> {
        middle(&self.found).ok_or_else(|| {
            DbError::unexpected(format!(
                "no customer of district {d_id} of warehouse {w_id} has a last name that at least \
                 one must have there (TPC-C 4.3.3.1)"
            ))
        })
    }
}

/// The member at position n/2 rounded up, counted from 1.
fn middle(sorted: &[i64]) -> Option<i64> {
    sorted.get(sorted.len().div_ceil(2).checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::middle;

    #[test]
    fn the_middle_is_rounded_up() {
        assert_eq!(middle(&[]), None);
        assert_eq!(middle(&[1]), Some(1));
        assert_eq!(middle(&[1, 2]), Some(1));
        assert_eq!(middle(&[1, 2, 3]), Some(2));
        assert_eq!(middle(&[1, 2, 3, 4]), Some(2));
        assert_eq!(middle(&[1, 2, 3, 4, 5]), Some(3));
    }
}
