//! The file that a world stands in: looked at before each call, and read again only where it may say something else.

use std::cell::Cell;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A world's file, links resolved.
#[derive(Debug)]
pub(super) struct WorldFile {
    path: PathBuf,
    /// How it looked when what it says was taken last.
    taken: Cell<Option<Look>>,
}

/// What a file says, and how it looks, where that can be told.
pub(super) type Text = (String, Option<Look>);

/// How a file looked whose text was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    stamp: Stamp,
    /// When it was first seen to look so.
    since: Instant,
    /// Whether whatever else it said while it looked so had been written before the text was read.
    is_settled: bool,
}

impl WorldFile {
    /// The file that a path leads to.
    pub(super) fn find(path: &Path) -> io::Result<Self> {
        Ok(Self { path: fs::canonicalize(path)?, taken: Cell::default() })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it says, and how it looks, where that can be told.
    pub(super) fn read(&self) -> io::Result<Text> {
        self.read_opened(self.open()?)
    }

    /// The same, unless it is sure to say what was taken last.
    ///
    /// A file that is replaced is another one. One that is written to in place shows it in its times, which move on
    /// with each tick of the file system's clock only: a text that was read within the first tick is read once more.
    pub(super) fn read_if_changed(&self) -> io::Result<Option<Text>> {
        let opened = self.open()?;
        let taken = self.taken.get().filter(|taken| taken.is_settled);
        let is_known = taken.is_some_and(|taken| Some(taken.stamp) == opened.1);
        if is_known { Ok(None) } else { self.read_opened(opened).map(Some) }
    }

    /// What it says is taken in: it is not read again as long as it looks so.
    pub(super) fn take(&self, look: Option<Look>) {
        self.taken.set(look);
    }

    /// Opening it is what makes a network file system ask the server how it looks.
    fn open(&self) -> io::Result<(File, Option<Stamp>)> {
        let file = File::open(&self.path)?;
        let stamp = Stamp::of(&file.metadata()?);
        Ok((file, stamp))
    }

    fn read_opened(&self, (mut file, stamp): (File, Option<Stamp>)) -> io::Result<Text> {
        let now = Instant::now();
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let look = stamp.map(|stamp| {
            let former = self.taken.get().filter(|former| former.stamp == stamp);
            let since = former.map_or(now, |former| former.since);
            Look { stamp, since, is_settled: now.duration_since(since) > stamp.tick() }
        });
        Ok((text, look))
    }
}

/// What tells a file from the one that was there before, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    /// Its device and its inode.
    identity: (u64, u64),
    size: u64,
    /// When it was written to, and when it or what is known of it changed, which nobody can set: in seconds and
    /// nanoseconds.
    times: [(i64, i64); 2],
}

impl Stamp {
    #[cfg(unix)]
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere nothing tells")]
    fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        Some(Self {
            identity: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            times: [(metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec())],
        })
    }

    /// Elsewhere nothing tells a file from one that replaced it.
    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Option<Self> {
        None
    }

    /// More than a tick of the clock that its times are from: Linux's is 10 ms at most, and file systems that keep no
    /// fractions of a second keep every second one at least.
    fn tick(&self) -> Duration {
        if self.times.iter().all(|(_, nanoseconds)| *nanoseconds == 0) {
            Duration::from_millis(2_100)
        } else {
            Duration::from_millis(50)
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn said(file: &WorldFile) -> Option<String> {
        let read = file.read_if_changed().unwrap();
        read.map(|(text, look)| {
            file.take(look);
            text
        })
    }

    /// A file that says `one`, and was taken in for good.
    fn settled() -> (tempfile::TempDir, WorldFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("world.json");
        fs::write(&path, "one").unwrap();
        let file = WorldFile::find(&path).unwrap();
        assert_eq!(said(&file).as_deref(), Some("one"));
        // File systems without fractions of a second take longer.
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(60));
            if said(&file).is_none() {
                return (folder, file);
            }
        }
        panic!("a file that nobody writes is read again and again");
    }

    #[test]
    fn a_file_that_looks_the_same_is_read_once_more_and_then_no_longer() {
        let (_folder, file) = settled();
        assert_eq!(said(&file), None);
        assert_eq!(file.read().unwrap().0, "one");
    }

    #[test]
    fn a_text_of_the_same_length_is_heeded_at_once_and_later() {
        let (_folder, file) = settled();
        for text in ["two", "six", "ten"] {
            fs::write(file.path(), text).unwrap();
            assert_eq!(said(&file).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_file_that_was_replaced_is_another_one_whatever_its_times() {
        let (folder, file) = settled();
        let modified = fs::metadata(file.path()).unwrap().modified().unwrap();
        let other = folder.path().join("other");
        fs::write(&other, "two").unwrap();
        File::options().write(true).open(&other).unwrap().set_modified(modified).unwrap();
        fs::rename(&other, file.path()).unwrap();
        assert_eq!(said(&file).as_deref(), Some("two"));
    }

    #[test]
    fn what_was_not_taken_in_is_read_again() {
        let (_folder, file) = settled();
        fs::write(file.path(), "not a world").unwrap();
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(60));
            assert_eq!(file.read_if_changed().unwrap().unwrap().0, "not a world");
        }
    }

    #[test]
    fn times_without_fractions_tell_less() {
        let of = |nanoseconds| Stamp { identity: (1, 2), size: 3, times: [(4, 0), (5, nanoseconds)] }.tick();
        assert!(of(1) < of(0) && of(0) > Duration::from_secs(2));
    }
}
