//! Where the records of runs are kept.

use std::path::{Path, PathBuf};

use crate::apply::journal::{Backend, History};
use crate::cloud::sandbox::Sandbox;
use crate::error::{Error, UsageError};

/// A folder of journals, and whose they are.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) backend: Backend,
}

impl Place {
    /// Beside a world's file; the built-in world, which is gone after a run, has none.
    pub(super) fn of_world(sandbox: &Sandbox, folder: Option<&Path>) -> Result<Option<Self>, UsageError> {
        let Some(world) = sandbox.world_file() else {
            return folder.map_or(Ok(None), |_| Err(no_journal()));
        };
        let beside = || {
            let mut folder = world.as_os_str().to_owned();
            folder.push(".journal");
            PathBuf::from(folder)
        };
        let folder = folder.map_or_else(beside, Path::to_owned);
        Ok(Some(Self { folder, backend: Backend::World(world.to_owned()) }))
    }

    /// <https://specifications.freedesktop.org/basedir-spec/latest/>
    pub(super) fn of_aws(folder: Option<&Path>) -> Result<Self, UsageError> {
        let state = || {
            let state =
                std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
            let state = state.or_else(|| std::env::home_dir().map(|home| home.join(".local/state")));
            state.map(|state| state.join("keymend")).ok_or_else(|| {
                UsageError::new("there is no home folder for the journal")
                    .hint("give --journal DIR, or set HOME or XDG_STATE_HOME")
            })
        };
        let folder = folder.map_or_else(state, |folder| Ok(folder.to_owned()))?;
        Ok(Self { folder, backend: Backend::Aws })
    }

    /// The runs that are kept there.
    pub(super) fn history(&self) -> Result<History, Error> {
        Ok(History::read(&self.folder, &self.backend)?)
    }
}

/// What needs a journal was asked of the built-in world.
pub(super) fn no_journal() -> UsageError {
    UsageError::new("the built-in world keeps no journal: it is gone after the run")
        .hint("give a world file: --sandbox=FILE")
}
