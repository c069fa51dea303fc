//! Dependencies, after "Elle", section 4.2 and Adya's definitions 2 to 5.

use super::ListAppend;
use crate::graph::{GraphBuilder, RW, WR, WW};
use crate::store::NONE;

impl ListAppend<'_> {
    /// Links each write to the next of its key, each write to the reads of it, and each read to the
    /// write that comes next. What was committed and never read comes after the longest list, in an
    /// order that nobody knows.
    pub(super) fn edges(&self, graph: &mut GraphBuilder) {
        self.writes_and_writes(graph);
        let unread = self.unread();
        let mut readers_of_all: Vec<Vec<u32>> = vec![Vec::new(); unread.len()];
        let mut place_of_key = vec![NONE; self.history.keys.len()];
        for ((key, _), place) in unread.iter().zip(0..) {
            place_of_key[*key as usize] = place;
        }
        for (reader, operation, key, version) in self.reads() {
            if let Some(last) = self.history.lists.last(version)
                && let Some(writer) = self.effective_writer(last)
            {
                graph.link(writer, reader, WR, operation);
            }
            if !self.history.lists.is_in_order(version) {
                continue;
            }
            if let Some(next) = self.next_in_order(key, version.length) {
                let next = self.history.writes.get(next);
                graph.link(reader, next.transaction, RW, next.operation);
            } else if place_of_key[key as usize] != NONE {
                let readers = &mut readers_of_all[place_of_key[key as usize] as usize];
                if readers.last() != Some(&reader) {
                    readers.push(reader);
                }
            }
        }
        for ((key, writes), readers) in unread.iter().zip(&readers_of_all) {
            graph.link_all(readers, writes, RW);
            let length = self.history.lists.order(*key).len() as u32;
            if let Some(last) = self.last_in_order(*key, length) {
                let last = self.history.writes.get(last).transaction;
                graph.link_all(&[last], writes, WW);
            }
        }
    }

    fn writes_and_writes(&self, graph: &mut GraphBuilder) {
        for key in 0..self.history.keys.len() as u32 {
            let mut before = None;
            for write in self.history.lists.order(key) {
                let Some(writer) = self.effective_writer(*write) else { continue };
                if let Some(before) = before {
                    let operation = self.history.writes.get(*write).operation;
                    graph.link(before, writer, WW, operation);
                }
                before = Some(writer);
            }
        }
    }

    /// The committed writes that are in no list, by key: who and by which operation.
    fn unread(&self) -> Vec<(u32, Vec<(u32, u32)>)> {
        let writes = (0..self.history.writes.len() as u32).filter(|write| self.is_unread(*write));
        let mut unread: Vec<(u32, u32, u32)> = writes
            .map(|write| {
                let write = self.history.writes.get(write);
                (write.key, write.transaction, write.operation)
            })
            .collect();
        unread.sort_unstable();
        let keys = unread.chunk_by(|one, other| one.0 == other.0);
        keys.map(|of_key| {
            let writes =
                of_key.iter().map(|(_, transaction, operation)| (*transaction, *operation));
            (of_key[0].0, writes.collect())
        })
        .collect()
    }
}
