//! What tests are about.

use dbdyno_core::schema::Keys;
use dbdyno_core::{Cache, Case, Durability, Isolation, StatementForm};

/// A case of eight clients.
pub(crate) fn case() -> Case {
    Case {
        suite: "oltp".to_owned(),
        benchmark: "tpcb".to_owned(),
        engine: "postgres".to_owned(),
        engine_version: "15.1".to_owned(),
        driver: "native".to_owned(),
        target: "here".to_owned(),
        isolation: Isolation::Serializable,
        durability: Durability::Full,
        clients: 8,
        streams: 0,
        rate: None,
        statements: StatementForm::default(),
        pipeline: false,
        keys: Keys::default(),
        cache: Cache::default(),
        scale: "1".parse().unwrap(),
        seed: 1,
        repetition: 1,
    }
}
