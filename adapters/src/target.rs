//! Where to measure: what stands after `--target`.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::PathBuf;

use dbdyno_core::{Error, Result};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::registry::{EngineEntry, OptionSpec, Scope, engines};

/// An engine and where to reach it. Nothing has been opened yet.
#[derive(Clone, Debug)]
pub struct Target {
    /// The target as a person wrote it, without its password: fit for files and the screen.
    pub label: String,
    /// The engine.
    pub engine: &'static EngineEntry,
    /// Where it is.
    pub location: Location,
    /// The options of the query string, decoded. Every one is known to the engine.
    pub options: BTreeMap<String, String>,
}

/// Where a target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A server or file that dbdyno makes and removes.
    Throwaway,
    /// A file.
    Path(PathBuf),
    /// A server that somebody else runs.
    Url(ServerUrl),
}

/// How to reach a server: the parts of a URL that are not options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerUrl {
    /// The host's name or address (IPv6 without brackets), or a folder or path that begins with
    /// `/` where it is a Unix socket; the engine's default where `None`.
    pub host: Option<String>,
    /// The port; the engine's default where `None`.
    pub port: Option<u16>,
    /// The user; the engine's default where `None`.
    pub user: Option<String>,
    /// The password, if it was part of the URL.
    pub password: Option<Secret>,
    /// The database; the engine's default where `None`.
    pub database: Option<String>,
}

/// A text that must not be seen: printing it prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the client library alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Target {
    /// Reads a target: an engine's name (a throwaway server or file), `sqlite:PATH` or a URL, each
    /// with `?name=value&name=value` after it where it has options. Names, values and the parts of
    /// a URL are percent-decoded.
    ///
    /// # Errors
    /// It names no engine, or an option or a value that the engine does not have. No error text
    /// shows a password.
    pub fn parse(text: &str) -> Result<Self> {
        let (place, query) = match text.split_once('?') {
            Some((place, query)) => (place, Some(query)),
            None => (text, None),
        };
        if may_split_a_password(place, query) {
            // Nothing of it can be shown: the password may be anywhere.
            return Err(Error::new("use the target", "there is an `@` after its first `?`")
                .next("Write %3F for `?` in a password, and %40 for `@` in an option"));
        }
        let redacted = redact(place);
        let doing = format!("use the target `{redacted}`");
        let (engine, location) = locate(place, &redacted, &doing)?;
        let options = read_options(engine, &location, query.unwrap_or(""), &doing)?;
        let label = match query {
            Some(query) if !query.is_empty() => format!("{redacted}?{query}"),
            _ => redacted,
        };
        Ok(Self { label, engine, location, options })
    }

    /// An option's value.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// The settings of a throwaway server that ride in options called `set.NAME`.
    pub fn server_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("set.")?, value.as_str())))
    }

    /// The password: from the URL, from the environment variable that the option `password_env`
    /// names, or from the client's usual variable (`PGPASSWORD`, `MYSQL_PWD`), in this order.
    ///
    /// # Errors
    /// The variable that `password_env` names is not set.
    pub fn password(&self, usual_variable: &str) -> Result<Option<Secret>> {
        if let Location::Url(ServerUrl { password: Some(password), .. }) = &self.location {
            return Ok(Some(password.clone()));
        }
        if let Some(name) = self.option("password_env") {
            let password = env::var(name).map_err(|why| {
                Error::new(
                    format!("read the password for `{}` from the variable {name}", self.label),
                    why,
                )
                .next(format!("Set {name} to the password"))
            })?;
            return Ok(Some(Secret::new(password)));
        }
        Ok(env::var(usual_variable).ok().map(Secret::new))
    }
}

/// The text of a target on a file, which [`Target::parse`] reads.
pub(crate) fn write(engine: &str, path: &str, options: &BTreeMap<String, String>) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let place = format!("{engine}:{}", encoded(path));
    let pairs = options.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let query = pairs.collect::<Vec<_>>().join("&");
    if query.is_empty() { place } else { format!("{place}?{query}") }
}

fn locate(place: &str, redacted: &str, doing: &str) -> Result<(&'static EngineEntry, Location)> {
    if let Some((scheme, rest)) = place.split_once("://") {
        let engine = engines()
            .iter()
            .find(|engine| engine.schemes.contains(&scheme))
            .ok_or_else(|| unknown_engine(scheme, doing))?;
        let url = ServerUrl::parse(rest).map_err(|why| {
            Error::new(doing, why).next(format!(
                "Write it as {scheme}://USER@HOST:PORT/DATABASE, with %XX for special characters"
            ))
        })?;
        return Ok((engine, Location::Url(url)));
    }
    if let Some((name, path)) = place.split_once(':') {
        let engine = engines()
            .iter()
            .find(|engine| engine.name == name)
            .ok_or_else(|| unknown_engine(name, doing))?;
        if !engine.is_file {
            return Err(Error::new(doing, format!("{name} is a server, not a file"))
                .next(format!("Write {name} for a throwaway server, or {name}://HOST/DATABASE")));
        }
        let path = decode(path, "the path").map_err(|why| Error::new(doing, why))?;
        if path.is_empty() {
            return Err(Error::new(doing, "the path is missing")
                .next(format!("Write {name}:PATH, or {name} alone for a temporary file")));
        }
        return Ok((engine, Location::Path(PathBuf::from(path))));
    }
    engines()
        .iter()
        .find(|engine| engine.name == place)
        .map(|engine| (engine, Location::Throwaway))
        .ok_or_else(|| unknown_engine(redacted, doing))
}

fn unknown_engine(given: &str, doing: &str) -> Error {
    let mut names: Vec<&str> = engines()
        .iter()
        .flat_map(|engine| std::iter::once(engine.name).chain(engine.schemes.iter().copied()))
        .collect();
    names.dedup();
    Error::new(doing, format!("there is no engine `{given}`"))
        .next(suggestion(given, &names, "engines"))
}

fn read_options(
    engine: &EngineEntry,
    location: &Location,
    query: &str,
    doing: &str,
) -> Result<BTreeMap<String, String>> {
    let mut options = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            // The whole pair may be a slip of the pen that holds a password: only its place shows.
            Error::new(doing, "an option has no `=`")
                .next("Write options as ?name=value&name=value")
        })?;
        let name = decode(name, "an option's name").map_err(|why| Error::new(doing, why))?;
        let value = decode(value, &format!("the value of `{name}`"))
            .map_err(|why| Error::new(doing, why))?;
        let spec = engine
            .options
            .iter()
            .find(|spec| spec.matches(&name))
            .ok_or_else(|| unknown_option(engine, &name, doing))?;
        if let Some(why) = spec.refused {
            return Err(Error::new(doing, format!("{} takes no `{name}`: {why}", engine.name))
                .next("Leave it out"));
        }
        check_scope(spec, location, &name, doing)?;
        check_value(engine, spec, &value, doing)?;
        if options.insert(name.clone(), value).is_some() {
            return Err(Error::new(doing, format!("the option `{name}` is given twice"))
                .next("Give it once"));
        }
    }
    Ok(options)
}

fn unknown_option(engine: &EngineEntry, name: &str, doing: &str) -> Error {
    let taken = engine.options.iter().filter(|spec| spec.refused.is_none());
    let names: Vec<&str> = taken.map(|spec| spec.name).collect();
    Error::new(doing, format!("{} has no option `{name}`", engine.name))
        .next(suggestion(name, &names, "options"))
}

fn check_scope(spec: &OptionSpec, location: &Location, name: &str, doing: &str) -> Result<()> {
    let wanted = match (spec.scope, location) {
        (Scope::Throwaway, Location::Url(_) | Location::Path(_)) => "a throwaway server",
        (Scope::Url, Location::Throwaway | Location::Path(_)) => "a server reached by a URL",
        _ => return Ok(()),
    };
    Err(Error::new(doing, format!("the option `{name}` is only for {wanted}")).next("Leave it out"))
}

fn check_value(engine: &EngineEntry, spec: &OptionSpec, value: &str, doing: &str) -> Result<()> {
    let values = if spec.name == "driver" { engine.drivers } else { spec.values };
    if values.is_empty() || values.contains(&value) {
        return Ok(());
    }
    Err(Error::new(doing, format!("the option `{}` cannot be `{value}`", spec.name))
        .next(suggestion(value, values, "values")))
}

/// What to write instead: the nearest names first, then all of them.
fn suggestion(given: &str, names: &[&str], what: &str) -> String {
    let all = names.join(", ");
    let nearest = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(given, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3);
    match nearest {
        Some((_, name)) => format!("Did you mean `{name}`? The {what} are: {all}"),
        None => format!("Choose one of these {what}: {all}"),
    }
}

impl ServerUrl {
    /// Reads what stands between `://` and `?`.
    fn parse(text: &str) -> Result<Self, String> {
        let (authority, database) = match text.rsplit_once('@') {
            // A slash before the last `@` belongs to the user's name or password.
            Some((user, rest)) => match rest.split_once('/') {
                Some((host, database)) => ((Some(user), host), database),
                None => ((Some(user), rest), ""),
            },
            None => match text.split_once('/') {
                Some((host, database)) => ((None, host), database),
                None => ((None, text), ""),
            },
        };
        let (user, password) =
            match authority.0.map(|user| user.split_once(':').unwrap_or((user, ""))) {
                Some((user, password)) => (
                    non_empty(decode(user, "the user")?),
                    non_empty(decode(password, "the password")?).map(Secret::new),
                ),
                None => (None, None),
            };
        let (host, port) = host_and_port(authority.1)?;
        Ok(Self {
            host,
            port,
            user,
            password,
            database: non_empty(decode(database, "the database")?),
        })
    }
}

fn host_and_port(text: &str) -> Result<(Option<String>, Option<u16>), String> {
    if text.contains(',') {
        return Err("it names more than one host, and a benchmark measures one".into());
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) =
                rest.split_once(']').ok_or("the bracket around the address is not closed")?;
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return Err("something stands between the address and the port".into()),
            }
        }
        None => match text.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err("an IPv6 address needs brackets around it".into());
            }
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => match port.parse() {
            Ok(number) if number > 0 => Some(number),
            _ => return Err("the port is not a number from 1 to 65535".into()),
        },
        None => None,
    };
    Ok((non_empty(decode(host, "the host")?), port))
}

fn decode(text: &str, what: &str) -> Result<String, String> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| format!("{what} is not UTF-8 once decoded"))
}

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Whether the first `?` may be part of a password, so that the query would be the rest of it.
fn may_split_a_password(place: &str, query: Option<&str>) -> bool {
    let after_scheme = place.split_once("://").map_or(place, |(_, rest)| rest);
    after_scheme.contains(':') && query.is_some_and(|query| query.contains('@'))
}

/// A target's text before `?` without a password: without what stands between the user's colon and the
/// last `@`; where there is no `@`, without what stands where a port would.
pub fn redact(place: &str) -> String {
    let (scheme, rest) = match place.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), place),
    };
    if let Some((user, rest)) = rest.rsplit_once('@') {
        let user = user.split_once(':').map_or(user, |(user, _)| user);
        return format!("{scheme}{user}@{rest}");
    }
    match rest.split_once(':') {
        Some((host, port)) if !scheme.is_empty() && !looks_like_port(port) => {
            format!("{scheme}{host}:***")
        }
        _ => place.to_owned(),
    }
}

/// Whether digits, or nothing, stand before a database; also in the rest of an IPv6 address.
fn looks_like_port(text: &str) -> bool {
    let port = text.split_once('/').map_or(text, |(port, _)| port);
    let port = port.rsplit_once("]:").map_or(port, |(_, port)| port);
    port.bytes().all(|byte| byte.is_ascii_digit()) || port.ends_with(']')
}

#[cfg(test)]
mod tests;
