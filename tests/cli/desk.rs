//! A folder to run dbdyno in, and what is looked at afterwards.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use dbdyno_results::{Record, load};
use dbdyno_tests::wait_for;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A number of transactions, not a time: a disk may take longer than any short time to sync.
pub const SHORT: [&str; 4] = ["--transactions", "200", "--warmup", "0"];

/// A folder to run in, with its own `runs/`.
pub struct Desk {
    pub folder: TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dbdyno"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub fn dbdyno(&self, arguments: &[&str]) -> Output {
        ended(self.start(arguments))
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.dbdyno(&[&["run"], arguments, &SHORT].concat())
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub fn runs(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.folder.path().join("runs")) else { return Vec::new() };
        let mut runs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        runs.sort();
        runs
    }

    pub fn records(&self) -> Vec<Record> {
        load(&self.runs()).unwrap().records
    }
}

/// Longer than anything takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a process told once it has ended. One that does not is ended, and its test has failed.
pub fn ended(child: Child) -> Output {
    ended_within(child, PATIENCE)
}

/// As [`ended`], with a patience of its own.
pub fn ended_within(child: Child, patience: Duration) -> Output {
    let pid = Pid::from_raw(child.id().cast_signed());
    let (sender, told) = channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    told.recv_timeout(patience).map_or_else(
        |_| {
            // It may have ended by now.
            let _ = kill(pid, Signal::SIGKILL);
            let told = told.recv_timeout(PATIENCE).map(|output| err(&output.unwrap()));
            panic!("it did not end within {patience:?}: {told:?}")
        },
        Result::unwrap,
    )
}

pub fn code(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

/// Kills a dbdyno with SIGKILL, and makes sure that this is what ended it.
pub fn kill_dbdyno(child: &mut Child) {
    signal(child, Signal::SIGKILL);
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::SIGKILL as i32));
}

/// A process as ps(1) lists it.
#[derive(Debug, Clone)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    /// What ps(1) says of its state: `T` where it is stopped, `Z` where it ended.
    pub state: char,
    pub arguments: String,
}

/// What runs on this machine. A process that ended and was not waited for yet is left out.
pub fn processes() -> Vec<Process> {
    let mut command = Command::new("ps");
    let listed = command.args(["-ww", "-eo", "pid=,ppid=,stat=,args="]).output().unwrap();
    let process = |line: &str| {
        let mut words = line.split_whitespace();
        let (pid, parent) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let state = words.next()?.chars().next()?;
        let arguments = words.collect::<Vec<_>>().join(" ");
        (state != 'Z').then_some(Process { pid, parent, state, arguments })
    };
    String::from_utf8_lossy(&listed.stdout).lines().filter_map(process).collect()
}

/// Processes whose command line names `folder`.
pub fn processes_of(folder: &Path) -> Vec<Process> {
    let name = folder.display().to_string();
    processes().into_iter().filter(|process| process.arguments.contains(&name)).collect()
}

/// Waits until a run has measured a second in which something ended.
pub fn under_way(desk: &Desk) -> PathBuf {
    wait_for("the first second", || {
        let run = desk.runs().pop()?;
        let timeline = fs::read_to_string(run.join("timeline.csv")).ok()?;
        // Without a line that is being written.
        let (whole, _) = timeline.rsplit_once('\n')?;
        let mut reader = csv::Reader::from_reader(whole.as_bytes());
        let place = reader.headers().ok()?.iter().position(|column| column == "completed")?;
        reader.records().flatten().any(|second| &second[place] != "0").then_some(run)
    })
}

/// The throwaway folders that a run's server settings name.
pub fn throwaway_folders(run: &Path) -> Vec<PathBuf> {
    let conditions = fs::read_to_string(run.join("run.toml")).unwrap();
    let mut folders = BTreeSet::new();
    for quoted in conditions.split('"') {
        let path = Path::new(quoted);
        if path.is_absolute()
            && let Some(folder) = path.ancestors().find(|folder| {
                folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("dbdyno-"))
            })
        {
            folders.insert(folder.to_path_buf());
        }
    }
    folders.into_iter().collect()
}
