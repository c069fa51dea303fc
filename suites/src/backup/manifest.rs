//! Which files a backup had when it was made, and how long each was: what tells of a file that was cut off since, where
//! the tool that restores it does not.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};

/// The lengths of files, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    lengths: BTreeMap<PathBuf, u64>,
}

impl Manifest {
    /// Of folders and those below them, and of files.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn of(roots: &[PathBuf]) -> Result<Self> {
        let mut manifest = Self::default();
        manifest.extend(roots)?;
        Ok(manifest)
    }

    /// Adds more of them.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn extend(&mut self, roots: &[PathBuf]) -> Result<()> {
        for root in roots {
            let added = self.add(root);
            added
                .map_err(|why| Error::new(format!("list the files of {}", root.display()), why))?;
        }
        Ok(())
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
            let name = path.display();
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
        let mut manifest = Manifest::of(&[folder.path().join("below")]).unwrap();
        manifest.extend(std::slice::from_ref(&one)).unwrap();
        assert_eq!(manifest.damage(), None);
        fs::write(&two, [0; 4]).unwrap();
        assert!(manifest.damage().unwrap().ends_with("below/two has 4 bytes, and had 8"));
        fs::remove_file(&two).unwrap();
        assert!(manifest.damage().unwrap().contains("below/two: No such file"));
        fs::write(&two, [0; 8]).unwrap();
        // A part of a backup may be one file.
        fs::write(&one, [0; 1]).unwrap();
        assert!(manifest.damage().unwrap().ends_with("/one has 1 bytes, and had 7"));
    }
}
