//! The text that comments are cut out of: 300 MiB of random sentences (TPC-H rev. 3.0.1, clause
//! 4.2.2.10, as dbgen implements it). They are made of some two hundred words, so each word is kept as
//! one byte, a seventh of the text.

use std::sync::OnceLock;

use tpchgen::distribution::{Distribution, Distributions};
use tpchgen::random::RowRandomInt;

/// How long dbgen's text is.
pub const TEXT_BYTES: usize = 300 << 20;
/// A place in the list of words is noted for each so many bytes of the text.
const BLOCK_BYTES: usize = 512;
/// Bytes of the text to a word, with room to spare.
const LEAST_WORD_BYTES: usize = 6;
/// The seed of the text.
const SEED: i64 = 933_588_178;

/// The sentences, word by word.
pub struct Sentences {
    /// What words stand for: a blank and a word, or what ends a sentence or a part of it.
    vocabulary: Vec<String>,
    words: Vec<u8>,
    /// For each block the word at its first byte, and where that word begins.
    blocks: Vec<(u32, u32)>,
}

impl Sentences {
    /// dbgen's sentences, made at the first call in about a second.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Sentences> = OnceLock::new();
        SHARED.get_or_init(|| Self::new(TEXT_BYTES))
    }

    /// The first `length` bytes of the text, and the rest of the last sentence.
    pub fn new(length: usize) -> Self {
        let mut made = Self {
            vocabulary: Vec::new(),
            words: Vec::with_capacity(length / LEAST_WORD_BYTES),
            blocks: Vec::with_capacity(length / BLOCK_BYTES + 2),
        };
        let grammar = Grammar::new(&mut made.vocabulary);
        let mut random = RowRandomInt::new(SEED, i32::MAX);
        let mut end = 0;
        while end <= length {
            let first = made.words.len();
            grammar.sentence(&mut random, &mut made.words);
            for place in first..made.words.len() {
                let begin = end;
                end += made.vocabulary[usize::from(made.words[place])].len();
                while made.blocks.len() * BLOCK_BYTES < end {
                    made.blocks.push((place as u32, begin as u32));
                }
            }
        }
        made
    }

    /// Writes `length` bytes of the text from `offset` on into `out`, which is emptied first.
    pub fn cut(&self, offset: usize, length: usize, out: &mut String) {
        out.clear();
        // The first word has a blank before it that is not part of the text.
        let begin = offset + 1;
        let (place, mut at) = self.blocks[begin / BLOCK_BYTES];
        for word in &self.words[place as usize..] {
            let word = &self.vocabulary[usize::from(*word)];
            let from = begin.saturating_sub(at as usize);
            if let Some(rest) = word.get(from..) {
                out.push_str(&rest[..rest.len().min(length - out.len())]);
                if out.len() == length {
                    return;
                }
            }
            at += word.len() as u32;
        }
    }
}

/// The rules by which sentences are made; words are places in the vocabulary.
struct Grammar {
    sentences: Vec<&'static str>,
    noun_phrases: Vec<&'static str>,
    verb_phrases: Vec<&'static str>,
    adjectives: Vec<u8>,
    adverbs: Vec<u8>,
    articles: Vec<u8>,
    auxiliaries: Vec<u8>,
    nouns: Vec<u8>,
    prepositions: Vec<u8>,
    verbs: Vec<u8>,
    terminators: Vec<u8>,
    comma: u8,
    the: u8,
}

impl Grammar {
    fn new(vocabulary: &mut Vec<String>) -> Self {
        let all = Distributions::static_default();
        let mut learn = |word: String| {
            let known = vocabulary.iter().position(|known| *known == word);
            let place = known.unwrap_or_else(|| {
                vocabulary.push(word);
                vocabulary.len() - 1
            });
            // dbgen's words are fewer than 256: `the_vocabulary_fits_a_byte`.
            place as u8
        };
        let mut words = |of: &'static Distribution| -> Vec<u8> {
            expanded(of).into_iter().map(|word| learn(format!(" {word}"))).collect()
        };
        Self {
            sentences: expanded(all.grammar()),
            noun_phrases: expanded(all.noun_phrase()),
            verb_phrases: expanded(all.verb_phrase()),
            adjectives: words(all.adjectives()),
            adverbs: words(all.adverbs()),
            articles: words(all.articles()),
            auxiliaries: words(all.auxiliaries()),
            nouns: words(all.nouns()),
            prepositions: words(all.prepositions()),
            verbs: words(all.verbs()),
            terminators: expanded(all.terminators())
                .into_iter()
                .map(|mark| learn(mark.to_owned()))
                .collect(),
            comma: learn(",".to_owned()),
            the: learn(" the".to_owned()),
        }
    }

    fn sentence(&self, random: &mut RowRandomInt, out: &mut Vec<u8>) {
        for part in draw(&self.sentences, random).bytes().step_by(2) {
            match part {
                b'V' => self.verb_phrase(random, out),
                b'N' => self.noun_phrase(random, out),
                b'P' => {
                    out.push(draw(&self.prepositions, random));
                    out.push(self.the);
                    self.noun_phrase(random, out);
                }
                _ => out.push(draw(&self.terminators, random)),
            }
        }
    }

    fn verb_phrase(&self, random: &mut RowRandomInt, out: &mut Vec<u8>) {
        for part in draw(&self.verb_phrases, random).bytes().step_by(2) {
            let words = match part {
                b'D' => &self.adverbs,
                b'V' => &self.verbs,
                _ => &self.auxiliaries,
            };
            out.push(draw(words, random));
        }
    }

    fn noun_phrase(&self, random: &mut RowRandomInt, out: &mut Vec<u8>) {
        for part in draw(&self.noun_phrases, random).bytes() {
            let words = match part {
                b'A' => &self.articles,
                b'J' => &self.adjectives,
                b'D' => &self.adverbs,
                b'N' => &self.nouns,
                b',' => {
                    out.push(self.comma);
                    continue;
                }
                _ => continue,
            };
            out.push(draw(words, random));
        }
    }
}

/// Every value as often as it weighs.
fn expanded(of: &'static Distribution) -> Vec<&'static str> {
    let mut all = Vec::new();
    for (place, value) in of.get_values().iter().enumerate() {
        all.resize(of.get_weight(place).max(0) as usize, *value);
    }
    all
}

fn draw<T: Copy>(from: &[T], random: &mut RowRandomInt) -> T {
    from[random.next_int(0, from.len() as i32 - 1) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tpchgen::text::TextPool;

    const SIZE: usize = 2 << 20;

    fn both() -> &'static (Sentences, TextPool) {
        static BOTH: OnceLock<(Sentences, TextPool)> = OnceLock::new();
        BOTH.get_or_init(|| {
            let pool = TextPool::new(SIZE as i32, Distributions::static_default());
            (Sentences::new(SIZE), pool)
        })
    }

    #[test]
    fn the_vocabulary_fits_a_byte() {
        let Sentences { vocabulary, words, .. } = &both().0;
        assert!(vocabulary.len() < 256, "{}", vocabulary.len());
        assert!(words.len() * LEAST_WORD_BYTES < SIZE, "{} words", words.len());
    }

    #[test]
    fn the_text_is_dbgens() {
        let (sentences, pool) = both();
        let mut cut = String::new();
        sentences.cut(0, SIZE, &mut cut);
        assert_eq!(cut, pool.text(0, SIZE as i32));
    }

    proptest! {
        #[test]
        fn any_piece_is_dbgens(offset in 0..SIZE - 200, length in 0usize..200) {
            let (sentences, pool) = both();
            let mut cut = String::new();
            sentences.cut(offset, length, &mut cut);
            prop_assert_eq!(&cut, pool.text(offset as i32, (offset + length) as i32));
        }
    }
}
