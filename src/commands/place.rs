//! Where the records of runs are kept.

use std::path::{Path, PathBuf};

use crate::apply::journal::{Backend, History, Unfinished};
use crate::apply::recent::{self, Recent};
use crate::error::{Error, UsageError};

/// A folder of journals, and whose they are.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) backend: Backend,
}

impl Place {
    /// The folder that is given, else where a backend's records are by default; none where nobody's are to be kept.
    pub(super) fn of(backend: Option<&Backend>, folder: Option<&Path>) -> Result<Option<Self>, UsageError> {
        let Some(backend) = backend else {
            return folder.map_or(Ok(None), |_| Err(no_journal()));
        };
        let by_default = || match backend {
            Backend::World(world) => Ok(beside(world)),
            Backend::Aws => state_folder(),
        };
        let folder = folder.map_or_else(by_default, |folder| Ok(folder.to_owned()))?;
        Ok(Some(Self { folder, backend: backend.clone() }))
    }

    /// The runs that are kept there and are not done.
    pub(super) fn unfinished(&self) -> Result<Option<Unfinished>, Error> {
        Ok(Unfinished::read(&self.folder, &self.backend)?)
    }

    /// What was written lately on a backend whose reads may be older than that. A world's are not.
    pub(super) fn recent(&self) -> Result<Recent, Error> {
        match &self.backend {
            Backend::World(_) => Ok(Recent::default()),
            Backend::Aws => {
                let written = History::written_lately(&self.folder, &self.backend, recent::WINDOW)?;
                Ok(Recent::of(&written))
            }
        }
    }

    /// The runs that are kept there.
    pub(super) fn history(&self) -> Result<History, Error> {
        Ok(History::read(&self.folder, &self.backend)?)
    }
}

/// In a world's folder, under a name that no account's file has; else beside its file.
fn beside(world: &Path) -> PathBuf {
    if world.is_dir() {
        return world.join("journal");
    }
    let mut folder = world.as_os_str().to_owned();
    folder.push(".journal");
    PathBuf::from(folder)
}

/// <https://specifications.freedesktop.org/basedir-spec/latest/>
fn state_folder() -> Result<PathBuf, UsageError> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| std::env::home_dir().map(|home| home.join(".local/state")));
    state.map(|state| state.join("keymend")).ok_or_else(|| {
        UsageError::new("there is no home folder for the journal")
            .hint("give --journal DIR, or set HOME or XDG_STATE_HOME")
    })
}

/// What needs a journal was asked of the built-in world.
pub(super) fn no_journal() -> UsageError {
    UsageError::new("the built-in world keeps no journal: it is gone after the run")
        .hint("give a world file: --sandbox=FILE")
}
