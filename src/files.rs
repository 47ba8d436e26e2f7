//! Files that are written whole or not at all, whenever the machine stops: under a name of nobody's and flushed to the
//! disk first, then given their own, and the folder with that name flushed.

mod leftovers;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::NamedTempFile;

/// The user that files which are made now belong to.
#[cfg(unix)]
pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A file without a name of its own yet, in the folder where it will have one. Dropped, it leaves no trace.
#[derive(Debug)]
pub struct Unnamed(NamedTempFile);

impl Unnamed {
    /// A text for a file that its owner alone may read, on the disk.
    pub(crate) fn private(path: &Path, text: &str) -> io::Result<Self> {
        // Without another mode, `tempfile` makes it for its owner alone.
        Self::beside(path, None)?.holding(text)
    }

    fn beside(path: &Path, mode: Option<u32>) -> io::Result<Self> {
        leftovers::remove(folder(path), SystemTime::now());
        let mut builder = tempfile::Builder::new();
        builder.prefix(leftovers::PREFIX).rand_bytes(leftovers::RANDOM);
        #[cfg(unix)]
        if let Some(mode) = mode {
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
        }
        builder.tempfile_in(folder(path)).map(Self)
    }

    fn holding(mut self, text: &str) -> io::Result<Self> {
        self.0.write_all(text.as_bytes())?;
        self.0.as_file().sync_all()?;
        Ok(self)
    }

    /// Gives it its name, which nobody may have.
    pub(crate) fn name_new(self, path: &Path) -> io::Result<()> {
        self.0.persist_noclobber(path).map(drop).map_err(|error| error.error)
    }

    /// Gives it its name, in the place of the file that has it.
    fn rename_over(self, path: &Path) -> io::Result<()> {
        self.0.persist(path).map(drop).map_err(|error| error.error)
    }
}

/// A file that will be replaced or made: where it goes can be written, which was tried.
pub(crate) struct Destination {
    file: PathBuf,
    new: Unnamed,
}

impl Destination {
    /// Makes sure that a file can be written, without a trace of it yet. A file that is there keeps its owner, group and
    /// permissions, or is refused, and a link stays a link; a new one gets what the process's mask leaves of a mode.
    pub(crate) fn open(file: &Path, mode: u32) -> io::Result<Self> {
        if !file.exists() {
            return Ok(Self { file: file.to_owned(), new: Unnamed::beside(file, Some(mode))? });
        }
        let file = fs::canonicalize(file)?;
        let there = fs::metadata(&file)?;
        if !there.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        // Whoever may not write to a file does not replace it either.
        File::options().append(true).open(&file)?;
        let new = Unnamed::beside(&file, None)?;
        // Whoever gives a file away loses what of its mode would act for the former owner.
        #[cfg(unix)]
        keep_owner(new.0.as_file(), &there)?;
        new.0.as_file().set_permissions(there.permissions())?;
        Ok(Self { file, new })
    }

    /// Writes it: readers see the former text or the new one.
    pub(crate) fn write(self, text: &str) -> io::Result<()> {
        let Self { file, new } = self;
        new.holding(text)?.rename_over(&file)?;
        flush(folder(&file))
    }

    /// Writes it if the file still says what was read of it, which is looked at last of all.
    fn write_over(self, read: &str, text: &str) -> io::Result<Replaced> {
        let Self { file, new } = self;
        let new = new.holding(text)?;
        if fs::read(&file)? != read.as_bytes() {
            return Ok(Replaced::Changed);
        }
        new.rename_over(&file)?;
        flush(folder(&file))?;
        Ok(Replaced::Written)
    }
}

/// The new file belongs to whom the one belongs that it takes the place of.
#[cfg(unix)]
fn keep_owner(new: &File, there: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let own = new.metadata()?;
    let user = (own.uid() != there.uid()).then(|| there.uid());
    let group = (own.gid() != there.gid()).then(|| there.gid());
    if user.is_none() && group.is_none() {
        return Ok(());
    }
    fchown(new, user, group).map_err(|error| {
        let (uid, gid) = (there.uid(), there.gid());
        io::Error::new(error.kind(), format!("its owner and group ({uid}:{gid}) can't be kept: {error}"))
    })
}

/// What became of a file that was to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// It says the new text.
    Written,
    /// It said something else than was read of it, and says that still.
    Changed,
}

/// Replaces the text of a file that is there, as long as it says what was read of it.
pub(crate) fn replace_read(file: &Path, read: &str, text: &str) -> io::Result<Replaced> {
    Destination::open(&fs::canonicalize(file)?, 0)?.write_over(read, text)
}

/// Writes a file, which is replaced where it exists.
pub(crate) fn write(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    Destination::open(file, mode)?.write(text)
}

/// Writes a file for its owner alone, in the place of whatever has its name, were it a link to another one.
pub(crate) fn put(file: &Path, text: &str) -> io::Result<()> {
    Unnamed::private(file, text)?.rename_over(file)?;
    flush(folder(file))
}

/// Makes a folder that its owner alone may enter, where there is none; anything else in its place, a link above all, is
/// refused.
pub(crate) fn own_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) => {}
        Err(_) if fs::symlink_metadata(folder)?.is_dir() => {}
        Err(_) => return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is no folder")),
    }
    Ok(())
}

/// A file that has to be new.
pub(crate) struct NewFile<'f> {
    pub(crate) path: PathBuf,
    pub(crate) text: &'f str,
    pub(crate) mode: u32,
}

/// Why files could not be made, and at which.
pub(crate) type Refused = (PathBuf, io::Error);

/// Makes all of these files or none, folders included. One that is there with just this content stays as it is; over
/// anything else nothing is written.
pub(crate) fn make_all(files: &[NewFile<'_>]) -> Result<(), Refused> {
    let mut missing = Vec::new();
    for file in files {
        let at = |error| (file.path.clone(), error);
        match fs::read(&file.path) {
            Ok(found) if found == file.text.as_bytes() => {}
            Ok(_) => {
                let source = io::Error::new(io::ErrorKind::AlreadyExists, "it is there with another content");
                return Err(at(source));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(file),
            Err(error) => return Err(at(error)),
        }
    }
    let mut made = Made::default();
    let result = missing.iter().try_for_each(|file| made.prepare(file)).and_then(|()| made.keep());
    if result.is_err() {
        made.undo();
    }
    result
}

/// What was made so far.
#[derive(Default)]
struct Made {
    folders: Vec<PathBuf>,
    prepared: Vec<(PathBuf, Unnamed)>,
    files: Vec<PathBuf>,
}

impl Made {
    fn prepare(&mut self, new: &NewFile<'_>) -> Result<(), Refused> {
        self.make_folder(folder(&new.path))?;
        let file = Unnamed::beside(&new.path, Some(new.mode)).and_then(|file| file.holding(new.text));
        self.prepared.push((new.path.clone(), file.map_err(|error| (new.path.clone(), error))?));
        Ok(())
    }

    fn make_folder(&mut self, folder: &Path) -> Result<(), Refused> {
        let missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
            .collect();
        for folder in missing.into_iter().rev() {
            match fs::create_dir(folder) {
                Ok(()) => self.folders.push(folder.to_owned()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err((folder.to_owned(), error)),
            }
        }
        Ok(())
    }

    /// Gives every file its name; what came to be there meanwhile stays.
    fn keep(&mut self) -> Result<(), Refused> {
        for (path, file) in self.prepared.drain(..) {
            match file.name_new(&path) {
                Ok(()) => self.files.push(path),
                Err(error) => return Err((path, error)),
            }
        }
        self.files.iter().try_for_each(|file| flush(folder(file)).map_err(|error| (file.clone(), error)))
    }

    /// Whatever can't be taken away again is told by the error that led here.
    fn undo(mut self) {
        self.prepared.clear();
        for file in &self.files {
            _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            _ = fs::remove_dir(folder);
        }
    }
}

/// Removes a file, on the disk at once.
pub(crate) fn remove(file: &Path) -> io::Result<()> {
    fs::remove_file(file)?;
    flush(folder(file))
}

/// Flushes a folder: the names in it are on the disk then.
pub(crate) fn flush(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder that a file or folder is in.
pub(crate) fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn new<'f>(folder: &Path, name: &str, text: &'f str) -> NewFile<'f> {
        NewFile { path: folder.join(name), text, mode: 0o666 }
    }

    #[test]
    fn a_destination_leaves_no_trace_until_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.md");
        drop(Destination::open(&file, 0o666).unwrap());
        assert_eq!(names(folder.path()), Vec::<String>::new());
        Destination::open(&file, 0o666).unwrap().write("one").unwrap();
        Destination::open(&file, 0o666).unwrap().write("two").unwrap();
        assert_eq!((names(folder.path()).len(), fs::read_to_string(&file).unwrap().as_str()), (1, "two"));
        for nowhere in ["no/such.md", "report.md/x.md"] {
            assert!(Destination::open(&folder.path().join(nowhere), 0o666).is_err(), "{nowhere}");
        }
        assert!(Destination::open(folder.path(), 0o666).is_err(), "a folder");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_replaced_says_what_was_read_and_keeps_owner_and_mode() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.json");
        fs::write(&file, "one").unwrap();
        // Only the superuser gives files away; for anybody else its owner is kept anyway.
        let given = chown(&file, Some(12_345), Some(23_456));
        assert!(given.is_ok() || given.unwrap_err().kind() == io::ErrorKind::PermissionDenied);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o4640)).unwrap();
        let of = |file: &Path| {
            let metadata = fs::metadata(file).unwrap();
            (metadata.uid(), metadata.gid(), metadata.mode())
        };
        let before = of(&file);
        assert_eq!(replace_read(&file, "one", "two").unwrap(), Replaced::Written);
        assert_eq!((of(&file), fs::read_to_string(&file).unwrap().as_str()), (before, "two"));
        assert_eq!(replace_read(&file, "one", "three").unwrap(), Replaced::Changed);
        assert_eq!(
            (of(&file), fs::read_to_string(&file).unwrap().as_str(), names(folder.path()).len()),
            (before, "two", 1)
        );
    }

    #[cfg(unix)]
    #[test]
    fn what_is_put_somewhere_goes_through_no_link() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("another"), "theirs").unwrap();
        symlink(at("another"), at("file")).unwrap();
        put(&at("file"), "ours").unwrap();
        let text = |name| fs::read_to_string(at(name)).unwrap();
        assert_eq!((text("another").as_str(), text("file").as_str()), ("theirs", "ours"));
        let mode = |name| fs::symlink_metadata(at(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode("file"), 0o600);
        own_folder(&at("own")).unwrap();
        own_folder(&at("own")).unwrap();
        assert_eq!(mode("own"), 0o700);
        symlink(at("own"), at("link")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        for name in ["link", "dangling", "another", "no/such"] {
            assert!(own_folder(&at(name)).is_err(), "{name}");
        }
        assert!(!at("nowhere").exists());
    }

    #[test]
    fn all_files_are_made_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        make_all(&[new(at, "a/x", "1"), new(at, "b/c/y", "2")]).unwrap();
        assert_eq!(
            (names(at), names(&at.join("b/c"))),
            (vec!["a".to_owned(), "b".to_owned()], vec!["y".to_owned()])
        );
        make_all(&[new(at, "a/x", "1"), new(at, "b/c/y", "2")]).unwrap();
        // Whatever stands in the way, in whatever place, nothing else comes to be.
        fs::write(at.join("b/c/z"), [0xff, 0xfe]).unwrap();
        fs::create_dir(at.join("b/folder")).unwrap();
        for last in ["b/c/z", "b/folder", "a/x/below"] {
            let (path, _) = make_all(&[new(at, "new/n", "3"), new(at, last, "4")]).unwrap_err();
            assert!(path.starts_with(at), "{}", path.display());
            assert_eq!(names(at), ["a", "b"], "{last}");
        }
        assert_eq!(fs::read(at.join("b/c/z")).unwrap(), [0xff, 0xfe]);
        assert_eq!(fs::read(at.join("a/x")).unwrap(), b"1");
    }
}
