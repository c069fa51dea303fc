//! The arguments of `dbdyno run` that choose backups.

use std::path::PathBuf;

use clap::Args;
use dbdyno_suites::backup::BackupOptions;

use super::parse::parse_folder;

/// Which backups are made, and where.
#[derive(Args, Clone, Debug, Default)]
pub struct BackupArgs {
    /// Methods of making backups, of benchmarks that make such (backup): `pg_basebackup`, `pg_dump`,
    /// `mariadb-backup`, `vacuum-into` and others; `docs/replication-and-backup.md` lists them [default: all that the engine
    /// has].
    #[arg(long = "backup", value_name = "METHOD,…", value_delimiter = ',')]
    pub methods: Vec<String>,

    /// The folder that backups are put into, each in a folder of its own that is removed again [default: where
    /// throwaway servers live, /var/tmp].
    #[arg(long = "backup-dir", value_name = "DIR", value_parser = parse_folder)]
    pub folder: Option<PathBuf>,
}

impl BackupArgs {
    /// What they choose.
    pub fn options(&self) -> BackupOptions {
        BackupOptions {
            methods: (!self.methods.is_empty()).then(|| self.methods.clone()),
            folder: self.folder.clone(),
        }
    }

    /// The first of them that was given.
    pub fn given(&self) -> Option<&'static str> {
        let given =
            [("--backup", !self.methods.is_empty()), ("--backup-dir", self.folder.is_some())];
        given.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }
}
