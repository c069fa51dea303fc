//! Tables cut into blocks. Each block has a random stream of its own, so that a part of a table
//! can start anywhere at once, and gives the same rows however many parts there are.

use std::ops::Range;

use dbdyno_core::random::Rng;
use dbdyno_core::{RowSource, RowWriter};

/// Which share of a table is asked for: part `part`, counted from 0, of `parts`.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub part: u32,
    pub parts: u32,
}

impl Part {
    /// Its share of so many blocks or rows, counted from 0.
    pub fn range(self, blocks: u64) -> Range<u64> {
        let parts = u128::from(self.parts.max(1));
        let begin = |part: u128| (u128::from(blocks) * part.min(parts) / parts) as u64;
        begin(u128::from(self.part))..begin(u128::from(self.part) + 1)
    }
}

/// The random streams of one table: one for each of its blocks.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    seed: u64,
    dataset: u64,
    table: u64,
}

impl Streams {
    /// Named by data set and table, so that no two tables share a stream.
    pub const fn new(seed: u64, dataset: &str, table: &str) -> Self {
        Self { seed, dataset: hash(dataset), table: hash(table) }
    }

    /// The stream of a block.
    pub fn block(self, block: u64) -> Rng {
        Rng::new(self.seed, &[self.dataset, self.table, block])
    }
}

/// FNV-1a of a name.
pub const fn hash(name: &str) -> u64 {
    let (bytes, mut at, mut hash) = (name.as_bytes(), 0, 0xcbf2_9ce4_8422_2325_u64);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

/// Makes the rows of one block after another.
pub trait Generate: Send {
    /// Makes ready for the first row of `block`, counted from 0.
    fn begin(&mut self, block: u64);

    /// Writes the next row of the block; false, with nothing written, after its last.
    fn row(&mut self, row: &mut dyn RowWriter) -> bool;
}

/// The rows of `part` of a table of `blocks` blocks.
pub fn from_blocks(
    generator: impl Generate + 'static,
    blocks: u64,
    part: Part,
) -> Box<dyn RowSource> {
    Box::new(Blocks { generator, left: part.range(blocks), begun: false })
}

struct Blocks<G> {
    generator: G,
    left: Range<u64>,
    begun: bool,
}

impl<G: Generate> RowSource for Blocks<G> {
    fn next_row(&mut self, row: &mut dyn RowWriter) -> bool {
        loop {
            if self.begun && self.generator.row(row) {
                return true;
            }
            let Some(block) = self.left.next() else {
                self.begun = false;
                return false;
            };
            self.generator.begin(block);
            self.begun = true;
        }
    }
}

/// The size of a table whose rows are numbered from 0.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Rows of the whole table.
    pub rows: u64,
    /// Rows of each block; the last one may have fewer.
    pub block: u64,
}

impl Size {
    /// The numbers of the rows of a block.
    fn of_block(self, block: u64) -> Range<u64> {
        let first = block * self.block;
        first..self.rows.min(first + self.block)
    }
}

/// The rows of `part` of a table whose rows are numbered from 0; `write` writes the row of a number
/// with the random stream of its block.
pub fn numbered<W>(streams: Streams, size: Size, part: Part, write: W) -> Box<dyn RowSource>
where
    W: FnMut(u64, &mut Rng, &mut dyn RowWriter) + Send + 'static,
{
    let generator = Numbered { streams, size, write, rng: streams.block(0), left: 0..0 };
    from_blocks(generator, size.rows.div_ceil(size.block), part)
}

/// Goes through the numbers of all rows with the random stream of each one's block, as [`numbered`]
/// does to write them.
pub fn visit_numbered(streams: Streams, size: Size, mut visit: impl FnMut(u64, &mut Rng)) {
    for block in 0..size.rows.div_ceil(size.block) {
        let mut rng = streams.block(block);
        for number in size.of_block(block) {
            visit(number, &mut rng);
        }
    }
}

struct Numbered<W> {
    streams: Streams,
    size: Size,
    write: W,
    rng: Rng,
    left: Range<u64>,
}

impl<W: FnMut(u64, &mut Rng, &mut dyn RowWriter) + Send> Generate for Numbered<W> {
    fn begin(&mut self, block: u64) {
        self.rng = self.streams.block(block);
        self.left = self.size.of_block(block);
    }

    fn row(&mut self, row: &mut dyn RowWriter) -> bool {
        let number = self.left.next();
        if let Some(number) = number {
            (self.write)(number, &mut self.rng, row);
        }
        number.is_some()
    }
}

/// A table without rows.
pub fn empty() -> Box<dyn RowSource> {
    struct Empty;
    impl RowSource for Empty {
        fn next_row(&mut self, _: &mut dyn RowWriter) -> bool {
            false
        }
    }
    Box::new(Empty)
}

/// Chooses exactly a tenth of the rows of each block at random, in one pass and without memory
/// (Knuth, The Art of Computer Programming, volume 2, 3.4.2, algorithm S).
#[derive(Clone, Copy, Debug)]
pub struct Tenth {
    block: u64,
    left: u64,
    wanted: u64,
}

impl Tenth {
    /// For blocks of `block` rows. Begins anew after each, so it must see every row of a block.
    pub const fn of_each(block: u64) -> Self {
        Self { block, left: 0, wanted: 0 }
    }

    /// Whether the next row is chosen.
    pub fn choose(&mut self, rng: &mut Rng) -> bool {
        if self.left == 0 {
            (self.left, self.wanted) = (self.block, self.block / 10);
        }
        let chosen = rng.below(self.left) < self.wanted;
        self.left -= 1;
        self.wanted -= u64::from(chosen);
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_every_block_once() {
        for blocks in [0, 1, 7, 100, u64::MAX / 3] {
            for parts in [1, 2, 3, 8, 101] {
                let ranges: Vec<_> =
                    (0..parts).map(|part| Part { part, parts }.range(blocks)).collect();
                assert_eq!(ranges.first().map(|range| range.start), Some(0));
                assert_eq!(ranges.last().map(|range| range.end), Some(blocks));
                assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            }
        }
    }

    #[test]
    fn a_tenth_is_a_tenth_and_every_place_is_as_likely() {
        let mut rng = Rng::new(1, &[]);
        let mut tenth = Tenth::of_each(50);
        let mut counts = [0u32; 50];
        for _ in 0..20_000 {
            let mut chosen = 0;
            for count in &mut counts {
                let this = u32::from(tenth.choose(&mut rng));
                *count += this;
                chosen += this;
            }
            assert_eq!(chosen, 5);
        }
        // 2,000 are expected of each, with a standard deviation of 42.
        assert!(counts.iter().all(|count| count.abs_diff(2_000) < 210), "{counts:?}");
    }
}
