fn main() {
    let path = std::env::args().nth(1).unwrap();
    let t = std::time::Instant::now();
    let h = dbdyno_history::History::read(path.as_ref(), &Default::default()).unwrap_or_else(|e| {
        eprintln!("{e}");
        std::process::exit(2)
    });
    eprintln!("read {:?}", t.elapsed());
    let o =
        dbdyno_history::CheckOptions { session_order: true, real_time: true, ..Default::default() };
    let v = dbdyno_history::check(&h, &o);
    eprintln!("all {:?}", t.elapsed());
    print!(
        "{}",
        dbdyno_history::verdict_text(&v, dbdyno_history::Model::Serializable.proscribed(), &o)
    );
    let rss = std::fs::read_to_string("/proc/self/status").unwrap();
    eprintln!("{}", rss.lines().find(|l| l.starts_with("VmHWM")).unwrap());
}
