//! The stored procedures: a file of SQL for each transaction in each language, under `sql/`. A file begins
//! with what calls the procedure and what drops it, as comments; the rest creates it, in the engine's own
//! words.

use dbdyno_core::{ProcedureLanguage, Statement};

/// A stored procedure in one language.
#[derive(Clone, Copy, Debug)]
pub struct Routine {
    /// The transaction, as its benchmark names it.
    pub transaction: &'static str,
    text: &'static str,
}

impl Routine {
    /// What calls it, in portable SQL.
    pub fn call(&self) -> Statement {
        Statement::new(self.transaction, self.header("-- call: "))
    }

    /// What drops it where it is there.
    pub fn drop(&self) -> &'static str {
        self.header("-- drop: ")
    }

    /// What creates it.
    pub fn create(&self) -> &'static str {
        self.text
    }

    fn header(&self, opening: &str) -> &'static str {
        self.text.lines().find_map(|line| line.strip_prefix(opening)).unwrap_or_default()
    }
}

/// The procedures of a benchmark, one for each transaction type in the order of its workload.
#[derive(Clone, Copy, Debug)]
pub struct Routines {
    plpgsql: &'static [Routine],
    psm: &'static [Routine],
}

impl Routines {
    /// Those in a language.
    pub fn of(&self, language: ProcedureLanguage) -> &'static [Routine] {
        match language {
            ProcedureLanguage::PlPgSql => self.plpgsql,
            ProcedureLanguage::SqlPsm => self.psm,
        }
    }
}

/// The files of transactions, as `transaction type: file`.
macro_rules! routines {
    ($($transaction:literal: $file:literal),*) => {
        Routines {
            plpgsql: &[$(Routine {
                transaction: $transaction,
                text: include_str!(concat!("sql/plpgsql/", $file, ".sql")),
            }),*],
            psm: &[$(Routine {
                transaction: $transaction,
                text: include_str!(concat!("sql/psm/", $file, ".sql")),
            }),*],
        }
    };
}

pub const TPCB: Routines = routines!("tpcb_like": "tpcb");

pub const SMALLBANK: Routines = routines!(
    "balance": "balance",
    "deposit_checking": "deposit_checking",
    "transact_savings": "transact_savings",
    "amalgamate": "amalgamate",
    "write_check": "write_check",
    "send_payment": "send_payment"
);

pub const TPCC: Routines = routines!(
    "new_order": "new_order",
    "payment": "payment",
    "order_status": "order_status",
    "delivery": "delivery",
    "stock_level": "stock_level"
);

#[cfg(test)]
mod tests {
    use dbdyno_core::ProcedureLanguage;

    use super::super::BENCHMARKS;
    use crate::benchmark::{State, WorkloadContext};

    #[test]
    fn every_transaction_has_a_procedure_in_each_language() {
        for benchmark in BENCHMARKS {
            let context = WorkloadContext::default();
            let workload = benchmark.transactions.workload(&context, &State::default());
            for language in ProcedureLanguage::ALL {
                let routines = benchmark.routines.of(language);
                let names: Vec<_> = routines.iter().map(|routine| routine.transaction).collect();
                assert_eq!(names, workload.transactions());
                for routine in routines {
                    let name = routine.drop().rsplit(' ').next().unwrap_or_default();
                    assert!(name.starts_with("dbdyno_"), "{name}");
                    assert!(routine.call().sql.contains(&format!("{name}(?")), "{name}");
                    assert!(routine.create().contains(&format!(" {name}(")), "{name}");
                }
            }
        }
    }
}
