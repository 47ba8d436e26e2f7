//! What runs leave that were killed between making a file and giving it its name.

use std::fs::{self, DirEntry, Metadata};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What names of files begin with that have none of their own yet.
pub(super) const PREFIX: &str = ".keymend-";
/// How many letters and digits follow.
pub(super) const RANDOM: usize = 6;

/// Long after any run that may still need its file: one may wait for an answer.
const AGE: Duration = Duration::from_hours(24);

/// Removes what earlier runs of this user have left in a folder where a file is going to be made. What can't be looked at
/// or removed stays, and keeps nobody from anything.
pub(super) fn remove(folder: &Path, now: SystemTime) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| is_leftover(entry, now)) {
        _ = fs::remove_file(entry.path());
    }
}

fn is_leftover(entry: &DirEntry, now: SystemTime) -> bool {
    let name = entry.file_name();
    let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    let is_ours = random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    // Of a link, the link itself is looked at.
    is_ours
        && entry
            .metadata()
            .is_ok_and(|metadata| metadata.is_file() && is_own(&metadata) && is_old(&metadata, now))
}

fn is_old(metadata: &Metadata, now: SystemTime) -> bool {
    metadata
        .modified()
        .ok()
        .and_then(|written| now.duration_since(written).ok())
        .is_some_and(|age| age >= AGE)
}

/// Whether it belongs to whoever runs this.
#[cfg(unix)]
fn is_own(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    super::user() == metadata.uid()
}

#[cfg(not(unix))]
fn is_own(_: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn only_what_is_ours_and_old_goes() {
        let folder = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - AGE - Duration::from_mins(1);
        let make = |name: &str, written: SystemTime| {
            let path = folder.path().join(name);
            File::create(&path).unwrap().set_modified(written).unwrap();
        };
        make(".keymend-a1B2c3", old);
        make(".keymend-Young1", SystemTime::now());
        make(".keymend-future", SystemTime::now() + AGE * 2);
        for other in [
            ".keymend-",
            ".keymend-a1B2c",
            ".keymend-a1B2c3d",
            ".keymend-a1_2c3",
            "keymend-a1B2c3",
            ".keymend-a1B2cé",
            "plan.json",
        ] {
            make(other, old);
        }
        fs::create_dir(folder.path().join(".keymend-folder")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("plan.json", folder.path().join(".keymend-linked")).unwrap();
        let names = || {
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>()
        };
        let before = names();
        remove(folder.path(), SystemTime::now());
        let gone: Vec<_> = before.into_iter().filter(|name| !names().contains(name)).collect();
        assert_eq!(gone, [".keymend-a1B2c3"]);
        remove(&folder.path().join("nowhere"), SystemTime::now());
    }
}
