//! Journals are believed where nobody else could have written them, as ssh does with its files: what a rollback puts
//! back stands in them.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use super::JournalError;
#[cfg(unix)]
use crate::files;

/// Why a file or folder is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Its group, or everybody, may write to it.
    #[error("others may write to it")]
    Writable,
    /// It is neither the user's nor the superuser's.
    #[error("it belongs to another user, {owner}")]
    Foreign {
        /// The number of its owner.
        owner: u32,
    },
}

/// Who runs this, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    #[cfg(unix)]
    user: u32,
}

impl Reader {
    /// Whoever files that are made now belong to.
    #[cfg(unix)]
    pub(super) fn new() -> Self {
        Self { user: files::user() }
    }

    /// Elsewhere a folder of the user's own is the user's by the system's rules.
    #[cfg(not(unix))]
    pub(super) fn new() -> Self {
        Self {}
    }

    #[cfg(unix)]
    fn distrusts(self, there: &Metadata) -> Option<Distrust> {
        use std::os::unix::fs::MetadataExt as _;
        const WRITABLE_BY_OTHERS: u32 = 0o022;
        const SUPERUSER: u32 = 0;
        let owner = there.uid();
        if owner != self.user && owner != SUPERUSER {
            return Some(Distrust::Foreign { owner });
        }
        (there.mode() & WRITABLE_BY_OTHERS != 0).then_some(Distrust::Writable)
    }

    #[cfg(not(unix))]
    fn distrusts(self, _: &Metadata) -> Option<Distrust> {
        None
    }

    /// Refuses what others could have written; a folder that is not there is nobody's.
    pub(super) fn require_folder(self, folder: &Path) -> Result<(), JournalError> {
        match folder.metadata() {
            Ok(there) => self.require(folder, &there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(unreadable(folder, &error)),
        }
    }

    /// What a file says that nobody else could have written.
    pub(super) fn content(self, path: &Path) -> Result<Vec<u8>, JournalError> {
        let mut file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let there = file.metadata().map_err(|error| unreadable(path, &error))?;
        self.require(path, &there)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(|error| unreadable(path, &error))?;
        Ok(content)
    }

    fn require(self, path: &Path, there: &Metadata) -> Result<(), JournalError> {
        self.distrusts(there).map_or(Ok(()), |reason| {
            Err(JournalError::Distrusted { path: path.display().to_string(), reason })
        })
    }
}

pub(super) fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> JournalError {
    JournalError::Unreadable { path: path.display().to_string(), reason: error.to_string() }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    #[test]
    fn what_others_may_write_to_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("RUN.json");
        fs::write(&file, "text").unwrap();
        let reader = Reader::new();
        for (mode, is_believed) in [
            (0o700, true),
            (0o755, true),
            (0o744, true),
            (0o720, false),
            (0o775, false),
            (0o702, false),
            (0o777, false),
            (0o1777, false),
        ] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            assert_eq!(reader.content(&file).is_ok(), is_believed, "{mode:o}");
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            assert_eq!(reader.require_folder(folder.path()).is_ok(), is_believed, "{mode:o}");
        }
        reader.require_folder(&folder.path().join("none")).unwrap();
    }

    #[test]
    fn what_belongs_to_somebody_else_is_not_believed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let there = file.as_file().metadata().unwrap();
        let own = Reader::new();
        assert_eq!(own.distrusts(&there), None);
        let other = Reader { user: own.user + 1 };
        // The superuser could write to everything anyway.
        let expected = (own.user != 0).then_some(Distrust::Foreign { owner: own.user });
        assert_eq!(other.distrusts(&there), expected);
        // Only the superuser gives files away.
        match chown(file.path(), Some(12_345), None) {
            Ok(()) => assert!(matches!(
                own.content(file.path()),
                Err(JournalError::Distrusted { reason: Distrust::Foreign { owner: 12_345 }, .. })
            )),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
        }
    }
}
