//! Where the records of runs are kept.

use std::path::{Path, PathBuf};

use crate::apply::journal::{Backend, History};
use crate::cli::settings::BackendSettings;
use crate::cloud::aws::AwsOptions;
use crate::cloud::sandbox::Sandbox;
use crate::error::{Error, UsageError};
use crate::shell;

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

    /// The last run that is kept there, with what came after it.
    pub(super) fn recent(&self) -> Result<History, Error> {
        Ok(History::recent(&self.folder, &self.backend)?)
    }

    /// The runs that are kept there.
    pub(super) fn history(&self) -> Result<History, Error> {
        Ok(History::read(&self.folder, &self.backend)?)
    }
}

/// The options by which another command works on the same world, or with the same endpoint.
pub(super) fn site(backend: &BackendSettings) -> Vec<String> {
    match backend {
        BackendSettings::Sandbox(None) => vec!["--sandbox".to_owned()],
        BackendSettings::Sandbox(Some(file)) => {
            vec![format!("--sandbox={}", shell::quote(&file.display().to_string()))]
        }
        BackendSettings::Aws(AwsOptions { endpoint_url, .. }) => {
            endpoint_url.iter().map(|url| option("--endpoint-url", url)).collect()
        }
    }
}

/// The same with whose credentials serve.
pub(super) fn reach(backend: &BackendSettings) -> Vec<String> {
    let mut options = site(backend);
    if let BackendSettings::Aws(aws) = backend {
        let single = [("--profile", &aws.profile), ("--assume-role-name", &aws.assume_role_name)];
        let single = single.into_iter().filter_map(|(name, value)| Some(option(name, value.as_deref()?)));
        let profiles = aws
            .account_profiles
            .iter()
            .map(|(account, profile)| option("--account-profile", &format!("{account}={profile}")));
        options.extend(single.chain(profiles));
    }
    options
}

/// An option that is quoted as a shell wants it.
pub(super) fn option(name: &str, value: &str) -> String {
    format!("{name} {}", shell::quote(value))
}

/// What needs a journal was asked of the built-in world.
pub(super) fn no_journal() -> UsageError {
    UsageError::new("the built-in world keeps no journal: it is gone after the run")
        .hint("give a world file: --sandbox=FILE")
}
