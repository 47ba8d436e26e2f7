//! Files that are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// Replaces a file's text: readers see the former text or the new one. Its permissions are kept, and a link stays
/// a link.
pub(super) fn replace(file: &Path, text: &str) -> io::Result<()> {
    let file = fs::canonicalize(file)?;
    let permissions = fs::metadata(&file)?.permissions();
    let temporary = prepared(&file, text, None)?;
    temporary.as_file().set_permissions(permissions)?;
    persist(temporary, &file)
}

/// Writes a file, which is replaced where it exists. A new one gets what the process's mask leaves of a mode.
pub(super) fn write(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    if file.exists() {
        return replace(file, text);
    }
    persist(prepared(file, text, Some(mode))?, file)
}

fn prepared(file: &Path, text: &str, mode: Option<u32>) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".keymend-");
    #[cfg(unix)]
    if let Some(mode) = mode {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    }
    let mut temporary = builder.tempfile_in(folder(file))?;
    temporary.write_all(text.as_bytes())?;
    Ok(temporary)
}

fn persist(temporary: NamedTempFile, file: &Path) -> io::Result<()> {
    temporary.as_file().sync_all()?;
    temporary.persist(file).map_err(|error| error.error)?;
    File::open(folder(file))?.sync_all()
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
