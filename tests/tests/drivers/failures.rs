//! What fails has the class and the code that it has by the engine's own driver.

use std::time::Duration;

use dbdyno_core::query::scalar_sql;
use dbdyno_core::{Access, DbError, Driver, ErrorClass, SessionOptions, Statement, Value};

use super::engines::{Facts, Kill};
use super::sessions::{INSERT, NAMESPACE, READ, accounts, add, another, sum};

fn assert_is(driver: &dyn Driver, error: &DbError, class: ErrorClass, code: &str) {
    let found = (error.class, error.code.as_deref());
    assert_eq!(found, (class, Some(code)), "{}: {error}", driver.name());
    assert!(!error.outcome_unknown, "{error}");
}

pub async fn have_their_class(facts: &Facts, driver: &dyn Driver) {
    a_duplicate(facts, driver).await;
    a_lock_that_is_not_given(facts, driver).await;
    a_stale_snapshot(facts, driver).await;
    if let Some(code) = facts.deadlock {
        a_deadlock(driver, code).await;
    }
    a_statement_that_takes_too_long(facts, driver).await;
}

async fn a_duplicate(facts: &Facts, driver: &dyn Driver) {
    let mut session = accounts(driver).await;
    let row = [Value::Int(1), Value::Int(0)];
    let error = session.execute(INSERT, &row).await.unwrap_err();
    assert_is(driver, &error, ErrorClass::Constraint, facts.duplicate);
    let error = session.execute(INSERT, &[Value::Int(3), Value::Null]).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Constraint, "{error}");
    // What fails in a transaction does not end the session.
    session.begin(Access::Write).await.unwrap();
    assert!(session.execute(INSERT, &row).await.is_err());
    session.rollback().await.unwrap();
    assert_eq!(sum(session.as_mut()).await, 30);
}

async fn a_lock_that_is_not_given(facts: &Facts, driver: &dyn Driver) {
    let mut first = accounts(driver).await;
    let mut second = another(driver, None).await;
    second.run_sql(facts.impatient).await.unwrap();
    first.begin(Access::Write).await.unwrap();
    add(first.as_mut(), 1).await.unwrap();
    second.begin(Access::Write).await.unwrap();
    let error = add(second.as_mut(), 1).await.unwrap_err();
    assert_is(driver, &error, ErrorClass::LockTimeout, facts.lock_timeout);
    second.rollback().await.unwrap();
    first.rollback().await.unwrap();
    assert_eq!(add(second.as_mut(), 1).await.unwrap(), 1);
    assert_eq!(sum(first.as_mut()).await, 31);
}

async fn a_stale_snapshot(facts: &Facts, driver: &dyn Driver) {
    let (level, code) = facts.stale;
    let mut first = accounts(driver).await;
    let mut second = another(driver, level).await;
    second.begin(Access::Write).await.unwrap();
    assert_eq!(sum(second.as_mut()).await, 30);
    add(first.as_mut(), 1).await.unwrap();
    let error = add(second.as_mut(), 1).await.unwrap_err();
    assert_is(driver, &error, ErrorClass::Serialization, code);
    second.rollback().await.unwrap();
    second.begin(Access::Write).await.unwrap();
    assert_eq!(add(second.as_mut(), 1).await.unwrap(), 1);
    second.commit().await.unwrap();
    assert_eq!(sum(first.as_mut()).await, 32);
}

async fn a_deadlock(driver: &dyn Driver, code: &str) {
    let mut one = accounts(driver).await;
    let mut two = another(driver, None).await;
    for (session, row) in [(&mut one, 1), (&mut two, 2)] {
        session.begin(Access::Write).await.unwrap();
        add(session.as_mut(), row).await.unwrap();
    }
    let (a, b) = tokio::join!(add(one.as_mut(), 2), add(two.as_mut(), 1));
    let (error, mut victim, mut winner) = match (a, b) {
        (Err(error), Ok(1)) => (error, one, two),
        (Ok(1), Err(error)) => (error, two, one),
        other => panic!("{}: not one victim: {other:?}", driver.name()),
    };
    assert_is(driver, &error, ErrorClass::Deadlock, code);
    winner.commit().await.unwrap();
    // The server ended the transaction, and would answer a commit as if all were well.
    let error = victim.commit().await.unwrap_err();
    assert!(error.message.contains("nothing was committed"), "{}: {error}", driver.name());
    assert!(!error.outcome_unknown);
    victim.rollback().await.unwrap();
    assert_eq!(sum(victim.as_mut()).await, 32);
    victim.begin(Access::Write).await.unwrap();
    add(victim.as_mut(), 1).await.unwrap();
    victim.commit().await.unwrap();
    assert_eq!(sum(winner.as_mut()).await, 33);
}

async fn a_statement_that_takes_too_long(facts: &Facts, driver: &dyn Driver) {
    let statement_timeout = Some(Duration::from_millis(100));
    let options = SessionOptions { statement_timeout, ..SessionOptions::default() };
    let mut session = driver.connect(&options).await.unwrap();
    let (sql, parameter) = facts.slow;
    let statements = [Statement::new("slow", sql), Statement::new("quick", "SELECT 7")];
    session.prepare(&statements).await.unwrap();
    let error = session.query(0, &[parameter], &mut |_| Ok(())).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::StatementTimeout, "{}: {error}", driver.name());
    assert_eq!(session.query(1, &[], &mut |_| Ok(())).await.unwrap(), 1);
}

/// Killed where it commits, where a statement commits by itself, and within a transaction.
pub async fn of_a_kill_are_told(facts: &Facts, driver: &dyn Driver) {
    let Some(Kill { identify, kill, alive }) = &facts.kill else { return };
    let mut killer = accounts(driver).await;
    for kind in ["statement alone", "in a transaction", "commit"] {
        let mut session = another(driver, None).await;
        if kind != "statement alone" {
            session.begin(Access::Write).await.unwrap();
            add(session.as_mut(), 1).await.unwrap();
        }
        let id = scalar_sql(session.as_mut(), identify).await.unwrap();
        killer.run_sql(&kill(id)).await.unwrap();
        while scalar_sql(killer.as_mut(), &alive(id)).await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
        let error = match kind {
            "commit" => session.commit().await.unwrap_err(),
            _ => add(session.as_mut(), 1).await.unwrap_err(),
        };
        let told = format!("{} {kind}: {error}", driver.name());
        assert_eq!(error.class, ErrorClass::Disconnected, "{told}");
        assert_eq!(error.outcome_unknown, kind != "in a transaction", "{told}");
        assert!(session.rollback().await.unwrap_err().is_disconnected(), "{told}");
        assert!(add(session.as_mut(), 1).await.unwrap_err().is_disconnected(), "{told}");
    }
    assert_eq!(sum(killer.as_mut()).await, 30);
}

/// A statement whose answer nobody waits for leaves a session that commits nothing more.
pub async fn to_wait_break_the_session(facts: &Facts, driver: &dyn Driver) {
    if facts.kill.is_none() {
        // Nothing waits for a lock there without blocking somebody's thread.
        return;
    }
    let mut holder = accounts(driver).await;
    let namespace = Some(NAMESPACE.to_owned());
    let options = SessionOptions { namespace, watched: true, ..SessionOptions::default() };
    let mut session = another(driver, None).await;
    let waits = driver.lock_waits().unwrap();
    let id = waits.identify(session.as_mut()).await.unwrap();
    let mut observer = driver.connect(&options).await.unwrap();
    holder.begin(Access::Write).await.unwrap();
    add(holder.as_mut(), 1).await.unwrap();
    session.begin(Access::Write).await.unwrap();
    add(session.as_mut(), 2).await.unwrap();
    tokio::select! {
        biased;
        answered = add(session.as_mut(), 1) => panic!("the lock is held: {answered:?}"),
        () = async { while !waits.is_waiting(observer.as_mut(), id).await.unwrap() {} } => {}
    }
    let error = session.commit().await.unwrap_err();
    assert!(error.is_disconnected() && error.message.contains("not waited for"), "{error}");
    assert!(session.rollback().await.unwrap_err().is_disconnected());
    assert!(session.run_sql("SELECT 1").await.unwrap_err().is_disconnected());
    assert!(session.query(READ, &[Value::Int(1)], &mut |_| Ok(())).await.is_err());
    drop(session);
    holder.rollback().await.unwrap();
    // The server may notice a moment late that nobody is there any more.
    assert_eq!(add(holder.as_mut(), 2).await.unwrap(), 1);
    assert_eq!(sum(holder.as_mut()).await, 31);
}
