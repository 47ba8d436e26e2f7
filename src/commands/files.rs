//! Files that are written whole or not at all, and texts that are read.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::UsageError;

/// A file that will be replaced or made: where it goes can be written, which was tried.
pub(super) struct Destination {
    file: PathBuf,
    temporary: NamedTempFile,
}

impl Destination {
    /// Makes sure that a file can be written, without a trace of it yet. A file that is there keeps its permissions,
    /// and a link stays a link; a new one gets what the process's mask leaves of a mode.
    pub(super) fn open(file: &Path, mode: u32) -> io::Result<Self> {
        if !file.exists() {
            return Ok(Self { file: file.to_owned(), temporary: temporary(file, Some(mode))? });
        }
        let file = fs::canonicalize(file)?;
        if !fs::metadata(&file)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        // Whoever may not write to a file does not replace it either.
        File::options().append(true).open(&file)?;
        let temporary = temporary(&file, None)?;
        temporary.as_file().set_permissions(fs::metadata(&file)?.permissions())?;
        Ok(Self { file, temporary })
    }

    /// Writes it: readers see the former text or the new one.
    pub(super) fn write(self, text: &str) -> io::Result<()> {
        let Self { file, mut temporary } = self;
        temporary.write_all(text.as_bytes())?;
        temporary.as_file().sync_all()?;
        temporary.persist(&file).map_err(|error| error.error)?;
        sync_folder(&file)
    }
}

/// Replaces a file's text.
pub(super) fn replace(file: &Path, text: &str) -> io::Result<()> {
    Destination::open(&fs::canonicalize(file)?, 0)?.write(text)
}

/// Writes a file, which is replaced where it exists.
pub(super) fn write(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    Destination::open(file, mode)?.write(text)
}

/// A file that has to be new.
pub(super) struct NewFile<'f> {
    pub(super) path: PathBuf,
    pub(super) text: &'f str,
    pub(super) mode: u32,
}

/// Why files could not be made, and at which.
pub(super) type Refused = (PathBuf, io::Error);

/// Makes all of these files or none, folders included. One that is there with just this content stays as it is; over
/// anything else nothing is written.
pub(super) fn make_all(files: &[NewFile<'_>]) -> Result<(), Refused> {
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
    prepared: Vec<(PathBuf, NamedTempFile)>,
    files: Vec<PathBuf>,
}

impl Made {
    fn prepare(&mut self, new: &NewFile<'_>) -> Result<(), Refused> {
        self.make_folder(folder(&new.path))?;
        let at = |error| (new.path.clone(), error);
        let mut temporary = temporary(&new.path, Some(new.mode)).map_err(at)?;
        temporary.write_all(new.text.as_bytes()).map_err(at)?;
        temporary.as_file().sync_all().map_err(at)?;
        self.prepared.push((new.path.clone(), temporary));
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
        for (path, temporary) in self.prepared.drain(..) {
            match temporary.persist_noclobber(&path) {
                Ok(_) => self.files.push(path),
                Err(error) => return Err((path, error.error)),
            }
        }
        self.files.iter().try_for_each(|file| sync_folder(file).map_err(|error| (file.clone(), error)))
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

fn temporary(file: &Path, mode: Option<u32>) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".keymend-");
    #[cfg(unix)]
    if let Some(mode) = mode {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    }
    builder.tempfile_in(folder(file))
}

fn sync_folder(file: &Path) -> io::Result<()> {
    File::open(folder(file))?.sync_all()
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A text as it was read: UTF-8, and what else it may be is told.
pub(super) fn text(name: &str, bytes: Vec<u8>) -> Result<String, UsageError> {
    let is_utf_16 = matches!(bytes.as_slice(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [_, 0, ..]);
    String::from_utf8(bytes).map_err(|error| {
        let told = UsageError::new(format!("{name} can't be read: {error}"));
        if is_utf_16 {
            told.hint("it is UTF-16, as Windows PowerShell's > writes it: save it as UTF-8")
        } else {
            told.hint("save it as UTF-8")
        }
    })
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
