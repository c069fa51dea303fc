//! The functions of the language, by name.

use std::ops::RangeInclusive;

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Abs,
    Debug,
    Double,
    Exp,
    Greatest,
    HashFnv1a,
    HashMurmur2,
    Int,
    Least,
    Ln,
    Mod,
    Permute,
    Pi,
    Pow,
    Random,
    RandomExponential,
    RandomGaussian,
    RandomZipfian,
    Sqrt,
}

/// As many arguments as pgbench takes at most (`MAX_FARGS` in `pgbench.c`).
const MOST_ARGUMENTS: usize = 16;

/// Every name there is; two functions have two.
const NAMES: [(&str, Function); 21] = [
    ("abs", Function::Abs),
    ("debug", Function::Debug),
    ("double", Function::Double),
    ("exp", Function::Exp),
    ("greatest", Function::Greatest),
    ("hash", Function::HashMurmur2),
    ("hash_fnv1a", Function::HashFnv1a),
    ("hash_murmur2", Function::HashMurmur2),
    ("int", Function::Int),
    ("least", Function::Least),
    ("ln", Function::Ln),
    ("mod", Function::Mod),
    ("permute", Function::Permute),
    ("pi", Function::Pi),
    ("pow", Function::Pow),
    ("power", Function::Pow),
    ("random", Function::Random),
    ("random_exponential", Function::RandomExponential),
    ("random_gaussian", Function::RandomGaussian),
    ("random_zipfian", Function::RandomZipfian),
    ("sqrt", Function::Sqrt),
];

impl Function {
    /// The function of that name; capital letters do not matter.
    pub fn find(name: &str) -> Option<Self> {
        let found = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(found.1)
    }

    /// Every name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// How many arguments it takes, the seed of the session apart, which is put where one may be left out.
    pub const fn arguments(self) -> RangeInclusive<usize> {
        match self {
            Self::Pi => 0..=0,
            Self::Abs
            | Self::Debug
            | Self::Double
            | Self::Exp
            | Self::Int
            | Self::Ln
            | Self::Sqrt => 1..=1,
            Self::Mod | Self::Pow | Self::Random => 2..=2,
            Self::HashFnv1a | Self::HashMurmur2 => 1..=2,
            Self::Permute => 2..=3,
            Self::RandomExponential | Self::RandomGaussian | Self::RandomZipfian => 3..=3,
            Self::Greatest | Self::Least => 1..=MOST_ARGUMENTS,
        }
    }

    /// Whether its last argument is a seed, which is `:default_seed` where it is left out.
    pub const fn takes_seed(self) -> bool {
        matches!(self, Self::HashFnv1a | Self::HashMurmur2 | Self::Permute)
    }
}
