use super::*;

#[test]
fn what_is_built_in_can_be_read_on_every_engine() {
    let found = benchmarks();
    let names: Vec<&str> = found.iter().map(|benchmark| benchmark.name()).collect();
    assert_eq!(names, ["tpcb-like", "simple-update", "select-only"]);
    for benchmark in &found {
        assert_eq!(benchmark.dataset().name(), "tpcb");
        for engine in ["postgres", "mariadb", "mysql", "sqlite"] {
            let context =
                WorkloadContext { engine: engine.to_owned(), ..WorkloadContext::default() };
            assert!(!benchmark.procedure().statements(&context).is_empty());
        }
    }
    assert_eq!(found[2].after_use(), AfterUse::Reusable);
    assert_eq!(found[0].after_use(), AfterUse::Spent);
}
