//! Alerts to a command: JSON on its standard input.

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use dbdyno_core::{Error, Result};

use super::outlet::Deliverer;

/// How long a command may take before it is killed.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Delivers to a command, which is started anew each time, by no shell.
///
/// # Errors
/// There are no words, or there is no such program.
pub(super) fn deliverer(words: &[String]) -> Result<Deliverer> {
    let wrong = |why: String| {
        Error::new("use `notify.command` of the configuration file", why).next(
            "give a program and its arguments, such as `[\"/usr/local/bin/tell\", \"dbdyno\"]`",
        )
    };
    let Some((program, arguments)) = words.split_first() else {
        return Err(wrong("it is empty".to_owned()));
    };
    if !is_program(program) {
        return Err(wrong(format!("there is no program `{program}`")));
    }
    let (program, arguments) = (program.clone(), arguments.to_vec());
    let name = format!("the command `{program}`");
    let deliver = move |text: &str| run(&program, &arguments, text);
    Ok(Deliverer { name, deliver: Box::new(deliver) })
}

/// Whether it is a file, or found in `PATH`; whether it can be started shows when it is.
fn is_program(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn run(program: &str, arguments: &[String], text: &str) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|why| why.to_string())?;
    // A pipe holds more than an alert has, so that this does not wait. Its end is the end of the input.
    let given = child.stdin.take().map_or(Ok(()), |mut input| writeln!(input, "{text}"));
    match (wait(&mut child), given) {
        (Ok(Some(status)), _) if !status.success() => Err(status.to_string()),
        // It need not read what it is given.
        (Ok(Some(_)), Err(why)) if why.kind() == ErrorKind::BrokenPipe => Ok(()),
        (Ok(Some(_)), given) => given.map_err(|why| why.to_string()),
        (Ok(None), _) => Err(format!("it had not ended after {PATIENCE:?} and was killed")),
        (Err(why), _) => Err(why.to_string()),
    }
}

/// Waits for its end; `None` where it had to be killed.
fn wait(child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if began.elapsed() >= PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}
