use std::io::Write;
fn main() {
    let mut args = std::env::args().skip(1);
    let path = args.next().unwrap();
    let n: u64 = args.next().unwrap().parse().unwrap();
    use dbdyno_history::{Kind, testing::*};
    let behaviour = match args.next().as_deref() {
        Some("rc") => Behaviour::ReadCommitted,
        Some("si") => Behaviour::Snapshot,
        Some("ru") => Behaviour::ReadUncommitted,
        Some("serial") => Behaviour::Serial,
        _ => Behaviour::Serializable,
    };
    let kind =
        if args.next().as_deref() == Some("rw") { Kind::RwRegister } else { Kind::ListAppend };
    let s = Simulation {
        kind,
        behaviour,
        transactions: n,
        clients: 16,
        keys: 32,
        values_per_key: 64,
        operations: 7,
        ..Default::default()
    };
    let mut f = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    s.run(&mut |l| f.write_all(l).unwrap());
}
