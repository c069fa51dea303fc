//! The MySQL driver on a real MariaDB. Tests share a throwaway server and have a database each;
//! those that kill or configure a server start one of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "shared/literals.rs"]
mod literals;

mod mysql {
    mod bulk;
    mod login;
    mod process;
    mod protocol;
    mod sessions;
    mod support;
    mod tls;
}
