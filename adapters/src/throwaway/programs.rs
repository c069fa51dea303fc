//! Finding a server's programs, and saying how to get them.

use std::cmp::Reverse;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use dbdyno_core::{Error, Result};

/// Where programs are looked for: in `bin_dir` alone where it is given, else on PATH and then in
/// the folders that `patterns` name. A `*` stands for any text within one part of a path; what it
/// matches is taken with the highest version first.
pub fn folders(bin_dir: Option<&Path>, patterns: &[&str]) -> Vec<PathBuf> {
    if let Some(bin_dir) = bin_dir {
        return vec![bin_dir.to_owned()];
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> =
        env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    folders.extend(patterns.iter().flat_map(|pattern| expand(pattern)));
    folders
}

/// The first program that any of `names` is found as, folder by folder.
pub fn find(names: &[&str], folders: &[PathBuf]) -> Option<PathBuf> {
    folders
        .iter()
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|path| is_program(path))
}

/// Whether a file can be run.
pub fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The first line that a program prints when run with `--version`.
///
/// # Errors
/// It cannot be run, or fails.
pub fn version_line(program: &Path) -> Result<String> {
    let doing = || format!("ask {} for its version", program.display());
    let output =
        Command::new(program).arg("--version").output().map_err(|why| Error::new(doing(), why))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(line) if output.status.success() => Ok(line.to_owned()),
        _ => Err(Error::new(
            doing(),
            format!("it ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)),
        )),
    }
}

/// The name of a product's server package, by package manager.
#[derive(Clone, Copy, Debug)]
pub struct Packages {
    /// Debian and Ubuntu.
    pub apt: &'static str,
    /// Fedora and RHEL.
    pub dnf: &'static str,
    /// Homebrew.
    pub brew: &'static str,
}

/// The line that installs a package here; all lines where the system's package manager is none of
/// those known.
pub fn install_line(packages: &Packages) -> String {
    let lines = [
        ("apt-get", format!("sudo apt-get install {}", packages.apt)),
        ("dnf", format!("sudo dnf install {}", packages.dnf)),
        ("brew", format!("brew install {}", packages.brew)),
    ];
    let path = folders(None, &["/usr/bin", "/opt/homebrew/bin", "/usr/local/bin"]);
    match lines.iter().find(|(manager, _)| find(&[manager], &path).is_some()) {
        Some((_, line)) => line.clone(),
        None => lines.map(|(_, line)| line).join(", or: "),
    }
}

/// The error for a product whose programs are not installed, or not where `bin_dir` says.
pub fn missing(
    product: &str,
    programs: &str,
    bin_dir: Option<&Path>,
    packages: &Packages,
) -> Error {
    let doing = format!("start a throwaway {product} server");
    match bin_dir {
        Some(folder) => {
            Error::new(doing, format!("the folder {} has no {programs}", folder.display()))
                .next("Set bin_dir to the folder of the server's programs, or leave it out")
        }
        None => Error::new(
            doing,
            format!("{programs} was found neither on PATH nor in the usual folders"),
        )
        .next(format!(
            "Install it ({}; its service need not run), or name its folder with ?bin_dir=FOLDER",
            install_line(packages)
        )),
    }
}

fn expand(pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/")];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = match part.split_once('*') {
            Some((before, after)) => {
                found.iter().flat_map(|folder| entries(folder, before, after)).collect()
            }
            None => found.into_iter().map(|folder| folder.join(part)).collect(),
        };
    }
    found.retain(|folder| folder.is_dir());
    found
}

fn entries(folder: &Path, before: &str, after: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            name.len() >= before.len() + after.len()
                && name.starts_with(before)
                && name.ends_with(after)
        })
        .collect();
    names.sort_by_key(|name| Reverse(version_key(name)));
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// The numbers in a name, so that 16 comes after 9.6.
fn version_key(name: &str) -> Vec<u64> {
    name.split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_newest_version_comes_first() {
        let base = tempfile::tempdir().unwrap();
        for version in ["9.6", "15", "16", "other"] {
            let bin = base.path().join(version).join("bin");
            fs::create_dir_all(&bin).unwrap();
            fs::write(bin.join("server"), "").unwrap();
            let mode = if version == "16" { 0o644 } else { 0o755 };
            fs::set_permissions(bin.join("server"), PermissionsExt::from_mode(mode)).unwrap();
        }
        let pattern = format!("{}/*/bin", base.path().display());
        let folders = expand(&pattern);
        assert_eq!(folders[0], base.path().join("16/bin"));
        assert_eq!(folders.len(), 4);
        // 16 is there but cannot be run.
        assert_eq!(find(&["server"], &folders), Some(base.path().join("15/bin/server")));
        assert_eq!(find(&["absent"], &folders), None);
    }

    #[test]
    fn a_given_folder_is_the_only_one() {
        let folder = Path::new("/somewhere");
        assert_eq!(folders(Some(folder), &["/usr/*"]), [folder]);
        let packages = Packages { apt: "postgresql", dnf: "postgresql-server", brew: "postgresql" };
        let error = missing("PostgreSQL", "initdb", Some(folder), &packages).to_string();
        assert!(error.contains("/somewhere") && error.contains("bin_dir"), "{error}");
        let error = missing("PostgreSQL", "initdb", None, &packages).to_string();
        assert!(error.contains("install"), "{error}");
    }
}
