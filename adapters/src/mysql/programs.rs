//! The installed server programs of MySQL and MariaDB, told apart by the version they print:
//! MariaDB's are often installed under MySQL's names too.

use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};

use crate::registry::Found;
use crate::throwaway::programs::{Packages, find, folders, missing, version_line};

/// Where distributions put the programs beside PATH: Debian and RHEL, the makers' own packages,
/// Homebrew.
const FOLDERS: [&str; 9] = [
    "/usr/sbin",
    "/usr/libexec",
    "/usr/bin",
    "/usr/local/mysql/bin",
    "/usr/local/mariadb/bin",
    "/opt/homebrew/opt/mariadb*/bin",
    "/opt/homebrew/opt/mysql*/bin",
    "/usr/local/opt/mariadb*/bin",
    "/usr/local/opt/mysql*/bin",
];

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Oracle's MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
}

impl Product {
    /// The engine's name.
    pub const fn engine(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
        }
    }

    /// The name for messages.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
        }
    }

    /// Whose server calls itself so, in `--version`, `VERSION()` or `@@version_comment`.
    pub fn of(version: &str) -> Self {
        if version.to_ascii_lowercase().contains("mariadb") { Self::Mariadb } else { Self::Mysql }
    }

    /// The packages with the server.
    pub const fn packages(self) -> Packages {
        match self {
            Self::Mysql => Packages { apt: "mysql-server", dnf: "mysql-server", brew: "mysql" },
            Self::Mariadb => {
                Packages { apt: "mariadb-server", dnf: "mariadb-server", brew: "mariadb" }
            }
        }
    }

    /// The packages with the client's programs.
    pub const fn client_packages(self) -> Packages {
        match self {
            Self::Mysql => Packages { apt: "mysql-client", dnf: "mysql", brew: "mysql" },
            Self::Mariadb => Packages { apt: "mariadb-client", dnf: "mariadb", brew: "mariadb" },
        }
    }

    const fn server_names(self) -> &'static [&'static str] {
        match self {
            Self::Mysql => &["mysqld"],
            Self::Mariadb => &["mariadbd", "mysqld"],
        }
    }
}

/// What a throwaway server needs.
#[derive(Clone, Debug)]
pub struct Programs {
    /// Whose they are.
    pub product: Product,
    /// The server.
    pub server: PathBuf,
    /// What makes MariaDB's data folder; MySQL's server does it itself.
    pub installer: Option<PathBuf>,
    /// The version, such as `10.11.14-MariaDB`.
    pub version: String,
    /// The folder that `bin_dir` names, where it does.
    pub bin_dir: Option<PathBuf>,
}

/// Looks for the programs in `bin_dir`, or on PATH and in the usual folders.
///
/// # Errors
/// They are not there; or only the other product's are, which is said.
pub fn programs(product: Product, bin_dir: Option<&Path>) -> Result<Programs> {
    let folders = folders(bin_dir, &FOLDERS);
    let mut other = None;
    for folder in &folders {
        let here = std::slice::from_ref(folder);
        let Some(server) = find(product.server_names(), here) else { continue };
        // A program that does not answer is not the one looked for.
        let Ok(line) = version_line(&server) else { continue };
        if Product::of(&line) != product {
            other.get_or_insert(server);
            continue;
        }
        let installer = installer(product, &folders);
        if product == Product::Mariadb && installer.is_none() {
            return Err(missing(
                product.title(),
                "mariadb-install-db",
                bin_dir,
                &product.packages(),
            ));
        }
        let version = short_version(&line);
        let bin_dir = bin_dir.map(Path::to_owned);
        return Ok(Programs { product, server, installer, version, bin_dir });
    }
    Err(match other {
        Some(server) => only_the_other(product, &server),
        None => missing(product.title(), product.server_names()[0], bin_dir, &product.packages()),
    })
}

/// Where the tools of a product are: those beside the server first.
pub fn tool_folders(product: Product, bin_dir: Option<&Path>) -> Vec<PathBuf> {
    let server = programs(product, bin_dir).ok().map(|found| found.server);
    let real = server.as_ref().and_then(|server| std::fs::canonicalize(server).ok());
    let beside = [server, real].into_iter().flatten();
    let beside = beside.filter_map(|program| program.parent().map(Path::to_owned));
    beside.chain(folders(bin_dir, &FOLDERS)).collect()
}

/// The programs for `dbdyno doctor`.
///
/// # Errors
/// They are not there.
pub fn found(product: Product, bin_dir: Option<&Path>) -> Result<Found> {
    let programs = programs(product, bin_dir)?;
    let found = std::iter::once(programs.server).chain(programs.installer).collect();
    Ok(Found { version: programs.version, programs: found })
}

fn installer(product: Product, folders: &[PathBuf]) -> Option<PathBuf> {
    match product {
        Product::Mysql => None,
        Product::Mariadb => find(&["mariadb-install-db", "mysql_install_db"], folders),
    }
}

fn only_the_other(product: Product, server: &Path) -> Error {
    let other = match product {
        Product::Mysql => Product::Mariadb,
        Product::Mariadb => Product::Mysql,
    };
    Error::new(
        format!("start a throwaway {} server", product.title()),
        format!("{} is {}, and no {} was found", server.display(), other.title(), product.title()),
    )
    .next(format!(
        "Use --target {}, or name the folder of {}'s programs with ?bin_dir=FOLDER",
        other.engine(),
        product.title()
    ))
}

/// The version in what `--version` or `VERSION()` says, without the packager's addition.
pub fn short_version(text: &str) -> String {
    let version = text.split_once("Ver ").map_or(text, |(_, rest)| rest);
    let version = version.split([' ', ',']).next().unwrap_or(version);
    match version.find("-MariaDB") {
        Some(at) => version[..at + "-MariaDB".len()].to_owned(),
        None => version.split('-').next().unwrap_or(version).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::throwaway::hanging::write_program;

    fn folder_with(program: &str, version: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write_program(&folder.path().join(program), &format!("echo '{version}'"));
        folder
    }

    #[test]
    fn versions_are_shortened() {
        for (text, expected) in [
            ("mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu", "10.11.14-MariaDB"),
            ("/usr/sbin/mysqld  Ver 8.0.36 for Linux on x86_64", "8.0.36"),
            ("10.11.14-MariaDB-0+deb12u2-log", "10.11.14-MariaDB"),
            ("8.0.36-0ubuntu0.22.04.1", "8.0.36"),
        ] {
            assert_eq!(short_version(text), expected);
        }
    }

    #[test]
    fn mysql_with_only_mariadb_installed_says_so() {
        let folder = folder_with("mysqld", "mysqld  Ver 10.11.14-MariaDB for Linux");
        let error = programs(Product::Mysql, Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains("is MariaDB") && error.contains("--target mariadb"), "{error}");
    }

    #[test]
    fn mysql_is_found_by_its_version() {
        let folder = folder_with("mysqld", "mysqld  Ver 8.4.3 for Linux");
        let programs = programs(Product::Mysql, Some(folder.path())).unwrap();
        assert_eq!((programs.version.as_str(), programs.installer), ("8.4.3", None));
    }
}
