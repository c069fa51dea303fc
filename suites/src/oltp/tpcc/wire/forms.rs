//! What native statements and requests sent together look like.

use dbdyno_core::load::Outcome;
use dbdyno_core::{Decimal, NativeSql, Timestamp, Value};

use super::super::super::recording::NATIVE;
use super::{Wire, block_on};
use super::{client, contains, find_said, said};

type Rows = Vec<Vec<Value<'static>>>;

/// Every way to say it: portable and as each engine does, one by one and together.
pub(super) fn every_way() -> impl Iterator<Item = (Option<NativeSql>, bool)> {
    let forms = NATIVE.map(|(_, native)| Some(native)).into_iter().chain([None]);
    forms.flat_map(|form| [(form, false), (form, true)])
}

/// Whole numbers in parameters; arrays are taken apart.
fn ints(params: &[Value<'_>]) -> Vec<i64> {
    let of_param = |param: &Value<'_>| match param {
        Value::Int(int) => vec![*int],
        Value::Ints(ints) => ints.to_vec(),
        _ => vec![],
    };
    params.iter().flat_map(of_param).collect()
}

/// The rows that answer a native query: the same values that the portable ones are answered with.
pub(super) fn answer(name: &str, params: &[Value<'_>], oldest: Option<i64>) -> Rows {
    let cents = |cents| Value::Decimal(Decimal::cents(cents));
    let rate = |rate| Value::Decimal(Decimal::new(rate, 4));
    let (int, text, when) = (Value::Int, Value::Text, Value::Timestamp(Timestamp(0)));
    let numbers = ints(params);
    let name = name.trim_end_matches(|c: char| c == '_' || c.is_ascii_digit());
    match name {
        "new_order_select_customer_and_tax" => {
            vec![vec![rate(500), text("BAR"), text("GC"), rate(1_000)]]
        }
        "new_order_update_district" => vec![vec![int(3_001), rate(1_000)]],
        "new_order_select_items" => {
            let known = numbers.into_iter().filter(|i_id| *i_id <= 100_000);
            known
                .map(|i_id| vec![int(i_id), cents(250), text("item"), text("xORIGINALx")])
                .collect()
        }
        "new_order_select_stocks" => {
            let keys: Vec<[i64; 2]> = match params {
                [_, Value::Ints(w_ids), Value::Ints(i_ids)] => {
                    w_ids.iter().zip(*i_ids).map(|(w_id, i_id)| [*w_id, *i_id]).collect()
                }
                _ => numbers[1..].chunks(2).map(|key| [key[0], key[1]]).collect(),
            };
            let known = keys.into_iter().filter(|[_, i_id]| *i_id <= 100_000);
            let info = text("information about district");
            known
                .map(|[w_id, i_id]| vec![int(w_id), int(i_id), int(15), info, text("ORIGINAL")])
                .collect()
        }
        "payment_update_warehouse" => vec![[text("W-NAME")].repeat(6)],
        "payment_update_district" => vec![[text("D-NAME")].repeat(6)],
        "payment_update_customer" => {
            let mut row = [text("x")].repeat(9);
            row.extend([text("GC"), when, cents(5_000_000), rate(500), cents(-1_000)]);
            vec![row]
        }
        "order_status_select_last_order_lines" => {
            let line = [int(1), int(1), int(5), cents(999), Value::Null];
            vec![[&line[..], &[int(2_500), when, Value::Null]].concat(); 2]
        }
        "delivery_delete_oldest_new_order" => {
            oldest.map(|o_id| vec![int(o_id)]).into_iter().collect()
        }
        "delivery_delete_oldest_new_orders" | "delivery_select_oldest_new_orders" => {
            oldest.map_or_else(Vec::new, |o_id| by_district(int(o_id)))
        }
        "delivery_update_order" => vec![vec![int(77)]],
        "delivery_update_orders" | "delivery_select_orders" => by_district(int(77)),
        "delivery_update_order_lines" if matches!(params[1], Value::Ints(_)) => {
            by_district(cents(12_345))
        }
        "delivery_update_order_lines" => vec![vec![cents(12_000)], vec![cents(345)]],
        "delivery_sum_lines_by_district" => by_district(cents(12_345)),
        other => panic!("no answer to {other}"),
    }
}

fn by_district(value: Value<'static>) -> Rows {
    (1..=10).map(|d_id| vec![Value::Int(d_id), value]).collect()
}

/// How many rows a statement matches: as many as it is meant for.
pub(super) fn matched(name: &str, params: &[Value<'_>]) -> u64 {
    let is_of_lines = |of: &str| name.strip_prefix(of).is_some_and(|rest| rest.starts_with('_'));
    match params.first() {
        Some(Value::Ints(first)) => first.len() as u64,
        _ if is_of_lines("new_order_update_stocks") => {
            ints(params).chunks(6).filter(|row| row[0] != 0).count() as u64
        }
        _ if is_of_lines("new_order_insert_order_lines") => params.len() as u64 / 9,
        _ if name.starts_with("delivery_") && params.len() >= 30 => 10,
        _ => 1,
    }
}

/// What the transactions send, one of each kind.
fn page(way: (Option<NativeSql>, bool)) -> String {
    let five_lines = |sent: &[String], outcome| {
        let order = sent.iter().find(|line| line.starts_with("new_order_insert_order [")).unwrap();
        outcome == Outcome::Committed && order.ends_with(", 5, 1]")
    };
    let by_name = |sent: &[String], _| contains(sent, "select_customers_by_last_name");
    let by_number = |sent: &[String], _| !contains(sent, "select_customers_by_last_name");
    [
        find_said("new_order", 1, way, five_lines),
        find_said("payment", 5, way, by_number),
        find_said("payment", 5, way, by_name),
        find_said("order_status", 6, way, by_number),
        find_said("order_status", 6, way, by_name),
        find_said("delivery", 7, way, |_, _| true),
        find_said("stock_level", 8, way, |_, _| true),
    ]
    .join("\n\n")
}

#[test]
fn native_statements_and_batches() {
    insta::assert_snapshot!("pipelined", page((None, true)));
    for (engine, native) in NATIVE {
        let page = page((Some(native), engine == "postgres"));
        insta::assert_snapshot!(format!("native_{engine}"), page);
    }
}

#[test]
fn the_native_statements() {
    for (engine, native) in NATIVE {
        let workload = said(Some(native));
        // Those for another number of lines are the same but for that.
        let shown = workload.statements().iter().filter(|statement| {
            let lines = statement.name.rsplit('_').next().unwrap_or_default();
            let is_by_lines = !statement.name.contains("stock_0") && lines.parse::<u8>().is_ok();
            !is_by_lines || lines == "4" || statement.name.ends_with("stock_10")
        });
        let list: Vec<_> =
            shown.map(|statement| format!("{}: {}", statement.name, statement.sql)).collect();
        insta::assert_snapshot!(format!("statements_{engine}"), list.join("\n"));
    }
}

#[test]
fn an_order_that_rolls_back_writes_all_lines_but_the_last() {
    for way in every_way().filter(|way| *way != (None, false)) {
        let sent = find_said("new_order", 2, way, |_, outcome| outcome == Outcome::RolledBack);
        assert!(sent.ends_with("ROLLBACK") && !sent.contains("COMMIT"), "{sent}");
        let order = sent.lines().find(|line| line.starts_with("new_order_insert_order [")).unwrap();
        let count = order.split(", ").nth(5).unwrap().parse::<usize>().unwrap();
        let written: usize = (sent.lines())
            .filter(|line| line.starts_with("new_order_insert_order_line"))
            .map(|line| line.matches("information about district").count())
            .sum();
        assert_eq!(written, count - 1, "{sent}");
    }
}

/// A row of stock that two lines take from is left with what both leave, and counts both.
#[test]
fn lines_of_one_stock_are_added_up() {
    const QUANTITY: i64 = 15;
    for way in every_way() {
        let workload = said(way.0);
        let mut client = client(workload.as_ref(), 1);
        let mut found = false;
        // One order in some hundreds has an item twice.
        for _ in 0..20_000 {
            client.draw();
            let mut wire = Wire { pipelines: way.1, ..Wire::new(workload.as_ref()) };
            block_on(client.run(&mut wire)).unwrap();
            let Some((ordered, left, stocks)) = taken_twice(&wire.sent) else { continue };
            let leave = |quantity, ordered| {
                if quantity >= ordered + 10 { quantity - ordered } else { quantity - ordered + 91 }
            };
            // The wire answers each query alike, so one by one the second line starts anew.
            let expected = match way {
                (None, false) => leave(QUANTITY, ordered[1]),
                _ => leave(leave(QUANTITY, ordered[0]), ordered[1]),
            };
            assert_eq!(left, expected, "{:#?}", wire.sent);
            assert!(stocks, "{:#?}", wire.sent);
            found = true;
            break;
        }
        assert!(found, "{way:?}: no item twice");
    }
}

/// Of an order with two lines of one stock: what they order, what the last update leaves there, and
/// whether an update that names it once counts both.
fn taken_twice(sent: &[String]) -> Option<([i64; 2], i64, bool)> {
    let numbers = |line: &str| -> Vec<i64> {
        let inside = line.split_once('[').map_or("", |(_, inside)| inside);
        let numbers = inside.split(|c: char| !c.is_ascii_digit() && c != '.' && c != '-');
        numbers.filter_map(|number| number.parse().ok()).collect()
    };
    // Number, item, warehouse and quantity stand after the three parts of the order's key; the
    // amount is no whole number.
    let lines: Vec<(i64, i64, i64)> = (sent.iter())
        .filter(|line| line.starts_with("new_order_insert_order_line"))
        .flat_map(|line| numbers(line).chunks(7).map(|l| (l[4], l[5], l[6])).collect::<Vec<_>>())
        .collect();
    let (first, second) = lines.iter().enumerate().find_map(|(place, line)| {
        let same = |other: &&(i64, i64, i64)| (other.0, other.1) == (line.0, line.1);
        lines[..place].iter().find(same).map(|earlier| (*earlier, *line))
    })?;
    let (i_id, w_id) = (second.0, second.1);
    let updates: Vec<_> =
        sent.iter().filter(|line| line.starts_with("new_order_update_stock")).collect();
    let ordered = [first.2, second.2];
    let update = *updates.last()?;
    if update.starts_with("new_order_update_stock ") {
        let of_stock = |line: &&&String| numbers(line)[3..] == [w_id, i_id];
        let last = updates.iter().rev().find(of_stock)?;
        return Some((ordered, numbers(last)[0], true));
    }
    let all = numbers(update);
    let rows: Vec<Vec<i64>> = if update.contains("], [") {
        let count = all.len() / 6;
        (0..count).map(|row| (0..6).map(|column| all[column * count + row]).collect()).collect()
    } else {
        all.chunks(6).map(<[i64]>::to_vec).collect()
    };
    let mut of_stock = rows.iter().filter(|row| row[..2] == [w_id, i_id]);
    let row = of_stock.next()?;
    let is_once = of_stock.next().is_none();
    Some((ordered, row[2], is_once && row[3] == ordered[0] + ordered[1] && row[4] == 2))
}
