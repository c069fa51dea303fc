//! A text that many rows share.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A text of which copies are only pointers: a file of a million rows says the same few words over and
/// over.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SharedText(Arc<str>);

impl Deref for SharedText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SharedText {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for SharedText {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl PartialEq<str> for SharedText {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for SharedText {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Display for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// The texts that were met so far, each kept once.
#[derive(Debug, Default)]
pub(crate) struct SharedTexts {
    known: HashSet<SharedText>,
    empty: SharedText,
}

impl SharedTexts {
    /// The one copy of a text.
    pub(crate) fn of(&mut self, text: &str) -> SharedText {
        if text.is_empty() {
            return self.empty.clone();
        }
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        let new = SharedText::from(text);
        self.known.insert(new.clone());
        new
    }
}
