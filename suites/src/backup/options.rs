//! What the user may choose about backups.

use std::path::PathBuf;

/// Which backups are made, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupOptions {
    /// The methods, by name; all that the engine has where `None`.
    pub methods: Option<Vec<String>>,
    /// The folder that they are put into, each in a folder of its own that is removed afterwards; one for
    /// temporary files where `None`.
    pub folder: Option<PathBuf>,
}

impl BackupOptions {
    /// Whether a method is wanted.
    pub fn wants(&self, method: &str) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.iter().any(|wanted| wanted == method))
    }
}
