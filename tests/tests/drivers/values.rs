//! Values of every kind go in and come out as they do by the engine's own driver.

use dbdyno_core::{Driver, Row, Session, SessionOptions, Statement, Value};

use super::engines::Facts;
use super::literals;

/// A session in a namespace that is there.
pub async fn session(driver: &dyn Driver, namespace: &str) -> Box<dyn Session> {
    let mut first = driver.connect(&SessionOptions::default()).await.unwrap();
    for sql in driver.dialect().ensure_namespace(namespace) {
        first.run_sql(&sql).await.unwrap();
    }
    let options =
        SessionOptions { namespace: Some(namespace.to_owned()), ..SessionOptions::default() };
    driver.connect(&options).await.unwrap()
}

/// Drops what a driver before left.
pub async fn clear(driver: &dyn Driver, namespace: &str) {
    let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
    if let Some(sql) = driver.dialect().drop_namespace(namespace) {
        session.run_sql(&sql).await.unwrap();
    }
}

/// Every kind of value and NULL, read by prepared statements and without; `known` is what the engine's own
/// driver read.
pub async fn come_back(facts: &Facts, driver: &dyn Driver, known: &mut Option<Vec<String>>) {
    let mut session = session(driver, "kinds").await;
    session.run_sql(facts.set_up).await.unwrap();
    let columns = facts.kinds.iter().enumerate().map(|(at, (ty, _))| format!("c{at} {ty}"));
    let table = format!("CREATE TABLE k (id BIGINT, {})", columns.collect::<Vec<_>>().join(", "));
    session.run_sql(&table).await.unwrap();
    let places = vec!["?"; facts.kinds.len() + 1].join(", ");
    let statements = [
        Statement::new("put", format!("INSERT INTO k VALUES ({places})")),
        Statement::new("get", "SELECT * FROM k ORDER BY id"),
        Statement::new("none", "SELECT * FROM k WHERE id < ?"),
    ];
    session.prepare(&statements).await.unwrap();
    let mut row = vec![Value::Int(1)];
    row.extend(facts.kinds.iter().map(|(_, value)| *value));
    assert_eq!(session.execute(0, &row).await.unwrap(), 1);
    let mut nulls = vec![Value::Null; row.len()];
    nulls[0] = Value::Int(2);
    assert_eq!(session.execute(0, &nulls).await.unwrap(), 1);

    let mut rows = Vec::new();
    let mut visit = |row: &dyn Row| {
        let values = (0..=facts.kinds.len()).map(|at| row.value(at));
        rows.push(format!("{:?}", values.collect::<Result<Vec<_>, _>>()?));
        assert!(row.value(facts.kinds.len() + 1).is_err());
        Ok(())
    };
    assert_eq!(session.query(1, &[], &mut visit).await.unwrap(), 2);
    // What a type is made of that the server's user made, nobody asks for a query that is run once.
    let built_in = facts.kinds.iter().enumerate().filter(|(_, (ty, _))| *ty != "colour");
    let built_in: Vec<String> = built_in.map(|(at, _)| format!("c{at}")).collect();
    let mut visit = |row: &dyn Row| {
        let values = (0..built_in.len()).map(|at| row.value(at));
        rows.push(format!("{:?}", values.collect::<Result<Vec<_>, _>>()?));
        Ok(())
    };
    let sql = format!("SELECT {} FROM k ORDER BY id", built_in.join(", "));
    assert_eq!(session.query_sql(&sql, &mut visit).await.unwrap(), 2);
    assert_eq!(session.query(2, &[Value::Int(0)], &mut |_| Ok(())).await.unwrap(), 0);
    let name = driver.name();
    assert_eq!(rows[1].matches("Null").count(), facts.kinds.len(), "{name}: {}", rows[1]);
    assert_eq!(*known.get_or_insert_with(|| rows.clone()), rows, "{name}");
    // The names of columns are known before anything is answered.
    let names = session.columns(1).unwrap();
    assert_eq!((names.len(), names[1].as_str()), (facts.kinds.len() + 1, "c0"));
    assert!(session.columns(0).unwrap().is_empty() && session.columns(3).is_err());
    drop(session);
    clear(driver, "kinds").await;
}

/// What is said as SQL is what is bound as a parameter.
pub async fn are_said_alike(facts: &Facts, driver: &dyn Driver) {
    let settings = [match facts.engine {
        "postgres" => "SET standard_conforming_strings = off",
        "mariadb" => "SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES,STRICT_ALL_TABLES'",
        _ => "SELECT 1",
    }];
    literals::are_what_parameters_are(driver, facts.bytes, &settings, &[]).await;
    clear(driver, "literals").await;
}
