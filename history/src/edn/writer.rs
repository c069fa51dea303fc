//! Events to text: the normal form, one map per line.

use super::event::{Answer, Event, EventKind, MopKind};
use crate::atom::Names;

impl EventKind {
    /// The keyword without its colon.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}

/// Appends `event` as number `index` of a history to `out`, with the end of its line. An event
/// without a process stays without one: any number would put it in an order with others. One without
/// a time is of the moment `index`.
pub fn write_event(event: &Event, index: u64, names: &Names, out: &mut String) {
    let mut digits = itoa::Buffer::new();
    out.push_str("{:index ");
    out.push_str(digits.format(index));
    out.push_str(", :time ");
    out.push_str(digits.format(event.time.unwrap_or(index as i64)));
    out.push_str(", :type :");
    out.push_str(event.kind.name());
    if let Some(process) = event.process {
        out.push_str(", :process ");
        out.push_str(digits.format(process));
    }
    out.push_str(", :f :txn, :value [");
    for (position, mop) in event.mops.iter().enumerate() {
        if position > 0 {
            out.push(' ');
        }
        out.push_str(match mop.kind {
            MopKind::Read => "[:r ",
            MopKind::Append => "[:append ",
            MopKind::Write => "[:w ",
        });
        names.write(mop.key, out);
        out.push(' ');
        match mop.answer {
            Answer::Nil => out.push_str("nil"),
            Answer::One(value) => names.write(value, out),
            Answer::List { start, length } => {
                out.push('[');
                for (position, element) in event.list(start, length).iter().enumerate() {
                    if position > 0 {
                        out.push(' ');
                    }
                    names.write(*element, out);
                }
                out.push(']');
            }
        }
        out.push(']');
    }
    out.push_str("]}\n");
}
