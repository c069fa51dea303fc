//! Plans of real engines: which index is used, and how far the planner's numbers are off.

use std::fmt::Write as _;
use std::sync::Arc;

use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{Dialect, Driver, Plan, PlanKind, PlanNode, Session, SessionOptions, Value};
use dbdyno_tests::{left_out, runtime, target};
use tokio::runtime::Runtime;

const ROWS: i64 = 20_000;
const NAMESPACE: &str = "dbdyno_plans";
/// Each of `day` is in a thousandth of the rows, and has one `week`.
const DAYS: i64 = 1_000;

struct Bench {
    runtime: Runtime,
    driver: Arc<dyn Driver>,
    engine: &'static str,
}

impl Bench {
    /// An engine with 20,000 rows, whose `week` follows from their `day`, gathered statistics, and no
    /// index but the key's.
    fn open(engine: &'static str) -> Option<Self> {
        if left_out(engine) {
            return None;
        }
        let runtime = runtime();
        let driver = target(&runtime, engine);
        let bench = Self { runtime, driver, engine };
        let dialect = bench.dialect();
        bench.sql(None, &dialect.ensure_namespace(NAMESPACE));
        let columns = ["id", "day", "week"].map(|name| Column::new(name, ColumnType::Int));
        let text = Column::new("note", ColumnType::Varchar(40));
        let table = Table::new("visits", [&columns[..], &[text]].concat()).primary_key(&["id"]);
        let mut statements = vec![dialect.create_table(&table)];
        for first in (0..ROWS).step_by(1_000) {
            let mut insert = "INSERT INTO visits (id, day, week, note) VALUES ".to_owned();
            for id in first..first + 1_000 {
                let (comma, day) = (if id > first { "," } else { "" }, id % DAYS);
                write!(insert, "{comma}({id}, {day}, {}, 'visit {id}')", day / 7).unwrap();
            }
            statements.push(insert);
        }
        statements.extend(dialect.finish_load(&table));
        bench.sql(Some(NAMESPACE), &statements);
        Some(bench)
    }

    fn dialect(&self) -> &dyn Dialect {
        self.driver.dialect()
    }

    fn session(&self, namespace: Option<&str>) -> Box<dyn Session> {
        let namespace = namespace.map(str::to_owned);
        let options = SessionOptions { namespace, ..SessionOptions::default() };
        self.runtime.block_on(self.driver.connect(&options)).unwrap()
    }

    fn sql(&self, namespace: Option<&str>, statements: &[String]) {
        let mut session = self.session(namespace);
        for sql in statements {
            self.runtime.block_on(session.run_sql(sql)).unwrap();
        }
    }

    fn index(&self, name: &str, columns: &str) {
        let create = format!("CREATE INDEX {name} ON visits ({columns})");
        let analyze = match self.engine {
            "mariadb" => "ANALYZE TABLE visits",
            _ => "ANALYZE visits",
        };
        self.sql(Some(NAMESPACE), &[create, analyze.to_owned()]);
    }

    fn plan(&self, query: &str, parameters: &[Value<'_>]) -> Plan {
        let explain = self.driver.explain().unwrap();
        let mut session = self.session(Some(NAMESPACE));
        let plan = self.runtime.block_on(explain.explain(&mut *session, query, parameters));
        let plan = plan.unwrap();
        assert!(!plan.raw.is_empty(), "{plan:?}");
        plan
    }
}

fn kinds(plan: &Plan) -> Vec<PlanKind> {
    plan.nodes().map(|node| node.kind).collect()
}

/// The step that reads the table's rows.
fn reading(plan: &Plan) -> &PlanNode {
    plan.nodes().find(|node| node.table.as_deref() == Some("visits")).unwrap()
}

const OF_A_DAY: &str = "SELECT note FROM visits WHERE day = ?";

fn an_index_shows_in_the_plan(engine: &'static str) {
    let Some(bench) = Bench::open(engine) else { return };
    let day = [Value::Int(77)];
    let without = bench.plan(OF_A_DAY, &day);
    assert!(!without.uses_index("visits_by_day"), "{without:?}");
    assert_eq!(reading(&without).kind, PlanKind::TableScan, "{without:?}");

    bench.index("visits_by_day", "day");
    let with = bench.plan(OF_A_DAY, &day);
    assert!(with.uses_index("visits_by_day") && with.uses_index("VISITS_BY_DAY"), "{with:?}");
    assert_eq!(reading(&with).kind, PlanKind::IndexLookup, "{with:?}");
    assert_ne!(with.outline(), without.outline());

    let key = bench.plan("SELECT note FROM visits WHERE id = ?", &[Value::Int(5)]);
    assert_eq!(reading(&key).kind, PlanKind::IndexLookup, "{key:?}");
    let only = bench.plan("SELECT day FROM visits WHERE day = ?", &day);
    assert_eq!(reading(&only).kind, PlanKind::IndexOnly, "{only:?}");

    let sorted = bench.plan("SELECT id FROM visits ORDER BY note LIMIT 3", &[]);
    assert!(kinds(&sorted).contains(&PlanKind::Sort), "{sorted:?}");
    let joined = bench
        .plan("SELECT COUNT(*) FROM visits v JOIN visits w ON w.id = v.week WHERE v.day = ?", &day);
    let tables: Vec<_> = joined.nodes().filter_map(|node| node.table.as_deref()).collect();
    assert!(tables.contains(&"v") && tables.contains(&"w"), "{joined:?}");

    // Text that would end a literal, and a word that would change what is known of the plan.
    let text = [Value::Text("it's \\' a \"LIMIT\" ?\t")];
    let none = bench.plan("SELECT id FROM visits WHERE note = ?", &text);
    assert_eq!(reading(&none).kind, PlanKind::TableScan, "{none:?}");
    let explain = bench.driver.explain().unwrap();
    let mut session = bench.session(Some(NAMESPACE));
    let refused = bench.runtime.block_on(explain.explain(&mut *session, OF_A_DAY, &[]));
    assert!(refused.unwrap_err().message.contains("of 1 parameters was given 0"));
    let nowhere = explain.explain(&mut *session, "SELECT a FROM nowhere", &[]);
    assert!(bench.runtime.block_on(nowhere).unwrap_err().message.contains("nowhere"));
}

#[test]
fn an_index_shows_in_the_plan_on_postgres() {
    an_index_shows_in_the_plan("postgres");
}

#[test]
fn an_index_shows_in_the_plan_on_mariadb() {
    an_index_shows_in_the_plan("mariadb");
}

#[test]
fn an_index_shows_in_the_plan_on_sqlite() {
    an_index_shows_in_the_plan("sqlite");
}

/// Each day has 20 rows, of one week: a planner that takes the two for independent expects one in 143
/// of those.
const OF_A_DAY_AND_ITS_WEEK: &str = "SELECT note FROM visits WHERE day = ? AND week = ?";

#[test]
fn postgres_is_off_where_columns_depend_on_each_other() {
    let Some(bench) = Bench::open("postgres") else { return };
    let right = bench.plan(OF_A_DAY, &[Value::Int(77)]);
    let read = reading(&right);
    assert_eq!((read.actual_rows, read.loops), (Some(20.0), Some(1.0)), "{right:?}");
    assert_eq!(right.q_error(), Some(1.0), "{right:?}");
    let wrong = bench.plan(OF_A_DAY_AND_ITS_WEEK, &[Value::Int(77), Value::Int(11)]);
    assert!(wrong.q_error().unwrap() >= 15.0, "{wrong:?}");
    // What is stopped is not off.
    let stopped = bench.plan("SELECT id FROM visits WHERE day >= 0 LIMIT 3", &[]);
    assert_eq!(stopped.q_error(), Some(1.0), "{stopped:?}");

    // The same in a plan whose scan several processes share.
    let mut session = bench.session(Some(NAMESPACE));
    let explain = bench.driver.explain().unwrap();
    let plan = bench.runtime.block_on(async {
        for setting in
            ["parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"]
        {
            session.run_sql(&format!("SET {setting} = 0")).await.unwrap();
        }
        explain.explain(&mut *session, "SELECT COUNT(*) FROM visits WHERE id >= 0", &[]).await
    });
    let plan = plan.unwrap();
    let read = reading(&plan);
    assert!(read.operation.starts_with("Parallel "), "{plan:?}");
    assert!(read.q_error().unwrap() < 1.01, "{plan:?}");
    assert!((read.actual_rows.unwrap() - ROWS as f64).abs() < 10.0, "{plan:?}");
}

#[test]
fn mariadb_is_off_where_columns_depend_on_each_other() {
    let Some(bench) = Bench::open("mariadb") else { return };
    bench.index("visits_by_day", "day");
    let right = bench.plan(OF_A_DAY, &[Value::Int(77)]);
    let read = reading(&right);
    assert_eq!((read.actual_rows, read.loops), (Some(20.0), Some(1.0)), "{right:?}");
    assert_eq!(right.q_error(), Some(1.0), "{right:?}");
    // The server knows how selective a week is by its index, and reads by that of the day.
    bench.index("visits_by_week", "week");
    let wrong = bench.plan(OF_A_DAY_AND_ITS_WEEK, &[Value::Int(77), Value::Int(11)]);
    assert!(wrong.q_error().unwrap() >= 15.0, "{wrong:?}");
    let stopped = bench.plan("SELECT note FROM visits WHERE day >= 0 LIMIT 3", &[]);
    assert_eq!(stopped.q_error(), None, "{stopped:?}");
}

#[test]
fn sqlite_says_why_it_tells_no_numbers() {
    let Some(bench) = Bench::open("sqlite") else { return };
    assert_eq!(bench.plan(OF_A_DAY, &[Value::Int(77)]).q_error(), None);
    let why = bench.driver.explain().unwrap().lacks_estimates().unwrap();
    assert!(why.contains("EXPLAIN QUERY PLAN"), "{why}");
}
