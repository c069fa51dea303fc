//! Every driver of every engine, on one server each: values, rows, transactions, failures, and benchmarks
//! whose answers are checked. A library's driver is held to what the engine's own does.

mod benchmarks;
mod engines;
mod failures;
#[path = "../../adapters/tests/shared/literals.rs"]
mod literals;
mod sessions;
mod values;

use dbdyno_tests::left_out;

use engines::{Facts, MARIADB, POSTGRES, SQLITE, Server};

fn conforms(facts: &'static Facts) {
    if left_out(facts.engine) {
        return;
    }
    let server = Server::start(facts);
    server.runtime.block_on(async {
        let mut known = None;
        for (name, driver) in server.drivers().await {
            assert_eq!((driver.engine(), driver.name()), (facts.engine, name));
            let driver = driver.as_ref();
            values::come_back(facts, driver, &mut known).await;
            values::are_said_alike(facts, driver).await;
            sessions::count_rows_and_read_them_all(facts, driver).await;
            sessions::commit_and_roll_back(facts, driver).await;
            sessions::have_the_level_that_was_asked_for(facts, driver).await;
            sessions::are_at_a_distance(facts, driver).await;
            failures::have_their_class(facts, driver).await;
            failures::of_a_kill_are_told(facts, driver).await;
            failures::to_wait_break_the_session(facts, driver).await;
        }
    });
}

#[test]
fn drivers_of_postgres_conform() {
    conforms(&POSTGRES);
}

#[test]
fn drivers_of_mariadb_conform() {
    conforms(&MARIADB);
}

#[test]
fn drivers_of_sqlite_conform() {
    conforms(&SQLITE);
}

#[test]
fn benchmarks_are_right_by_every_driver_of_postgres() {
    benchmarks::are_right(&POSTGRES);
}

#[test]
fn benchmarks_are_right_by_every_driver_of_mariadb() {
    benchmarks::are_right(&MARIADB);
}

#[test]
fn benchmarks_are_right_by_every_driver_of_sqlite() {
    benchmarks::are_right(&SQLITE);
}
