//! A temporary folder without a server in it, for engines that are a library.

use std::path::Path;

use dbdyno_core::Result;
use nix::sys::signal::Signal;

use super::place::Place;
use super::watchdog::Watchdog;

/// A marked folder below `/var/tmp` that is removed with all that is in it once this is dropped,
/// or by a watchdog where dbdyno was killed.
pub struct Folder {
    place: Place,
    // Dropped last: from then on there is nothing to watch.
    _watchdog: Watchdog,
}

impl Folder {
    /// Makes a folder that only dbdyno's own user may enter.
    ///
    /// # Errors
    /// There is no place for it, or its watchdog cannot be started.
    pub fn create() -> Result<Self> {
        Self::watched(Place::create_own()?)
    }

    /// Makes a folder that only the user may enter as whom a server runs: `account` where dbdyno is root. It
    /// is below `base`, where one is named.
    ///
    /// # Errors
    /// There is no place for it, or its watchdog cannot be started.
    pub fn of_account(account: &str, base: Option<&Path>) -> Result<Self> {
        Self::watched(Place::create_beside(account, base)?)
    }

    /// Makes a folder that only dbdyno's own user may enter, below `base` where one is named.
    ///
    /// # Errors
    /// There is no place for it, or its watchdog cannot be started.
    pub fn beside(base: Option<&Path>) -> Result<Self> {
        Self::watched(Place::create_own_beside(base)?)
    }

    fn watched(place: Place) -> Result<Self> {
        // No server ever writes that file: the watchdog only removes the folder.
        let watchdog = Watchdog::start(&place, &place.folder().join("pid"), Signal::SIGTERM)?;
        Ok(Self { place, _watchdog: watchdog })
    }

    /// What may run in it.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.place.folder()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.place.remove();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn it_is_removed_with_what_is_in_it() {
        let folder = Folder::create().unwrap();
        let path = folder.path().to_owned();
        std::fs::write(path.join("file"), "text").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
