//! The PostgreSQL adapter on real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "shared/literals.rs"]
mod literals;

mod postgres {
    mod bulk;
    mod pipeline;
    mod process;
    mod sessions;
    mod support;
    mod tls;
}
