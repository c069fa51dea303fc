//! The password file of PostgreSQL's own clients (manual, section 34.16).

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};

use crate::target::Secret;

/// What a line of the file must match.
pub(super) struct Wanted<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// Looks a password up: in `given`, or else in the file that `PGPASSFILE` names, or else in
/// `~/.pgpass`.
///
/// # Errors
/// The file was given and cannot be read, or others may read it.
pub(super) fn look_up(given: Option<&str>, wanted: &Wanted<'_>) -> Result<Option<Secret>> {
    let usual = || {
        env::var_os("PGPASSFILE")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pgpass")))
    };
    let Some(file) = given.map(PathBuf::from).or_else(usual) else { return Ok(None) };
    match read(&file) {
        Ok(text) => Ok(find(&text, wanted)),
        Err(why) if given.is_some() => {
            Err(Error::new(format!("read the password file {}", file.display()), why))
        }
        // libpq, too, does without a usual file that is not there or not private.
        Err(why) => {
            tracing::debug!("the password file {} is not used: {why}", file.display());
            Ok(None)
        }
    }
}

/// The text of a file that gives one password for every server: it is for one program, which is told where to connect.
///
/// # Errors
/// The password cannot be in such a file: unsupported.
pub(super) fn for_any(password: &[u8]) -> Result<String> {
    let refused = |why| Error::unsupported("write a password file for a tool", why);
    let password =
        std::str::from_utf8(password).map_err(|_| refused("the password is not UTF-8"))?;
    if password.contains(['\n', '\r']) {
        return Err(refused("a password in it cannot have several lines"));
    }
    let escaped = password.replace('\\', "\\\\").replace(':', "\\:");
    Ok(format!("*:*:*:*:{escaped}\n"))
}

fn read(file: &Path) -> std::io::Result<String> {
    let mode = fs::metadata(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(std::io::Error::other("others may read it; its mode must be 0600"));
    }
    fs::read_to_string(file)
}

/// The password in the first line that matches: `host:port:database:user:password`, where `*`
/// matches anything and a backslash takes the meaning from a colon or a backslash.
fn find(text: &str, wanted: &Wanted<'_>) -> Option<Secret> {
    let port = wanted.port.to_string();
    // A socket in a usual folder is called localhost here.
    let socket = ["/tmp", "/var/run/postgresql", "/run/postgresql"].contains(&wanted.host);
    let host = if socket { "localhost" } else { wanted.host };
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let (fields, password) = fields(line)?;
        let wanted = [host, &port, wanted.database, wanted.user];
        let matches = fields.iter().zip(wanted).all(|(field, want)| field == "*" || field == want);
        matches.then(|| Secret::new(password))
    })
}

/// Four fields and the password, backslashes resolved.
fn fields(line: &str) -> Option<([String; 4], String)> {
    let mut fields: [String; 5] = Default::default();
    let mut index = 0;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => fields[index].push(characters.next().unwrap_or('\\')),
            ':' if index < 4 => index += 1,
            other => fields[index].push(other),
        }
    }
    let [host, port, database, user, password] = fields;
    (index == 4).then_some(([host, port, database, user], password))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const FILE: &str = "# a comment\nshort:line\nh1:5432:*:ann:one\n\
                        *:*:sales:bob:a\\:b\\\\c:d\nlocalhost:5433:*:*:socket\n";

    fn found(host: &str, port: u16, database: &str, user: &str) -> Option<String> {
        let secret = find(FILE, &Wanted { host, port, database, user })?;
        Some(secret.expose().to_owned())
    }

    #[test]
    fn the_first_line_that_matches_wins() {
        assert_eq!(found("h1", 5432, "x", "ann").as_deref(), Some("one"));
        assert_eq!(found("h2", 5432, "x", "ann"), None);
        assert_eq!(found("h2", 1, "sales", "bob").as_deref(), Some("a:b\\c:d"));
        assert_eq!(found("/var/run/postgresql", 5433, "x", "y").as_deref(), Some("socket"));
    }

    #[test]
    fn a_password_for_a_tool_is_read_back() {
        let wanted = Wanted { host: "h", port: 1, database: "d", user: "u" };
        for password in ["secret", "a:b\\c", " # \"'*"] {
            let found = find(&for_any(password.as_bytes()).unwrap(), &wanted).unwrap();
            assert_eq!(found.expose(), password);
        }
        for refused in [&b"two\nlines"[..], &[0xff]] {
            assert!(for_any(refused).unwrap_err().is_unsupported());
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pass");
        fs::write(&file, "*:*:*:*:secret\n").unwrap();
        let wanted = Wanted { host: "h", port: 1, database: "d", user: "u" };
        for (mode, accepted) in [(0o644, false), (0o600, true)] {
            fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
            let result = look_up(file.to_str(), &wanted);
            assert_eq!(result.is_ok(), accepted, "{mode:o}");
        }
        assert!(look_up(Some("/no/such/file"), &wanted).is_err());
    }
}
