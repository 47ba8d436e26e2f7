//! Which run came after which: told by a number in its id that grows whatever the clock says.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// As many digits as the number of a run has at least. Earlier versions counted the runs of one second only, below a
/// thousand and without leading zeros: their runs are in the order of their moments, and before all that are numbered.
const DIGITS: usize = 6;

/// A run's place among the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    sequence: Option<u64>,
    moment: String,
    number: u64,
}

impl Rank {
    /// That of a run by its id.
    pub(super) fn of(run: &str) -> Self {
        let (moment, digits) = run.rsplit_once('-').unwrap_or((run, ""));
        let number = digits.parse().unwrap_or(0);
        let is_sequence = digits.len() >= DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        Self { sequence: is_sequence.then_some(number), moment: moment.to_owned(), number }
    }

    /// That of the run that a file is named for.
    pub(super) fn of_file(path: &Path) -> Self {
        Self::of(&path.file_stem().unwrap_or_default().to_string_lossy())
    }
}

/// The id of a run that begins at a moment.
pub(super) fn id(moment: &str, sequence: u64) -> String {
    format!("{moment}-{sequence:0DIGITS$}")
}

/// The number after those of all runs in a folder, whatever they write to.
pub(super) fn next(folder: &Path) -> io::Result<u64> {
    after(files(folder)?.iter().map(|path| Rank::of_file(path)))
}

/// The number after those of some runs.
pub(super) fn after(ranks: impl Iterator<Item = Rank>) -> io::Result<u64> {
    let last = ranks.filter_map(|rank| rank.sequence).max().unwrap_or(0);
    last.checked_add(1).ok_or_else(|| io::Error::other("no number is left for another run"))
}

/// Keeps others from taking a number in a folder while it is held; it ends with the process too.
///
/// Some network file systems lock no folders: two runs that begin there at the very same time may have one number, and
/// are then in the order of their moments.
pub(super) fn turn(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

/// The journals of a folder, oldest first; none where there is no folder.
pub(super) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if is_journal(&path) {
            paths.push(path);
        }
    }
    paths.sort_by_cached_key(|path| Rank::of_file(path));
    Ok(paths)
}

/// Temporary files begin with a dot.
fn is_journal(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
        && path.file_name().and_then(|name| name.to_str()).is_some_and(|name| !name.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_runs_come_after_the_others_and_in_their_own_order() {
        let ordered = [
            "20260102T030405Z-9",
            "20260102T030405Z-10",
            "20270102T030405Z-1",
            "20261231T000000Z-000001",
            "20240101T000000Z-000002",
            "20240101T000000Z-000010",
            "20200101T000000Z-999999",
            "20100101T000000Z-1000000",
        ];
        assert!(ordered.map(Rank::of).is_sorted());
        assert_eq!(id("20100101T000000Z", 1_000_000), ordered[7]);
        assert_eq!(id("20240101T000000Z", 2), ordered[4]);
        for odd in ["", "-", "x", "20260102T030405Z-0000x1", "20260102T030405Z--000001"] {
            assert!(Rank::of(odd) < Rank::of(ordered[3]) || odd.ends_with("-000001"), "{odd}");
        }
    }

    #[test]
    fn the_next_number_follows_the_greatest() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(next(&folder.path().join("none")).unwrap(), 1);
        for (name, expected) in [
            ("20260102T030405Z-7.json", 1),
            ("20260102T030405Z-000041.json", 42),
            ("20200102T030405Z-000043.json", 44),
            ("20200102T030405Z-99999999999999999999999.json", 44),
            (".keymend-000099.json", 44),
            ("20200102T030405Z-000099.txt", 44),
        ] {
            fs::write(folder.path().join(name), "").unwrap();
            assert_eq!(next(folder.path()).unwrap(), expected, "{name}");
        }
        fs::write(folder.path().join(format!("20200102T030405Z-{}.json", u64::MAX)), "").unwrap();
        assert!(next(folder.path()).is_err());
    }
}
