//! Writing a world file so that whoever reads it sees the old text or the new one, never a part.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Replaces a file's text at once; its mode stays.
///
/// # Errors
/// The operating system's; then the file is as it was.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = fs::metadata(path)?.permissions();
    let mut new = tempfile::Builder::new().prefix(".keymend-world-").tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().set_permissions(mode)?;
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)?;
    // The rename itself is in the folder.
    File::open(folder)?.sync_all()
}
