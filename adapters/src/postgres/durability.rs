//! What a commit survives on PostgreSQL, from its settings (manual, section 20.5).

use std::time::{Duration, Instant};

use dbdyno_core::{Driver, Durability, Error, HeldDurability, Result, SessionOptions};

use super::driver::PostgresDriver;
use crate::throwaway::machine::is_on_disk;

/// The settings that durability is made of. A server that was started with one of them as a target
/// option keeps it: the command line wins over `ALTER SYSTEM`.
pub(super) const SETTINGS: [&str; 3] = ["fsync", "synchronous_commit", "full_page_writes"];

/// How long sessions may take to show a new setting.
const RELOAD_DEADLINE: Duration = Duration::from_secs(10);

/// The settings of a level, in the order of `SETTINGS`.
///
/// `process`: a commit waits until its log is written to the kernel, which `fsync=off` leaves
/// there; pages are still written whole, since that costs every engine alike.
fn settings_of(level: Durability) -> [&'static str; 3] {
    match level {
        Durability::Full => ["on", "on", "on"],
        Durability::Process => ["off", "on", "on"],
        Durability::None => ["off", "off", "on"],
    }
}

/// The level that settings amount to.
///
/// Without `synchronous_commit` a commit is acknowledged while its log is in the server's memory,
/// so that a crash of the server loses it. Without `full_page_writes` a page that was half written
/// when the power went cannot be recovered.
fn level_of(
    fsync: &str,
    synchronous_commit: &str,
    full_page_writes: &str,
    on_disk: bool,
) -> Durability {
    if synchronous_commit == "off" {
        Durability::None
    } else if fsync == "on" && full_page_writes == "on" && on_disk {
        Durability::Full
    } else {
        Durability::Process
    }
}

/// Reads the settings back through a new session.
pub(super) async fn held(driver: &PostgresDriver) -> Result<HeldDurability> {
    let failed = |why| Error::new(format!("read the durability of `{}`", driver.target()), why);
    let mut session = driver.connect(&SessionOptions::default()).await.map_err(failed)?;
    let mut settings: [String; 3] = Default::default();
    let sql = "SELECT current_setting('fsync'), current_setting('synchronous_commit'), \
               current_setting('full_page_writes')";
    session
        .query_sql(sql, &mut |row| {
            for (index, setting) in settings.iter_mut().enumerate() {
                *setting = row.text(index)?.to_owned();
            }
            Ok(())
        })
        .await
        .map_err(failed)?;
    let filesystem = driver.data_filesystem();
    let on_disk = filesystem.is_none_or(is_on_disk);
    let [fsync, synchronous_commit, full_page_writes] = &settings;
    let mut evidence = format!(
        "fsync={fsync} synchronous_commit={synchronous_commit} full_page_writes={full_page_writes}"
    );
    if let Some(filesystem) = filesystem {
        evidence.push_str(&format!(" data_filesystem={filesystem}"));
    }
    let level = level_of(fsync, synchronous_commit, full_page_writes, on_disk);
    Ok(HeldDurability { level, evidence })
}

/// Changes a throwaway server's settings and waits until new sessions show them.
pub(super) async fn set(driver: &PostgresDriver, level: Durability) -> Result<()> {
    let doing = || format!("set the durability of `{}` to {level}", driver.target());
    if !driver.is_throwaway() {
        return Err(Error::unsupported(
            doing(),
            "dbdyno changes no settings of a server that it did not start",
        )
        .next("Change the server's settings, or leave --durability out to measure it as it is"));
    }
    if held(driver).await?.level == level {
        return Ok(());
    }
    let failed = |why| Error::new(doing(), why);
    let mut session = driver.connect(&SessionOptions::default()).await.map_err(failed)?;
    for (name, value) in SETTINGS.iter().zip(settings_of(level)) {
        session.run_sql(&format!("ALTER SYSTEM SET {name} = {value}")).await.map_err(failed)?;
    }
    session.run_sql("SELECT pg_reload_conf()").await.map_err(failed)?;
    wait_until_held(driver, level).await?;
    if level == Durability::Full {
        // What was written without syncing gets synced now, not during the measurement.
        session.run_sql("CHECKPOINT").await.map_err(failed)?;
    }
    Ok(())
}

async fn wait_until_held(driver: &PostgresDriver, level: Durability) -> Result<()> {
    let deadline = Instant::now() + RELOAD_DEADLINE;
    loop {
        let held = held(driver).await?;
        if held.level == level {
            return Ok(());
        }
        if !driver.data_filesystem().is_none_or(is_on_disk) || Instant::now() >= deadline {
            return Err(Error::new(
                format!("set the durability of `{}` to {level}", driver.target()),
                format!("the server holds {}: {}", held.level, held.evidence),
            )
            .next(format!(
                "Leave out set. options for {}, and set TMPDIR to a folder on a disk",
                SETTINGS.join(", ")
            )));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_levels_agree() {
        for level in Durability::ALL {
            let [fsync, commit, pages] = settings_of(level);
            assert_eq!(level_of(fsync, commit, pages, true), level);
        }
        for (settings, on_disk, level) in [
            (["on", "on", "on"], false, Durability::Process),
            (["on", "local", "on"], true, Durability::Full),
            (["on", "remote_apply", "on"], true, Durability::Full),
            (["on", "off", "on"], true, Durability::None),
            (["on", "on", "off"], true, Durability::Process),
        ] {
            let [fsync, commit, pages] = settings;
            assert_eq!(level_of(fsync, commit, pages, on_disk), level, "{settings:?}");
        }
    }
}
