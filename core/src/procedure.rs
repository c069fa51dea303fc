//! Stored procedures and triggers: in which language an engine has them.

/// The language of an engine's stored procedures. Engines share one or the other, so that whoever writes
/// a procedure writes it once for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcedureLanguage {
    /// PL/pgSQL (PostgreSQL's manual, chapter 43).
    PlPgSql,
    /// SQL/PSM, the persistent stored modules of the standard (ISO 9075-4), as MySQL and MariaDB have
    /// them (<https://dev.mysql.com/doc/refman/8.0/en/stored-programs-defining.html>).
    SqlPsm,
}

impl ProcedureLanguage {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::PlPgSql, Self::SqlPsm];
}

/// The language of an engine's triggers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerLanguage {
    /// A trigger calls a function in PL/pgSQL, for each row or once for a statement (PostgreSQL's manual,
    /// 43.10).
    PlPgSql,
    /// A trigger has a body in SQL/PSM, run for each row
    /// (<https://dev.mysql.com/doc/refman/8.0/en/trigger-syntax.html>).
    SqlPsm,
    /// A trigger is a list of statements without variables or branches, run for each row
    /// (<https://www.sqlite.org/lang_createtrigger.html>).
    Statements,
}
