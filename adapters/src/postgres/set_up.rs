//! What sessions are told when they are opened.

use std::time::Duration;

use dbdyno_core::{Dialect as _, Isolation, SessionOptions};

use super::dialect::PostgresDialect;
use crate::library::SetUp;

/// What every session is told first.
pub(super) fn session_settings(options: &SessionOptions) -> String {
    let mut sql = String::from("SET TimeZone = 'UTC'; SET client_min_messages = warning");
    if let Some(namespace) = &options.namespace {
        sql.push_str("; SET search_path = ");
        sql.push_str(&PostgresDialect.quote(namespace));
    }
    let level = options.isolation.map(|level| match level {
        Isolation::ReadUncommitted => "read uncommitted",
        Isolation::ReadCommitted => "read committed",
        Isolation::RepeatableRead | Isolation::Snapshot => "repeatable read",
        Isolation::Serializable => "serializable",
    });
    if let Some(level) = level {
        sql.push_str(&format!("; SET default_transaction_isolation = '{level}'"));
    }
    sql
}

/// Has the server cancel statements that run longer; none where there is no limit.
pub(super) fn limit_statements(limit: Option<Duration>) -> String {
    // 0 switches it off.
    let ms = limit.map_or(0, |limit| limit.as_millis().clamp(1, i32::MAX as u128));
    format!("SET statement_timeout = {ms}")
}

/// What the sessions of client libraries are told.
pub(super) fn of_library(options: &SessionOptions) -> SetUp {
    let around_prepare = options
        .statement_timeout
        .map(|limit| (limit_statements(None), limit_statements(Some(limit))));
    SetUp { statements: vec![session_settings(options)], around_prepare, ..SetUp::default() }
}
