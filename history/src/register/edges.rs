//! Dependencies, from who read which version and which version comes before which.

use super::{RwRegister, touches, versions};
use crate::graph::{GraphBuilder, RW, WR, WW};

impl RwRegister<'_> {
    pub(super) fn edges(&self, graph: &mut GraphBuilder) {
        let (begins, readers) = self.readers();
        let mut later = Vec::new();
        for version in 0..self.versions.len() as u32 {
            let range = begins[version as usize] as usize..begins[version as usize + 1] as usize;
            let writer = self.effective_writer(version);
            if let Some(writer) = writer {
                for (reader, operation) in &readers[range.clone()] {
                    graph.link(writer, *reader, WR, *operation);
                }
            }
            later.clear();
            later.extend(versions::after(&self.versions, version).filter_map(|after| {
                let writer = self.effective_writer(after)?;
                Some((writer, self.history.writes.get(after).operation))
            }));
            if later.is_empty() {
                continue;
            }
            let readers: Vec<u32> = readers[range].iter().map(|(reader, _)| *reader).collect();
            graph.link_all(&readers, &later, RW);
            if let Some(writer) = writer {
                graph.link_all(&[writer], &later, WW);
            }
        }
    }

    /// Who read each version, one version after another: where each begins, and who by which
    /// operation.
    fn readers(&self) -> (Vec<u32>, Vec<(u32, u32)>) {
        let mut reads: Vec<(u32, u32, u32)> = Vec::new();
        let mut touched = Vec::new();
        for transaction in self.history.committed() {
            touches(self.history, transaction, &mut touched);
            let read = touched.iter().filter_map(|touch| touch.read);
            reads.extend(read.map(|(version, operation)| (version, transaction, operation)));
        }
        reads.sort_unstable();
        let mut begins = vec![0_u32; self.versions.len() + 1];
        for (version, _, _) in &reads {
            begins[*version as usize + 1] += 1;
        }
        for at in 1..begins.len() {
            begins[at] += begins[at - 1];
        }
        (
            begins,
            reads.into_iter().map(|(_, transaction, operation)| (transaction, operation)).collect(),
        )
    }
}
