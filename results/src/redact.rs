//! The last line of defence against passwords in files: drivers already name their targets
//! without them, and what reaches the run folder is searched once more.

/// What stands where a password stood.
const MASK: &str = "***";

/// Names whose values are never written, wherever they occur.
const SECRET_NAMES: [&str; 6] = ["password", "passwd", "pwd", "secret", "token", "sslkey"];

/// `text` with the password of every URL in it (RFC 3986 3.2.1: what follows the colon in
/// `scheme://user:password@host`) and the value of every `password=…` masked.
pub fn redact(text: &str) -> String {
    mask_assignments(&mask_urls(text))
}

/// Whether a setting of this name is a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|secret| name.ends_with(secret))
}

fn mask_urls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find("://") {
        let (before, after) = rest.split_at(found + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "\"'<>".contains(c));
        let (url, behind) = after.split_at(end.unwrap_or(after.len()));
        out.push_str(&mask_authority(url));
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// Masks the password of `user:password@host/…`. A password that was not percent-encoded may hold
/// any character, so the host is taken to begin after the last `@` that is not in a query.
fn mask_authority(url: &str) -> String {
    let query = url.find('?').unwrap_or(url.len());
    let Some(at) = url[..query].rfind('@').or_else(|| url.rfind('@')) else {
        return url.to_owned();
    };
    match url[..at].split_once(':') {
        Some((user, _)) => format!("{user}:{MASK}{}", &url[at..]),
        None => url.to_owned(),
    }
}

fn mask_assignments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        let (before, after) = rest.split_at(equals + 1);
        out.push_str(before);
        let name = before[..equals].rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
        rest = after;
        if is_secret(name.unwrap_or_default()) {
            let end = value_end(after);
            if end > 0 {
                out.push_str(MASK);
            }
            rest = &after[end..];
        }
    }
    out.push_str(rest);
    out
}

/// Where a value ends: at its closing quote, or at the next blank, `&` or `;`.
fn value_end(text: &str) -> usize {
    if let Some(quote) = text.chars().next().filter(|c| "'\"".contains(*c)) {
        return text[1..].find(quote).map_or(text.len(), |end| end + 2);
    }
    text.find(|c: char| c.is_whitespace() || "&;,\"'".contains(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::{is_secret, redact};

    #[test]
    fn passwords_of_urls_are_masked() {
        for (text, redacted) in [
            ("postgres://ann:s3cret@db:5432/bench", "postgres://ann:***@db:5432/bench"),
            ("mysql://ann:p@ss:w/rd@db/bench?tls=1", "mysql://ann:***@db/bench?tls=1"),
            ("mysql://ann:what?not@db", "mysql://ann:***@db"),
            ("postgres://ann@db/bench", "postgres://ann@db/bench"),
            ("sqlite:/tmp/a:b@c.db", "sqlite:/tmp/a:b@c.db"),
            (
                "a postgres://u:p@h/d and mysql://v:q@i/e",
                "a postgres://u:***@h/d and mysql://v:***@i/e",
            ),
        ] {
            assert_eq!(redact(text), redacted);
        }
    }

    #[test]
    fn assigned_passwords_are_masked() {
        for (text, redacted) in [
            ("host=db password=s3cret user=ann", "host=db password=*** user=ann"),
            (
                "postgres:///b?user=ann&password=x&sslmode=require",
                "postgres:///b?user=ann&password=***&sslmode=require",
            ),
            ("PGPASSWORD='a b' psql", "PGPASSWORD=*** psql"),
            ("password= user=ann", "password= user=ann"),
            ("fsync=on", "fsync=on"),
        ] {
            assert_eq!(redact(text), redacted);
        }
        assert!(is_secret("Password") && is_secret("ssl_token") && !is_secret("fsync"));
    }
}
