//! `\if … \elif … \else … \endif` as jumps.

use crate::commands::Do;
use crate::mistake::Mistake;
use crate::script::Builder;

/// An `\if` whose `\endif` has not come yet.
pub struct Block {
    /// Where its backslash stands.
    start: usize,
    /// The condition that is passed over where it is not true, and then goes on behind the branch.
    open: Option<usize>,
    /// The jumps at the ends of branches, to behind the `\endif`.
    ends: Vec<usize>,
    /// Whether its `\else` has come.
    has_else: bool,
}

impl Builder<'_, '_> {
    /// `\if`, with its condition the next command.
    pub fn begin_block(&mut self, start: usize) {
        self.blocks.push(Block {
            start,
            open: Some(self.commands.len()),
            ends: Vec::new(),
            has_else: false,
        });
    }

    /// `\elif`, before its condition, or `\else`.
    pub fn next_branch(&mut self, start: usize, is_else: bool) -> Result<(), Mistake> {
        let word = if is_else { "\\else" } else { "\\elif" };
        let jump = self.commands.len();
        let source = self.source;
        let Some(block) = self.blocks.last_mut() else {
            return Err(source.mistake(start, format!("{word} without matching \\if")));
        };
        if block.has_else {
            return Err(source.mistake(start, format!("{word} after \\else")));
        }
        block.has_else = is_else;
        block.ends.push(jump);
        let open = block.open.replace(jump + 1);
        if is_else {
            block.open = None;
        }
        self.push_uncounted(start, Do::Jump(0));
        self.close(open);
        Ok(())
    }

    /// `\endif`.
    pub fn end_block(&mut self, start: usize) -> Result<(), Mistake> {
        let Some(block) = self.blocks.pop() else {
            return Err(self.source.mistake(start, "\\endif without matching \\if"));
        };
        self.close(block.open);
        let end = self.commands.len();
        for jump in block.ends {
            self.commands[jump].action = Do::Jump(end);
        }
        Ok(())
    }

    /// Has a condition that is not true go on here.
    fn close(&mut self, condition: Option<usize>) {
        let here = self.commands.len();
        if let Some(index) = condition
            && let Do::Unless(_, otherwise) = &mut self.commands[index].action
        {
            *otherwise = here;
        }
    }

    /// That an `\if` has no end.
    pub fn check_blocks(&self) -> Result<(), Mistake> {
        match self.blocks.last() {
            None => Ok(()),
            Some(block) => Err(self.source.mistake(block.start, "\\if without matching \\endif")),
        }
    }
}
