#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

fn refused(text: &str) -> String {
    Target::parse(text).unwrap_err().to_string()
}

fn url(text: &str) -> ServerUrl {
    match Target::parse(text).unwrap().location {
        Location::Url(url) => url,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_bare_name_is_a_throwaway_server() {
    let target = Target::parse("postgres?set.shared_buffers=1GB&bin_dir=/a%20b").unwrap();
    assert_eq!(target.location, Location::Throwaway);
    assert_eq!(target.engine.name, "postgres");
    assert_eq!(target.option("bin_dir"), Some("/a b"));
    assert_eq!(target.server_settings().collect::<Vec<_>>(), [("shared_buffers", "1GB")]);
    assert_eq!(target.label, "postgres?set.shared_buffers=1GB&bin_dir=/a%20b");
}

#[test]
fn urls_have_parts() {
    assert_eq!(
        url("postgresql://ann:s%40c@db.example:5433/shop?sslmode=require"),
        ServerUrl {
            host: Some("db.example".into()),
            port: Some(5433),
            user: Some("ann".into()),
            password: Some(Secret::new("s@c")),
            database: Some("shop".into()),
        }
    );
    assert_eq!(url("postgres://"), ServerUrl::default());
    assert_eq!(url("postgres:///shop").database.as_deref(), Some("shop"));
    assert_eq!(url("postgres://ann@/shop").user.as_deref(), Some("ann"));
    assert_eq!(url("postgres://%2Fvar%2Frun/shop").host.as_deref(), Some("/var/run"));
    assert_eq!(url("postgres://[::1]:5/x").host.as_deref(), Some("::1"));
    assert_eq!(url("postgres://[::1]:5/x").port, Some(5));
    // Not encoded as it should be, and yet clear.
    assert_eq!(url("postgres://a:p@ss/w@h/x").password, Some(Secret::new("p@ss/w")));
}

#[test]
fn what_cannot_be_is_refused_with_what_could() {
    for (text, given, nearest) in [
        ("postgre", "postgre", "`postgres`"),
        ("oracle", "oracle", "Choose one"),
        ("postgers://h/x", "postgers", "`postgres`"),
        ("postgres?sett.x=1", "sett.x", "`set.`"),
        ("postgres://h/x?sslmod=require", "sslmod", "`sslmode`"),
        ("postgres://h/x?sslmode=requier", "requier", "`require`"),
        ("postgres?driver=libpq", "libpq", "sqlx"),
        ("postgres?sslmode=require", "sslmode", "by a URL"),
        ("postgres://h/x?bin_dir=/x", "bin_dir", "throwaway"),
        ("postgres://h/x?host=a&host=b", "host", "twice"),
        ("postgres:/data", "postgres", "throwaway"),
        ("postgres://h1,h2/x", "h1,h2", "more than one host"),
        ("postgres://h:99999/x", "h:99999", "1 to 65535"),
        ("postgres://::1/x", "postgres://", "brackets"),
        ("postgres://%ff/x", "%ff", "UTF-8"),
        ("postgres://ann:x?y@h/x", "`@` after", "%3F"),
        ("postgres?set.=1", "set.", "no option"),
    ] {
        let error = refused(text);
        assert!(error.contains(given) && error.contains(nearest), "{text}: {error}");
    }
}

#[test]
fn a_password_is_seen_nowhere() {
    for text in [
        "postgres://ann:hunter2@h/x",
        "postgres://ann:hunter2@h:bad/x",
        "postgres://ann:hunter2@h/x?sslmode=bad",
        "postgres://ann:hunter2@h/x?oops",
        "postgers://ann:hunter2@h/x",
        "postgres://ann:hunter2?x@h/x?sslmode=disable",
        "postgres://ann:x?hunter2@h/x?sslmode=disable",
        "postgres://ann:x/hunter2?y@h/x",
        "postgres://ann:hunter2",
        "postgres://h/x?password=hunter2",
        "ann:hunter2@h/x",
    ] {
        let seen = match Target::parse(text) {
            Ok(target) => format!("{target:?}"),
            Err(why) => format!("{why} {why:?}"),
        };
        assert!(!seen.contains("hunter2"), "{text}: {seen}");
    }
}

#[test]
fn a_variable_holds_the_password() {
    // PATH is set wherever tests run; changing the environment would not be safe here.
    let target = Target::parse("postgres://h/x?password_env=PATH").unwrap();
    let password = target.password("DBDYNO_NO_SUCH_VARIABLE").unwrap().unwrap();
    assert_eq!(password.expose(), env::var("PATH").unwrap());
    let target = Target::parse("postgres://h/x?password_env=DBDYNO_NO_SUCH_VARIABLE").unwrap();
    assert!(target.password("PATH").unwrap_err().to_string().contains("DBDYNO_NO_SUCH_VARIABLE"));
    let target = Target::parse("postgres://a:b@h/x?password_env=PATH").unwrap();
    assert_eq!(target.password("PATH").unwrap(), Some(Secret::new("b")));
}

proptest! {
    #[test]
    fn a_target_on_a_file_is_read_as_it_was_written(
        path in "/[a-z?&%=:@# ü]{1,12}", cache in "-?[1-9][0-9]{0,4}",
    ) {
        let options = BTreeMap::from([
            ("cache_size".to_owned(), cache),
            ("begin".to_owned(), "deferred".to_owned()),
        ]);
        for options in [options, BTreeMap::new()] {
            let target = Target::parse(&write("sqlite", &path, &options)).unwrap();
            prop_assert_eq!(target.location, Location::Path(PathBuf::from(&path)));
            prop_assert_eq!(target.options, options);
        }
    }

    #[test]
    fn encoded_parts_come_back(
        user in "\\PC{1,12}", password in "\\PC{1,12}", host in "[a-z/.]{1,12}",
        port in 1u16.., database in "\\PC{1,12}", value in "\\PC{0,12}",
    ) {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let text = format!(
            "postgres://{}:{}@{}:{port}/{}?passfile={}",
            encode(&user), encode(&password), encode(&host), encode(&database), encode(&value),
        );
        let target = Target::parse(&text).unwrap();
        prop_assert_eq!(target.option("passfile"), Some(value.as_str()));
        prop_assert_eq!(target.location, Location::Url(ServerUrl {
            host: Some(host),
            port: Some(port),
            user: Some(user),
            password: Some(Secret::new(password)),
            database: Some(database),
        }));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(postgres|mysql|sqlite)?(://|:|\\?)?[a-z@:/?&=%\\[\\].,é]{0,30}") {
        let _ = Target::parse(&text);
    }

    #[test]
    fn no_way_to_write_a_password_shows_it(
        before in "[a-z@:/%]{0,4}", after in "[a-z@:/?&=%]{0,4}", rest in "[a-z@:/?&=]{0,12}",
    ) {
        let text = format!("postgres://user:{before}SECRET{after}@host/{rest}");
        let seen = match Target::parse(&text) {
            Ok(target) => format!("{target:?}"),
            Err(why) => format!("{why} {why:?}"),
        };
        prop_assert!(!seen.contains("SECRET"), "{}: {}", text, seen);
    }
}

#[test]
fn a_file_is_at_no_distance_and_says_so() {
    let error = Target::parse("sqlite?round_trip=1ms").unwrap_err().to_string();
    assert!(error.contains("sqlite takes no `round_trip`: it runs in the client's own"), "{error}");
    // It is not among the options that a person is told to choose from.
    let error = Target::parse("sqlite?round=1ms").unwrap_err().to_string();
    assert!(!error.contains("round_trip"), "{error}");
    for server in ["postgres", "mysql", "mariadb", "postgres://host/db"] {
        assert!(Target::parse(&format!("{server}?round_trip=1ms")).is_ok(), "{server}");
    }
}
