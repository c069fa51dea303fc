//! The six transactions (Alomari et al., ICDE 2008; SendPayment as in BenchBase), up to their last
//! statements: those that add to accounts, and the commit. Money is in cents.

use dbdyno_core::{Access, DbError, Row, Steps, Value};

use super::balances::{Account, How, Move, Moves};
use super::statements::{Form, Places, Sql};

/// What WriteCheck takes beyond the check where funds are short.
pub const PENALTY: i64 = 100;

/// How a transaction is to end.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// It has committed; it moved nothing.
    Committed,
    /// Make the moves that are still to be made, and commit.
    Commit(Moves),
    /// Roll back: the funds do not suffice.
    RollBack,
}

/// The transactions, said in one form.
#[derive(Clone, Copy, Debug)]
pub struct Transactions {
    pub form: Form,
    pub places: Places,
}

/// A customer with what was read of its balances.
#[derive(Clone, Copy, Debug, Default)]
struct Customer {
    id: i64,
    savings: i64,
    checking: i64,
}

impl Transactions {
    /// Reads both balances of a customer.
    pub async fn balance(&self, steps: &mut Steps<'_>, name: &str) -> Result<End, DbError> {
        if self.form != Form::Portable {
            let mut customer = Customer::default();
            while steps.pass()? {
                steps.begin(Access::Read).await?;
                self.account_balances(steps, name, &mut customer).await?;
                steps.commit().await?;
            }
            return Ok(End::Committed);
        }
        let mut customer = self.begin(steps, Access::Read, name).await?;
        while steps.pass()? {
            self.read_balances(steps, &mut customer).await?;
            steps.commit().await?;
        }
        Ok(End::Committed)
    }

    /// Adds `amount` to a checking account.
    pub async fn deposit_checking(
        &self,
        steps: &mut Steps<'_>,
        name: &str,
        amount: i64,
    ) -> Result<End, DbError> {
        let account = Account::Checking;
        if self.form != Form::Returning {
            let customer = self.begin(steps, Access::Write, name).await?;
            return Ok(commit([Move::adding(account, customer.id, amount)]));
        }
        let mut customer = 0;
        while steps.pass()? {
            steps.begin(Access::Write).await?;
            let params = [cents(amount), Value::Text(name)];
            let read = |row: &dyn Row| row.int(0).map(|id| customer = id);
            steps.query_one(self.places.of(Sql::Deposit as usize), &params, read).await?;
        }
        Ok(commit([Move { account, customer, cents: amount, how: How::Done }]))
    }

    /// Adds `amount`, which may be negative, to a savings account, unless that would overdraw it.
    pub async fn transact_savings(
        &self,
        steps: &mut Steps<'_>,
        name: &str,
        amount: i64,
    ) -> Result<End, DbError> {
        let account = Account::Savings;
        if self.form == Form::Returning {
            let Customer { id: customer, savings: left, .. } =
                self.transact(steps, name, amount).await?;
            return Ok(match left {
                ..0 => End::RollBack,
                _ => commit([Move { account, customer, cents: amount, how: How::Done }]),
            });
        }
        let customer = self.account_savings(steps, name).await?;
        if customer.savings + amount < 0 {
            return Ok(End::RollBack);
        }
        Ok(commit([Move::adding(account, customer.id, amount)]))
    }

    /// Moves all that one customer has to the checking account of another.
    pub async fn amalgamate(
        &self,
        steps: &mut Steps<'_>,
        from: &str,
        to: &str,
    ) -> Result<End, DbError> {
        let [mut from, to] = match self.form {
            Form::Portable => self.begin_with_both(steps, [from, to]).await?,
            _ => self.accounts(steps, Sql::Accounts, [from, to]).await?,
        };
        while steps.pass()? {
            self.lock_balances(steps, &mut from).await?;
        }
        let Customer { id: customer, savings, checking } = from;
        let how = How::Emptying;
        Ok(commit([
            Move { account: Account::Savings, customer, cents: -savings, how },
            Move { account: Account::Checking, customer, cents: -checking, how },
            Move::adding(Account::Checking, to.id, savings + checking),
        ]))
    }

    /// Takes a check of `amount` from a checking account, and a penalty where savings and checking
    /// together do not cover it.
    pub async fn write_check(
        &self,
        steps: &mut Steps<'_>,
        name: &str,
        amount: i64,
    ) -> Result<End, DbError> {
        let mut customer = Customer::default();
        if self.form == Form::Portable {
            customer = self.begin(steps, Access::Write, name).await?;
            while steps.pass()? {
                self.read_balances(steps, &mut customer).await?;
            }
        } else {
            while steps.pass()? {
                steps.begin(Access::Write).await?;
                self.account_balances(steps, name, &mut customer).await?;
            }
        }
        let short = customer.savings + customer.checking < amount;
        let taken = if short { amount + PENALTY } else { amount };
        Ok(commit([Move::adding(Account::Checking, customer.id, -taken)]))
    }

    /// Moves `amount` from one checking account to another, unless that would overdraw it.
    pub async fn send_payment(
        &self,
        steps: &mut Steps<'_>,
        from: &str,
        to: &str,
        amount: i64,
    ) -> Result<End, DbError> {
        let [mut from, to] = match self.form {
            Form::Portable => self.begin_with_both(steps, [from, to]).await?,
            _ => self.accounts(steps, Sql::AccountsChecking, [from, to]).await?,
        };
        if self.form == Form::Portable {
            self.read_cents(steps, Sql::Checking, from.id, &mut from.checking).await?;
        }
        if from.checking < amount {
            return Ok(End::RollBack);
        }
        Ok(commit([
            Move::adding(Account::Checking, from.id, -amount),
            Move::adding(Account::Checking, to.id, amount),
        ]))
    }

    /// Makes a move, unless it was made.
    pub async fn make(&self, steps: &mut Steps<'_>, change: &Move) -> Result<(), DbError> {
        let (adding, emptying) = match change.account {
            Account::Savings => (Sql::AddSavings, Sql::ZeroSavings),
            Account::Checking => (Sql::AddChecking, Sql::ZeroChecking),
        };
        let customer = Value::Int(change.customer);
        match change.how {
            How::Adding => {
                let params = [cents(change.cents), customer];
                steps.execute_one(self.places.of(adding as usize), &params).await
            }
            How::Emptying => {
                steps.execute_one(self.places.of(emptying as usize), &[customer]).await
            }
            How::Done => Ok(()),
        }
    }

    /// Begins, and looks a customer up.
    async fn begin(
        &self,
        steps: &mut Steps<'_>,
        access: Access,
        name: &str,
    ) -> Result<Customer, DbError> {
        let mut customer = Customer::default();
        while steps.pass()? {
            steps.begin(access).await?;
            self.account(steps, name, &mut customer).await?;
        }
        Ok(customer)
    }

    /// Begins, and looks two customers up.
    async fn begin_with_both(
        &self,
        steps: &mut Steps<'_>,
        names: [&str; 2],
    ) -> Result<[Customer; 2], DbError> {
        let mut customers = [Customer::default(); 2];
        while steps.pass()? {
            steps.begin(Access::Write).await?;
            for (name, customer) in names.into_iter().zip(&mut customers) {
                self.account(steps, name, customer).await?;
            }
        }
        Ok(customers)
    }

    async fn account(
        &self,
        steps: &mut Steps<'_>,
        name: &str,
        customer: &mut Customer,
    ) -> Result<(), DbError> {
        let read = |row: &dyn Row| {
            row.text(1)?;
            row.int(0).map(|id| customer.id = id)
        };
        steps.query_one(self.places.of(Sql::Account as usize), &[Value::Text(name)], read).await
    }

    /// Begins, and looks two customers up by one statement, which may answer checking balances too.
    async fn accounts(
        &self,
        steps: &mut Steps<'_>,
        sql: Sql,
        names: [&str; 2],
    ) -> Result<[Customer; 2], DbError> {
        let mut customers = [Customer::default(); 2];
        let params = names.map(Value::Text);
        while steps.pass()? {
            steps.begin(Access::Write).await?;
            let read = |row: &dyn Row| {
                let customer = &mut customers[usize::from(row.text(1)? != names[0])];
                customer.id = row.int(0)?;
                if sql == Sql::AccountsChecking {
                    customer.checking = row.decimal(2, 2)?;
                }
                Ok(())
            };
            steps.query_rows(self.places.of(sql as usize), &params, names.len(), read).await?;
        }
        Ok(customers)
    }

    async fn account_balances(
        &self,
        steps: &mut Steps<'_>,
        name: &str,
        customer: &mut Customer,
    ) -> Result<(), DbError> {
        let read = |row: &dyn Row| {
            row.text(1)?;
            let (savings, checking) = (row.decimal(2, 2)?, row.decimal(3, 2)?);
            *customer = Customer { id: row.int(0)?, savings, checking };
            Ok(())
        };
        let place = self.places.of(Sql::AccountBalances as usize);
        steps.query_one(place, &[Value::Text(name)], read).await
    }

    /// Begins, and looks a customer up with its savings.
    async fn account_savings(
        &self,
        steps: &mut Steps<'_>,
        name: &str,
    ) -> Result<Customer, DbError> {
        if self.form == Form::Portable {
            let mut customer = self.begin(steps, Access::Write, name).await?;
            self.read_cents(steps, Sql::Savings, customer.id, &mut customer.savings).await?;
            return Ok(customer);
        }
        let mut customer = Customer::default();
        while steps.pass()? {
            steps.begin(Access::Write).await?;
            let read = |row: &dyn Row| {
                row.text(1)?;
                (customer.id, customer.savings) = (row.int(0)?, row.decimal(2, 2)?);
                Ok(())
            };
            let place = self.places.of(Sql::AccountSavings as usize);
            steps.query_one(place, &[Value::Text(name)], read).await?;
        }
        Ok(customer)
    }

    /// Begins, and adds to a customer's savings; gives the customer with what is there then.
    async fn transact(
        &self,
        steps: &mut Steps<'_>,
        name: &str,
        amount: i64,
    ) -> Result<Customer, DbError> {
        let mut customer = Customer::default();
        while steps.pass()? {
            steps.begin(Access::Write).await?;
            let params = [cents(amount), Value::Text(name)];
            let read = |row: &dyn Row| {
                (customer.id, customer.savings) = (row.int(0)?, row.decimal(1, 2)?);
                Ok(())
            };
            steps.query_one(self.places.of(Sql::Transact as usize), &params, read).await?;
        }
        Ok(customer)
    }

    async fn read_balances(
        &self,
        steps: &mut Steps<'_>,
        customer: &mut Customer,
    ) -> Result<(), DbError> {
        let Customer { id, savings, checking } = customer;
        self.read_cents(steps, Sql::Savings, *id, savings).await?;
        self.read_cents(steps, Sql::Checking, *id, checking).await
    }

    async fn lock_balances(
        &self,
        steps: &mut Steps<'_>,
        customer: &mut Customer,
    ) -> Result<(), DbError> {
        let Customer { id, savings, checking } = customer;
        if self.form == Form::Portable {
            self.read_cents(steps, Sql::LockSavings, *id, savings).await?;
            return self.read_cents(steps, Sql::LockChecking, *id, checking).await;
        }
        let read = |row: &dyn Row| {
            (*savings, *checking) = (row.decimal(0, 2)?, row.decimal(1, 2)?);
            Ok(())
        };
        let place = self.places.of(Sql::LockBalances as usize);
        steps.query_one(place, &[Value::Int(*id)], read).await
    }

    async fn read_cents(
        &self,
        steps: &mut Steps<'_>,
        sql: Sql,
        customer: i64,
        cents: &mut i64,
    ) -> Result<(), DbError> {
        let read = |row: &dyn Row| row.decimal(0, 2).map(|found| *cents = found);
        steps.query_one(self.places.of(sql as usize), &[Value::Int(customer)], read).await
    }
}

fn cents(cents: i64) -> Value<'static> {
    Value::Decimal(dbdyno_core::Decimal::cents(cents))
}

fn commit<const N: usize>(moves: [Move; N]) -> End {
    let mut all = Moves::default();
    all.iter_mut().zip(moves).for_each(|(place, change)| *place = Some(change));
    End::Commit(all)
}
