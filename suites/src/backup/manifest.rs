//! Which files a backup had when it was made, and how long each was: what tells of a file that was cut off since, where
//! the tool that restores it does not.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};

/// The lengths of files, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    root: PathBuf,
    lengths: BTreeMap<PathBuf, u64>,
}

impl Manifest {
    /// Of a folder and those below it, or of a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(root: &Path) -> Result<Self> {
        let mut manifest = Self { root: root.to_owned(), lengths: BTreeMap::new() };
        let added = manifest.add(root);
        added.map_err(|why| Error::new(format!("list the files of {}", root.display()), why))?;
        Ok(manifest)
    }

    fn add(&mut self, path: &Path) -> io::Result<()> {
        let found = fs::symlink_metadata(path)?;
        if !found.is_dir() {
            self.lengths.insert(path.to_owned(), found.len());
            return Ok(());
        }
        fs::read_dir(path)?.try_for_each(|entry| self.add(&entry?.path()))
    }

    /// The first file that is not any more what it was; `None` where all are.
    pub fn damage(&self) -> Option<String> {
        self.lengths.iter().find_map(|(path, length)| {
            let name =
                path.strip_prefix(&self.root).ok().filter(|rest| !rest.as_os_str().is_empty());
            let name = name.unwrap_or(path).display();
            match fs::symlink_metadata(path) {
                Ok(found) if found.len() == *length => None,
                Ok(found) => Some(format!("{name} has {} bytes, and had {length}", found.len())),
                Err(why) => Some(format!("{name}: {why}")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use super::*;

    #[test]
    fn a_file_that_is_shorter_or_gone_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("below/two"));
        fs::write(&one, [0; 7]).unwrap();
        fs::write(&two, [0; 8]).unwrap();
        let manifest = Manifest::of(folder.path()).unwrap();
        assert_eq!(manifest.damage(), None);
        fs::write(&two, [0; 4]).unwrap();
        assert_eq!(manifest.damage().unwrap(), "below/two has 4 bytes, and had 8");
        fs::remove_file(&two).unwrap();
        assert!(manifest.damage().unwrap().starts_with("below/two: No such file"));
        // A backup may be one file.
        let manifest = Manifest::of(&one).unwrap();
        fs::write(&one, [0; 1]).unwrap();
        assert!(manifest.damage().unwrap().ends_with("/one has 1 bytes, and had 7"));
    }
}
