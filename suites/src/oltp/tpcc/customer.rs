//! Finding the customer that a user named, for Payment and Order-Status.

use dbdyno_core::random::Text;
use dbdyno_core::{DbError, Session, Value};

use super::inputs::Choice;
use super::statements::Sql;

/// Buffers of [`find`], used again by every transaction of a client.
#[derive(Debug, Default)]
pub(super) struct Finder {
    last_name: Text,
    found: Vec<i64>,
}

impl Finder {
    /// The number of the chosen customer. By last name: of the n customers with it in the
    /// district, in the order of their first names, the one at position n/2 rounded up (2.5.2.2,
    /// 2.6.2.2).
    pub(super) async fn find(
        &mut self,
        session: &mut dyn Session,
        (w_id, d_id): (i64, i64),
        choice: Choice,
    ) -> Result<i64, DbError> {
        let number = match choice {
            Choice::Number(c_id) => return Ok(c_id),
            Choice::Name(number) => number,
        };
        let name = self.last_name.last_name(number);
        self.found.clear();
        let found = &mut self.found;
        session
            .query(
                Sql::CustomersByName.id(),
                &[Value::Int(w_id), Value::Int(d_id), Value::Text(name)],
                &mut |row| {
                    found.push(row.int(0)?);
                    Ok(())
                },
            )
            .await?;
        middle(&self.found).ok_or_else(|| {
            DbError::unexpected(format!(
                "no customer of district {d_id} of warehouse {w_id} is called {name}, though \
                 every last name has at least one there (TPC-C 4.3.3.1)"
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
