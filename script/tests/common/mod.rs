//! Running scripts without statements, as a client does.

#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, reason = "tests fail by panicking")]

pub mod manual;

use dbdyno_core::random::Rng;
use dbdyno_script::{Do, Machine, Names, Script, Variables};

/// What `-D` gives.
pub type Defined<'d> = &'d [(&'d str, &'d str)];

/// What the script's calls of `debug` tell, in pgbench's words, until its end or the first fault, which
/// comes last.
pub fn debugged(text: &str, defined: Defined<'_>) -> Vec<String> {
    let mut names = Names::default();
    let script = Script::parse("test.sql", text, &mut names).unwrap_or_else(|why| panic!("{why}"));
    for (name, _) in defined {
        names.slot(name);
    }
    let mut variables = Variables::new(&names);
    for (name, value) in defined {
        variables.set_text(names.find(name).unwrap(), value);
    }
    let mut rng = Rng::new(1, &[]);
    let mut told = Vec::new();
    let mut at = 0;
    while let Some(command) = script.commands().get(at) {
        let number = command.number;
        let mut debug = |value: dbdyno_script::Scalar| {
            let shown = match value {
                dbdyno_script::Scalar::Null => "null".to_owned(),
                value => format!("{} {value}", value.type_name()),
            };
            told.push(format!("command={number}: {shown}"));
        };
        let mut machine = Machine { variables: &variables, rng: &mut rng, debug: &mut debug };
        at += 1;
        match &command.action {
            Do::Set(slot, expression) => match expression.evaluate(&mut machine) {
                Ok(value) => variables.set(*slot, value),
                Err(fault) => {
                    told.push(fault.to_string());
                    break;
                }
            },
            Do::Unless(condition, otherwise) => match condition.evaluate(&mut machine) {
                Ok(value) if value.is_true() => {}
                Ok(_) => at = *otherwise,
                Err(fault) => {
                    told.push(fault.to_string());
                    break;
                }
            },
            Do::Jump(to) => at = *to,
            _ => {}
        }
    }
    told
}

/// What `\set x debug(EXPRESSION)` tells, without the number of the command.
pub fn value(expression: &str) -> String {
    let told = debugged(
        &format!("\\set x debug({expression})"),
        &[
            ("one", "1"),
            ("zero", "0.0"),
            ("null", "null"),
            ("true", "true"),
            ("foo", "bla"),
            ("maxint", "9223372036854775807"),
            ("minint", "-9223372036854775808"),
            ("default_seed", "1234"),
        ],
    );
    let told = told.last().unwrap();
    told.strip_prefix("command=1: ").unwrap_or(told).to_owned()
}

/// The character from 1 at which `\\set x EXPRESSION` goes wrong when it is evaluated; 0 where it does not.
pub fn fault_column(expression: &str) -> usize {
    let (text, mut names) = (format!("\\set x {expression}"), Names::default());
    let script = Script::parse("test.sql", &text, &mut names).unwrap_or_else(|why| panic!("{why}"));
    let variables = Variables::new(&names);
    let (mut rng, mut debug) = (Rng::new(1, &[]), |_| {});
    let mut machine = Machine { variables: &variables, rng: &mut rng, debug: &mut debug };
    let Do::Set(_, expression) = &script.commands()[0].action else { panic!("{text}") };
    match expression.evaluate(&mut machine) {
        Ok(_) => 0,
        Err(failure) => script.mistake(failure.at, failure.to_string()).column(),
    }
}

/// What is wrong with a script, all of it.
pub fn mistake(text: &str) -> String {
    let mut names = Names::default();
    let found = Script::parse("test.sql", text, &mut names).and_then(|script| {
        script.check_variables(&names, |name| {
            script.sets().iter().any(|slot| names.name(*slot) == name) || name == "given"
        })
    });
    match found {
        Ok(()) => "no mistake".to_owned(),
        Err(mistake) => match mistake.remedy() {
            Some(next) => format!("{mistake}\n  next: {next}"),
            None => mistake.to_string(),
        },
    }
}
