//! The statements of the six transactions.

use dbdyno_core::{NativeSql, Returning, Statement};

use super::super::places;

/// A statement; the discriminant is its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sql {
    Account,
    Savings,
    Checking,
    LockSavings,
    LockChecking,
    AddSavings,
    AddChecking,
    ZeroSavings,
    ZeroChecking,
    // What follows is native.
    Accounts,
    AccountBalances,
    AccountSavings,
    AccountsChecking,
    LockBalances,
    Deposit,
    Transact,
}

const COUNT: usize = Sql::Transact as usize + 1;

/// Where the statements stand.
pub type Places = places::Places<COUNT>;

/// How the transactions are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the paper words them.
    Portable,
    /// With joins in place of look-ups one after the other.
    Joined,
    /// The same, and what an update answers in place of reading before it.
    Returning,
}

impl Form {
    /// The form for an engine, or the portable one.
    pub const fn of(native: Option<NativeSql>) -> Self {
        match native {
            None => Self::Portable,
            Some(NativeSql { returning: Returning::Nothing, .. }) => Self::Joined,
            Some(_) => Self::Returning,
        }
    }

    const fn uses(self, sql: Sql) -> bool {
        match sql {
            Sql::AddSavings => !matches!(self, Self::Returning),
            Sql::AddChecking | Sql::ZeroSavings | Sql::ZeroChecking => true,
            Sql::Account => !matches!(self, Self::Returning),
            Sql::Savings | Sql::Checking | Sql::LockSavings | Sql::LockChecking => {
                matches!(self, Self::Portable)
            }
            Sql::Accounts | Sql::AccountBalances | Sql::AccountsChecking | Sql::LockBalances => {
                !matches!(self, Self::Portable)
            }
            Sql::AccountSavings => matches!(self, Self::Joined),
            Sql::Deposit | Sql::Transact => matches!(self, Self::Returning),
        }
    }
}

/// The statements of a form, and where they stand.
pub fn of(form: Form) -> (Vec<Statement>, Places) {
    let used = ALL.iter().filter(|(sql, _, _)| form.uses(*sql));
    Places::list(used.map(|(sql, name, text)| (*sql as usize, Statement::new(name, *text))))
}

/// Every statement with its name and its SQL.
const ALL: [(Sql, &str, &str); COUNT] = [
    (Sql::Account, "account", "SELECT custid, name FROM accounts WHERE name = ?"),
    (Sql::Savings, "savings", "SELECT bal FROM savings WHERE custid = ?"),
    (Sql::Checking, "checking", "SELECT bal FROM checking WHERE custid = ?"),
    (Sql::LockSavings, "lock_savings", "SELECT bal FROM savings WHERE custid = ? {for_update}"),
    (Sql::LockChecking, "lock_checking", "SELECT bal FROM checking WHERE custid = ? {for_update}"),
    (Sql::AddSavings, "add_savings", "UPDATE savings SET bal = bal + ? WHERE custid = ?"),
    (Sql::AddChecking, "add_checking", "UPDATE checking SET bal = bal + ? WHERE custid = ?"),
    (Sql::ZeroSavings, "zero_savings", "UPDATE savings SET bal = 0 WHERE custid = ?"),
    (Sql::ZeroChecking, "zero_checking", "UPDATE checking SET bal = 0 WHERE custid = ?"),
    (Sql::Accounts, "accounts", "SELECT custid, name FROM accounts WHERE name IN (?, ?)"),
    (
        Sql::AccountBalances,
        "account_balances",
        "SELECT a.custid, a.name, s.bal, c.bal FROM accounts AS a \
         JOIN savings AS s ON s.custid = a.custid JOIN checking AS c ON c.custid = a.custid \
         WHERE a.name = ?",
    ),
    (
        Sql::AccountSavings,
        "account_savings",
        "SELECT a.custid, a.name, s.bal FROM accounts AS a \
         JOIN savings AS s ON s.custid = a.custid WHERE a.name = ?",
    ),
    (
        Sql::AccountsChecking,
        "accounts_checking",
        "SELECT a.custid, a.name, c.bal FROM accounts AS a \
         JOIN checking AS c ON c.custid = a.custid WHERE a.name IN (?, ?)",
    ),
    (
        Sql::LockBalances,
        "lock_balances",
        "SELECT s.bal, c.bal FROM savings AS s JOIN checking AS c ON c.custid = s.custid \
         WHERE s.custid = ? {for_update}",
    ),
    (
        Sql::Deposit,
        "deposit_checking",
        "UPDATE checking SET bal = bal + ? \
         WHERE custid = (SELECT custid FROM accounts WHERE name = ?) RETURNING custid",
    ),
    (
        Sql::Transact,
        "transact_savings",
        "UPDATE savings SET bal = bal + ? \
         WHERE custid = (SELECT custid FROM accounts WHERE name = ?) RETURNING custid, bal",
    ),
];
