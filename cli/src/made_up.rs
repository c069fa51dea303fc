//! What tests are about.

use dbdyno_core::schema::Keys;
use dbdyno_core::{Cache, Case, Durability, Isolation, StatementForm};

/// A repetition of a case.
pub fn case(repetition: u32) -> Case {
    Case {
        suite: "oltp".to_owned(),
        benchmark: "tpcb".to_owned(),
        engine: "sqlite".to_owned(),
        engine_version: "3.45".to_owned(),
        driver: "native".to_owned(),
        target: "here".to_owned(),
        isolation: Isolation::Serializable,
        durability: Durability::Full,
        clients: 4,
        streams: 0,
        rate: None,
        statements: StatementForm::default(),
        pipeline: false,
        keys: Keys::default(),
        cache: Cache::default(),
        scale: dbdyno_core::Scale::ONE,
        seed: 1,
        repetition,
    }
}
