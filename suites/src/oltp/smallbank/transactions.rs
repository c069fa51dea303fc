//! The six transactions (Alomari et al., ICDE 2008; SendPayment as in BenchBase), from
//! after `begin` to before `commit`. Money is in cents.

use dbdyno_core::query::{execute_one, query_one};
use dbdyno_core::{DbError, Decimal, Session, Statement, StatementId, Value};

use super::balances::{Account, Move, Moves};

const ACCOUNT: StatementId = 0;
const SAVINGS: StatementId = 1;
const CHECKING: StatementId = 2;
const LOCK_SAVINGS: StatementId = 3;
const LOCK_CHECKING: StatementId = 4;
const ADD_SAVINGS: StatementId = 5;
const ADD_CHECKING: StatementId = 6;
const ZERO_SAVINGS: StatementId = 7;
const ZERO_CHECKING: StatementId = 8;

/// What WriteCheck takes beyond the check where funds are short.
const PENALTY: i64 = 100;

/// How a transaction is to end.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// Commit what was done to accounts.
    Commit(Moves),
    /// Roll back: the funds do not suffice.
    RollBack,
}

pub fn statements() -> Vec<Statement> {
    vec![
        Statement::new("account", "SELECT custid, name FROM accounts WHERE name = ?"),
        Statement::new("savings", "SELECT bal FROM savings WHERE custid = ?"),
        Statement::new("checking", "SELECT bal FROM checking WHERE custid = ?"),
        Statement::new("lock_savings", "SELECT bal FROM savings WHERE custid = ? {for_update}"),
        Statement::new("lock_checking", "SELECT bal FROM checking WHERE custid = ? {for_update}"),
        Statement::new("add_savings", "UPDATE savings SET bal = bal + ? WHERE custid = ?"),
        Statement::new("add_checking", "UPDATE checking SET bal = bal + ? WHERE custid = ?"),
        Statement::new("zero_savings", "UPDATE savings SET bal = 0 WHERE custid = ?"),
        Statement::new("zero_checking", "UPDATE checking SET bal = 0 WHERE custid = ?"),
    ]
}

/// Reads both balances of a customer.
pub async fn balance(session: &mut dyn Session, name: &str) -> Result<End, DbError> {
    let customer = customer(session, name).await?;
    cents(session, SAVINGS, customer).await?;
    cents(session, CHECKING, customer).await?;
    Ok(commit([]))
}

/// Adds `amount` to a checking account.
pub async fn deposit_checking(
    session: &mut dyn Session,
    name: &str,
    amount: i64,
) -> Result<End, DbError> {
    let customer = customer(session, name).await?;
    Ok(commit([add(session, Account::Checking, customer, amount).await?]))
}

/// Adds `amount`, which may be negative, to a savings account, unless that would overdraw it.
pub async fn transact_savings(
    session: &mut dyn Session,
    name: &str,
    amount: i64,
) -> Result<End, DbError> {
    let customer = customer(session, name).await?;
    let savings = cents(session, SAVINGS, customer).await?;
    if savings + amount < 0 {
        return Ok(End::RollBack);
    }
    Ok(commit([add(session, Account::Savings, customer, amount).await?]))
}

/// Moves all that one customer has to the checking account of another.
pub async fn amalgamate(session: &mut dyn Session, from: &str, to: &str) -> Result<End, DbError> {
    let from = customer(session, from).await?;
    let to = customer(session, to).await?;
    let savings = cents(session, LOCK_SAVINGS, from).await?;
    let checking = cents(session, LOCK_CHECKING, from).await?;
    execute_one(session, ZERO_SAVINGS, &[Value::Int(from)]).await?;
    execute_one(session, ZERO_CHECKING, &[Value::Int(from)]).await?;
    Ok(commit([
        Move { account: Account::Savings, customer: from, cents: -savings },
        Move { account: Account::Checking, customer: from, cents: -checking },
        add(session, Account::Checking, to, savings + checking).await?,
    ]))
}

/// Takes a check of `amount` from a checking account, and a penalty where savings and checking
/// together do not cover it.
pub async fn write_check(
    session: &mut dyn Session,
    name: &str,
    amount: i64,
) -> Result<End, DbError> {
    let customer = customer(session, name).await?;
    let savings = cents(session, SAVINGS, customer).await?;
    let checking = cents(session, CHECKING, customer).await?;
    let taken = if savings + checking < amount { amount + PENALTY } else { amount };
    Ok(commit([add(session, Account::Checking, customer, -taken).await?]))
}

/// Moves `amount` from one checking account to another, unless that would overdraw it.
pub async fn send_payment(
    session: &mut dyn Session,
    from: &str,
    to: &str,
    amount: i64,
) -> Result<End, DbError> {
    let from = customer(session, from).await?;
    let to = customer(session, to).await?;
    let checking = cents(session, CHECKING, from).await?;
    if checking < amount {
        return Ok(End::RollBack);
    }
    Ok(commit([
        add(session, Account::Checking, from, -amount).await?,
        add(session, Account::Checking, to, amount).await?,
    ]))
}

async fn customer(session: &mut dyn Session, name: &str) -> Result<i64, DbError> {
    query_one(session, ACCOUNT, &[Value::Text(name)], |row| {
        row.text(1)?;
        row.int(0)
    })
    .await
}

async fn cents(session: &mut dyn Session, id: StatementId, customer: i64) -> Result<i64, DbError> {
    query_one(session, id, &[Value::Int(customer)], |row| row.decimal(0, 2)).await
}

/// Adds to an account; gives what that is to the balances.
async fn add(
    session: &mut dyn Session,
    account: Account,
    customer: i64,
    cents: i64,
) -> Result<Move, DbError> {
    let id = match account {
        Account::Savings => ADD_SAVINGS,
        Account::Checking => ADD_CHECKING,
    };
    let params = [Value::Decimal(Decimal::cents(cents)), Value::Int(customer)];
    execute_one(session, id, &params).await?;
    Ok(Move { account, customer, cents })
}

fn commit<const N: usize>(moves: [Move; N]) -> End {
    let mut all = Moves::default();
    all.iter_mut().zip(moves).for_each(|(place, change)| *place = Some(change));
    End::Commit(all)
}
