//! The comments of a table, drawn as dbgen draws them.

use tpchgen::random::RowRandomInt;

use super::sentences::{Sentences, TEXT_BYTES};

/// How a table's comments are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    /// The seed of dbgen's random stream for the column.
    pub seed: i64,
    /// Characters of a comment on average (clause 4.2.3).
    pub average: i32,
    /// Rows that dbgen makes together: the lines of an order, the suppliers of a part.
    pub together: i32,
}

/// The comments of one part of a table, in order.
pub struct Comments {
    sentences: &'static Sentences,
    random: RowRandomInt,
    lengths: (i32, i32),
    /// What the rows that are made together belong to.
    group: Option<i64>,
    text: String,
}

impl Comments {
    /// The comments from row, order or part number `start` on, counted from 0.
    pub fn new(drawn: Drawn, start: i64) -> Self {
        let mut random = RowRandomInt::new(drawn.seed, drawn.together * 2);
        random.advance_rows(start);
        let times = |factor: f64| (f64::from(drawn.average) * factor) as i32;
        Self {
            sentences: Sentences::shared(),
            random,
            lengths: (times(0.4), times(1.6)),
            group: None,
            text: String::new(),
        }
    }

    /// The next comment.
    pub fn next(&mut self) -> &mut String {
        let (least, most) = self.lengths;
        let offset = self.random.next_int(0, TEXT_BYTES as i32 - most);
        let length = self.random.next_int(least, most);
        self.sentences.cut(offset as usize, length as usize, &mut self.text);
        &mut self.text
    }

    /// The next row belongs to this order or part.
    pub fn begin(&mut self, group: i64) {
        if self.group.replace(group).is_some_and(|last| last != group) {
            self.row_finished();
        }
    }

    /// The rows that are made together are done.
    pub fn row_finished(&mut self) {
        self.random.row_finished();
    }
}
