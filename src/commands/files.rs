//! Files that are written whole or not at all, and texts that are read.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::UsageError;

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
