//! Keys and values: numbers as a rule, and whatever else a history has in their place.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// Numbers below this stand for names.
const LOWEST: i64 = i64::MIN + (1 << 32);

/// A key or a value in eight bytes: a number, or the place of its text among the [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Atom(i64);

impl Atom {
    /// The number itself; `None` for the few that are lower than atoms can be, which become names.
    pub fn number(number: i64) -> Option<Self> {
        (number >= LOWEST).then_some(Self(number))
    }

    fn name(place: u32) -> Self {
        Self(i64::MIN + i64::from(place))
    }
}

/// The texts of atoms that are not numbers: strings with their quotes, keywords, symbols, and numbers
/// that do not fit.
#[derive(Clone, Debug, Default)]
pub struct Names {
    texts: Vec<Box<str>>,
    places: HashMap<Box<str>, u32, FxBuildHasher>,
}

impl Names {
    /// The atom of `text`, as EDN writes it.
    pub fn atom(&mut self, text: &str) -> Atom {
        if let Some(place) = self.places.get(text) {
            return Atom::name(*place);
        }
        // A history has 2^32 different names only if it has more bytes than memory.
        let place = self.texts.len() as u32;
        self.texts.push(text.into());
        self.places.insert(text.into(), place);
        Atom::name(place)
    }

    /// Appends `atom` to `out` as EDN writes it.
    pub fn write(&self, atom: Atom, out: &mut String) {
        if atom.0 >= LOWEST {
            out.push_str(itoa::Buffer::new().format(atom.0));
        } else {
            let place = (atom.0 - i64::MIN) as usize;
            out.push_str(self.texts.get(place).map_or("?", |text| text));
        }
    }

    /// `atom` as EDN writes it.
    pub fn text(&self, atom: Atom) -> String {
        let mut text = String::new();
        self.write(atom, &mut text);
        text
    }
}
