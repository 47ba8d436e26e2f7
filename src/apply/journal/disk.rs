//! Files that are whole or not there, whenever the machine stops.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::{NamedTempFile, TempPath};

/// What a journal asks of the file system, call by call, so that a test can see the order.
pub trait Disk {
    /// Makes a folder that only its owner may enter, with the folders above it.
    fn make_folder(&mut self, folder: &Path) -> io::Result<()>;

    /// Writes a text into a new file beside another one and flushes it to the disk.
    fn write_beside(&mut self, path: &Path, text: &str) -> io::Result<TempPath>;

    /// Gives a file its name, which nobody may have.
    fn name_new(&mut self, file: TempPath, path: &Path) -> io::Result<()>;

    /// Gives a file its name, in the place of the one that has it.
    fn rename_over(&mut self, file: TempPath, path: &Path) -> io::Result<()>;

    /// Flushes a folder: the names in it are on the disk then.
    fn flush_folder(&mut self, folder: &Path) -> io::Result<()>;

    /// A private folder, on the disk.
    fn create_private_folder(&mut self, folder: &Path) -> io::Result<()> {
        self.make_folder(folder)?;
        self.flush_folder(parent(folder))
    }

    /// A new file with its text, on the disk at once; an error where the name is taken.
    fn create(&mut self, path: &Path, text: &str) -> io::Result<()> {
        let file = self.write_beside(path, text)?;
        self.name_new(file, path)?;
        self.flush_folder(parent(path))
    }

    /// Another text for a file, on the disk at once: whoever reads sees the old one or the new one.
    fn replace(&mut self, path: &Path, text: &str) -> io::Result<()> {
        let file = self.write_beside(path, text)?;
        self.rename_over(file, path)?;
        self.flush_folder(parent(path))
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The operating system's.
#[derive(Debug, Clone, Copy)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn make_folder(&mut self, folder: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)
    }

    /// The file is readable by its owner alone, as `tempfile` makes them.
    fn write_beside(&mut self, path: &Path, text: &str) -> io::Result<TempPath> {
        let mut file: NamedTempFile =
            tempfile::Builder::new().prefix(".journal-").tempfile_in(parent(path))?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        Ok(file.into_temp_path())
    }

    fn name_new(&mut self, file: TempPath, path: &Path) -> io::Result<()> {
        file.persist_noclobber(path).map_err(|error| error.error)
    }

    fn rename_over(&mut self, file: TempPath, path: &Path) -> io::Result<()> {
        file.persist(path).map_err(|error| error.error)
    }

    fn flush_folder(&mut self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

/// Removes a file, on the disk at once.
///
/// # Errors
/// The operating system's.
pub fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    File::open(parent(path))?.sync_all()
}
