//! Which files a backup had when it was made, how long each was, and what was in it: what tells of a file that was
//! damaged since, where the tool that restores it does not.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result, Stop};

/// So much of a file is read at a time.
const PART: usize = 1 << 18;

/// What is known of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    files: BTreeMap<PathBuf, Known>,
}

/// A file: its length in bytes, and a hash of these. Damage is what is looked for, not somebody who wants to deceive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    length: u64,
    hash: u64,
}

impl Manifest {
    /// Of folders and those below them, and of files.
    ///
    /// # Errors
    /// One cannot be read, or the end was asked for.
    pub fn of(roots: &[PathBuf], stop: &Stop) -> Result<Self> {
        let mut manifest = Self::default();
        manifest.extend(roots, stop)?;
        Ok(manifest)
    }

    /// Adds more of them.
    ///
    /// # Errors
    /// One cannot be read, or the end was asked for.
    pub fn extend(&mut self, roots: &[PathBuf], stop: &Stop) -> Result<()> {
        for root in roots {
            let added = self.add(root, stop);
            added
                .map_err(|why| Error::new(format!("read the files of {}", root.display()), why))?;
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, stop: &Stop) -> io::Result<()> {
        if !fs::symlink_metadata(path)?.is_dir() {
            self.files.insert(path.to_owned(), known(path, stop)?);
            return Ok(());
        }
        fs::read_dir(path)?.try_for_each(|entry| self.add(&entry?.path(), stop))
    }

    /// The first file that is not any more what it was; `None` where all are.
    ///
    /// # Errors
    /// The end was asked for.
    pub fn damage(&self, stop: &Stop) -> Result<Option<String>> {
        for (path, wanted) in &self.files {
            let name = path.display();
            let damage = match known(path, stop) {
                Ok(found) if found == *wanted => continue,
                Ok(found) if found.length == wanted.length => {
                    format!("{name} has other bytes than it had")
                }
                Ok(found) => {
                    format!("{name} has {} bytes, and had {}", found.length, wanted.length)
                }
                Err(why) if stop.is_requested() => {
                    return Err(Error::new(format!("read {name}"), why));
                }
                Err(why) => format!("{name}: {why}"),
            };
            return Ok(Some(damage));
        }
        Ok(None)
    }
}

fn known(path: &Path, stop: &Stop) -> io::Result<Known> {
    let (mut file, mut part) = (File::open(path)?, vec![0; PART]);
    let (mut hasher, mut length) = (DefaultHasher::new(), 0);
    loop {
        if stop.is_requested() {
            return Err(io::Error::other("the end was asked for"));
        }
        match file.read(&mut part) {
            Ok(0) => return Ok(Known { length, hash: hasher.finish() }),
            Ok(count) => {
                hasher.write(&part[..count]);
                length += count as u64;
            }
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use super::*;

    #[test]
    fn a_file_that_is_shorter_changed_or_gone_is_told() {
        let stop = Stop::default();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("below/two"));
        fs::write(&one, [0; 7]).unwrap();
        let whole = vec![0; PART + 8];
        fs::write(&two, &whole).unwrap();
        let mut manifest = Manifest::of(&[folder.path().join("below")], &stop).unwrap();
        manifest.extend(std::slice::from_ref(&one), &stop).unwrap();
        let damage = || manifest.damage(&stop).unwrap();
        assert_eq!(damage(), None);
        fs::write(&two, [0; 4]).unwrap();
        assert!(damage().unwrap().ends_with("below/two has 4 bytes, and had 262152"));
        let mut changed = whole.clone();
        changed[PART + 5] = 1;
        fs::write(&two, &changed).unwrap();
        assert!(damage().unwrap().ends_with("below/two has other bytes than it had"));
        fs::remove_file(&two).unwrap();
        assert!(damage().unwrap().contains("below/two: No such file"));
        fs::write(&two, &whole).unwrap();
        // A part of a backup may be one file.
        fs::write(&one, [0; 1]).unwrap();
        assert!(damage().unwrap().ends_with("/one has 1 bytes, and had 7"));
        stop.request();
        assert!(manifest.damage(&stop).is_err());
    }
}
