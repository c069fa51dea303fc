//! What is done to backups in tests, and what is planted in them.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dbdyno_core::Event;
use dbdyno_tests::wait_for;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Place;

/// What is done to backups while they are made, or before they are restored.
#[derive(Clone, Debug)]
pub(super) enum Harm {
    None,
    /// The process that makes it is killed, once it has written this much.
    Kill(u64),
    /// Its largest file loses its second half.
    Truncate,
    /// Something in that of one method is changed.
    Tamper(&'static str, fn(&Path)),
    /// Something in the log that was kept beside it.
    TamperLog(fn(&Path)),
    /// The program of that name is killed that restores it.
    KillRestore(&'static str),
    /// The server that it was restored into is killed.
    KillRestored,
    /// Something is changed in that server, whose process it is.
    ChangeRestored(fn(u32)),
    /// A program goes away before it is restored.
    Remove(PathBuf),
}

impl Harm {
    /// Does it, where an event says that its moment has come.
    pub(super) fn act(&self, event: &Event) {
        let folder = Path::new(&event.detail);
        match (self, event.kind) {
            (Self::Kill(bytes), "backup_started") => {
                let told = event.detail.strip_prefix("process ").unwrap();
                let (id, folder) = told.split_once(", into ").unwrap();
                wait_for("a part of a backup", || {
                    (length_of(Path::new(folder)) > *bytes).then_some(())
                });
                kill(Pid::from_raw(id.parse().unwrap()), Signal::SIGKILL).unwrap();
            }
            (Self::Truncate, "backup_made") => truncate(folder),
            (Self::Tamper(method, change), "backup_made") if event.transaction == *method => {
                change(folder);
            }
            (Self::TamperLog(change), "backup_log_kept") => change(folder),
            (Self::KillRestored, "backup_restored") => {
                let id = event.detail.strip_prefix("process ").unwrap();
                kill(Pid::from_raw(id.parse().unwrap()), Signal::SIGKILL).unwrap();
            }
            (Self::ChangeRestored(change), "backup_restored") => {
                change(event.detail.strip_prefix("process ").unwrap().parse().unwrap());
            }
            (Self::KillRestore(name), "backup_made") => {
                let (name, folder) = (*name, event.detail.clone());
                std::thread::spawn(move || {
                    let id = wait_for("the program that restores", || child_of_this(name, &folder));
                    kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
                });
            }
            (Self::Remove(program), "backup_made") => fs::remove_file(program).unwrap(),
            _ => {}
        }
    }
}

/// Cuts the largest file of a folder in half.
pub(super) fn truncate(folder: &Path) {
    let files = files_of(folder);
    let (length, file) =
        files.iter().map(|file| (fs::metadata(file).unwrap().len(), file)).max().unwrap();
    fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length / 2).unwrap();
}

pub(super) fn files_of(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, mut files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| files_of(folder)));
    files
}

/// The bytes of what there is of a folder by now.
pub(super) fn length_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let lengths = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => length_of(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    lengths.sum()
}

/// A child process of this one by its name (proc_pid_stat(5)), and by a path among its arguments: other tests have theirs.
fn child_of_this(name: &str, path: &str) -> Option<i32> {
    let own = std::process::id().to_string();
    fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (before, after) = stat.rsplit_once(')')?;
        let (id, found) = before.split_once(" (")?;
        let parent = after.split_whitespace().nth(1)?;
        let arguments = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let is_it = found == name && parent == own && arguments.contains(path);
        is_it.then(|| id.parse().unwrap())
    })
}

/// A folder whose name a shell, PostgreSQL's settings and its `restore_command` would each read as something else.
pub(super) fn awkward_folder() -> tempfile::TempDir {
    let prefix = "dbdyno 100%f 'a' \"b\" $(c) \\";
    let folder = tempfile::Builder::new().prefix(prefix).tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// The last whole segment of an archive has the end of what is to be recovered; its first record is behind a header of
/// forty bytes.
pub(super) fn flip_in_archive(folder: &Path) {
    let mut files = files_of(folder);
    files.retain(|file| file.extension().is_none());
    flip(files.iter().max().unwrap(), 60);
}

/// A file of the full backup that an incremental one goes out from, which no tool reads.
pub(super) fn flip_in_full(folder: &Path) {
    flip(&folder.with_file_name(FULL_PART), 10);
}

/// Where that is.
pub(super) const FULL_PART: &str = "full/xtrabackup_info";

/// The log that an incremental backup is prepared with.
pub(super) fn cut_log(folder: &Path) {
    let log = folder.join("ib_logfile0");
    let length = fs::metadata(&log).unwrap().len();
    fs::OpenOptions::new().write(true).open(log).unwrap().set_len(length / 2).unwrap();
}

/// The position in the binary log that a dump says, without which nobody knows from where on the log is to be replayed.
pub(super) fn forget_position(folder: &Path) {
    let file = folder.join("dump.sql");
    let mut dump = fs::read(&file).unwrap();
    let words = b"MASTER_LOG_POS=";
    let at = dump.windows(words.len()).position(|part| part == words).unwrap();
    dump[at] = b'N';
    dump[at + words.len() - 2] = b'Z';
    fs::write(&file, dump).unwrap();
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

/// Breaks a condition of TPC-C, the ledger, the number of rows, and so the rows.
pub(super) fn tamper_with_a_copy(folder: &Path) {
    let file = files_of(folder).into_iter().find(|file| file.extension().unwrap() == "db").unwrap();
    let copy = rusqlite::Connection::open(file).unwrap();
    let changes = "UPDATE warehouse SET w_ytd = w_ytd + 1; DELETE FROM item WHERE i_id = 7; \
                   DELETE FROM dbdyno_backup_ledger WHERE number = 1";
    copy.execute_batch(changes).unwrap();
}

/// Changes the last number of the first row of a table in a dump, and another table's number 1 to 0: a value of
/// TPC-C's conditions, and one of the ledger.
pub(super) fn tamper_with_a_dump(folder: &Path) {
    let file = folder.join("dump.sql");
    let mut dump = fs::read(&file).unwrap();
    let after = |dump: &[u8], from: usize, words: &str| {
        let found = dump[from..].windows(words.len()).position(|part| part == words.as_bytes());
        from + found.unwrap_or_else(|| panic!("no {words}")) + words.len()
    };
    let row = after(&dump, 0, "INSERT INTO `warehouse` VALUES");
    let end = after(&dump, row, ");");
    let last = dump[..end].iter().rposition(|byte| *byte == b',').unwrap() + 1;
    dump[last] = b'1' + (dump[last] - b'0') % 9;
    let ledger = after(&dump, 0, "INSERT INTO `dbdyno_backup_ledger` VALUES");
    let number = after(&dump, ledger, "(1");
    assert_eq!(dump[number], b')');
    dump[number - 1] = b'0';
    fs::write(&file, dump).unwrap();
}

/// Changes a value that neither a condition nor the ledger asks for.
pub(super) fn change_an_item_of_a_copy(folder: &Path) {
    let file = files_of(folder).into_iter().find(|file| file.extension().unwrap() == "db").unwrap();
    let copy = rusqlite::Connection::open(file).unwrap();
    let change = "UPDATE item SET i_data = i_data || 'x' WHERE i_id = 7";
    assert_eq!(copy.execute(change, []).unwrap(), 1);
}

/// The same in a dump that has a compressed file for each table: the one of the items alone has rows of five columns.
pub(super) fn change_an_item_of_a_dump(folder: &Path) {
    for file in files_of(folder).into_iter().filter(|file| file.extension().unwrap() == "gz") {
        let mut rows = through("gzip", &["-dc"], &file);
        let end = rows.iter().position(|byte| *byte == b'\n').unwrap();
        if rows[..end].iter().filter(|byte| **byte == b'\t').count() != 4 {
            continue;
        }
        rows[end - 1] = if rows[end - 1] == b'x' { b'y' } else { b'x' };
        let plain = tempfile::NamedTempFile::new().unwrap();
        fs::write(plain.path(), rows).unwrap();
        fs::write(file, through("gzip", &["-c"], plain.path())).unwrap();
        return;
    }
    panic!("no items in {}", folder.display());
}

/// The same in a dump of statements.
pub(super) fn change_an_item_of_statements(folder: &Path) {
    let file = folder.join("dump.sql");
    let mut dump = fs::read(&file).unwrap();
    let find = |from: usize, words: &str| {
        let found = dump[from..].windows(words.len()).position(|part| part == words.as_bytes());
        from + found.unwrap_or_else(|| panic!("no {words}"))
    };
    let last = find(find(0, "INSERT INTO `item` VALUES"), "')") - 1;
    dump[last] = if dump[last] == b'x' { b'y' } else { b'x' };
    fs::write(&file, dump).unwrap();
}

/// The same in a server that was restored: files of a base backup are known by their checksums.
pub(super) fn change_an_item_of_a_server(process: u32) {
    let data = fs::read_link(format!("/proc/{process}/cwd")).unwrap();
    let change = "UPDATE dbdyno_tpcc.item SET i_data = i_data || 'x' WHERE i_id = 7";
    // Who tells of a server that was restored may work for a runtime.
    let changing = std::thread::spawn(move || Place::at(data.parent().unwrap()).sql(&[change]));
    changing.join().unwrap();
}

/// What a program makes of a file.
fn through(program: &str, args: &[&str], file: &Path) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(args).stdin(File::open(file).unwrap()).stderr(Stdio::inherit());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{program} ended with {}", output.status);
    output.stdout
}
