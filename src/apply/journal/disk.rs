//! The files of a journal: each comes to be whole, and is added to from then on.

use std::fs::{DirBuilder, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::files::{self, Unnamed};

/// What a journal asks of the file system, call by call, so that a test can see the order.
pub trait Disk {
    /// Makes a folder that only its owner may enter, with the folders above it.
    fn make_folder(&mut self, folder: &Path) -> io::Result<()>;

    /// Writes a text into a new file beside another one and flushes it to the disk.
    fn write_beside(&mut self, path: &Path, text: &str) -> io::Result<Unnamed>;

    /// Gives a file its name, which nobody may have.
    fn name_new(&mut self, file: Unnamed, path: &Path) -> io::Result<()>;

    /// Adds a text to a file after so many bytes, in the place of what an addition that failed left there, and flushes
    /// it to the disk.
    fn add(&mut self, path: &Path, length: u64, text: &str) -> io::Result<()>;

    /// Flushes a folder: the names in it are on the disk then.
    fn flush_folder(&mut self, folder: &Path) -> io::Result<()>;

    /// A private folder, on the disk.
    fn create_private_folder(&mut self, folder: &Path) -> io::Result<()> {
        self.make_folder(folder)?;
        self.flush_folder(files::folder(folder))
    }

    /// A new file with its text, on the disk at once; an error where the name is taken.
    fn create(&mut self, path: &Path, text: &str) -> io::Result<()> {
        let file = self.write_beside(path, text)?;
        self.name_new(file, path)?;
        self.flush_folder(files::folder(path))
    }
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

    /// The file is for its owner alone, as the folder is.
    fn write_beside(&mut self, path: &Path, text: &str) -> io::Result<Unnamed> {
        Unnamed::private(path, text)
    }

    fn name_new(&mut self, file: Unnamed, path: &Path) -> io::Result<()> {
        file.name_new(path)
    }

    fn add(&mut self, path: &Path, length: u64, text: &str) -> io::Result<()> {
        let mut file = File::options().write(true).open(path)?;
        let found = file.metadata()?.len();
        if found < length {
            let message = format!("{length} bytes of it were written, and only {found} are there");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        if found > length {
            file.set_len(length)?;
        }
        file.seek(SeekFrom::Start(length))?;
        file.write_all(text.as_bytes())?;
        // With the data goes as much about the file as it takes to find it again: its length.
        file.sync_data()
    }

    fn flush_folder(&mut self, folder: &Path) -> io::Result<()> {
        files::flush(folder)
    }
}
