fn main() {
    let path = std::env::args().nth(1).unwrap();
    let h = dbdyno_history::History::read(path.as_ref(), &Default::default()).unwrap();
    let o =
        dbdyno_history::CheckOptions { session_order: true, real_time: true, ..Default::default() };
    let v = dbdyno_history::check(&h, &o);
    for f in &v.found {
        for (i, e) in f.examples.iter().enumerate() {
            if let Some(c) = &e.cycle {
                std::fs::write(
                    format!("/tmp/h/{}-{i}.svg", f.class),
                    dbdyno_history::svg(c, &format!("{}: {}", f.class, f.class.words())),
                )
                .unwrap();
                std::fs::write(
                    format!("/tmp/h/{}-{i}.dot", f.class),
                    dbdyno_history::dot(c, f.class.name()),
                )
                .unwrap();
            }
        }
    }
}
