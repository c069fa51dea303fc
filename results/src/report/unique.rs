//! Names of pictures, of which a document has each once.

use std::collections::HashSet;

use super::{Block, Section};
use crate::chart::renamed;

/// Gives a number to each picture that is called like one before it: files would overwrite each other, and what a
/// picture refers to in one document would be found in another.
pub(super) fn name_pictures(sections: &mut [Section]) {
    let stems =
        sections.iter().flat_map(|section| &section.blocks).filter_map(|block| match block {
            Block::Chart { stem, .. } => Some(stem.clone()),
            Block::Text(_) | Block::Folded { .. } => None,
        });
    // Numbered names keep out of the way of those that others have anyway.
    let meant: HashSet<String> = stems.collect();
    let mut taken = HashSet::new();
    for block in sections.iter_mut().flat_map(|section| &mut section.blocks) {
        let Block::Chart { stem, svg, .. } = block else { continue };
        if taken.contains(stem) {
            let is_free = |name: &String| !meant.contains(name) && !taken.contains(name);
            let numbered = (2_u64..).map(|number| format!("{stem}-{number}")).find(is_free);
            let Some(free) = numbered else { continue };
            *svg = renamed(svg, stem, &free);
            *stem = free;
        }
        taken.insert(stem.clone());
    }
}
