//! A disk that is soon full.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use nix::unistd::Uid;
use tempfile::TempDir;

/// A small disk, for as long as this is kept.
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// A disk of that size, as mount(8) says it: `8m`; none where this user may not mount one.
    pub fn mount(size: &str) -> Option<Self> {
        if !Uid::effective().is_root() {
            eprintln!("left out: only root mounts a small disk");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("dbdyno-disk").tempdir_in("/var/tmp").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let options = format!("size={size},mode=1777");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path());
        assert!(mount.status().unwrap().success());
        Some(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}
