//! Where a command reads and writes: the choice between AWS and a sandbox's world.

use std::collections::BTreeMap;
use std::path::Path;

use super::console::Console;
use super::place::Place;
use crate::apply::clock::RunClock;
use crate::apply::journal::Backend;
use crate::cli::settings::BackendSettings;
use crate::cloud::CloudError;
use crate::cloud::aws::{Aws, AwsOptions};
use crate::cloud::sandbox::Sandbox;
use crate::cloud::store::{Location, Store};
use crate::cloud::traced::Traced;
use crate::error::{Error, ExitStatus, UsageError};
use crate::plan::saved::PlanBackend;
use crate::shell;

/// What a command works on.
pub(super) struct Ground {
    pub(super) cloud: Traced,
    pub(super) clock: RunClock,
    /// Whose its records are; nobody's where the world is gone after the run.
    pub(super) records: Option<Backend>,
}

impl Ground {
    /// Where its runs are recorded: in the folder that is given, else where that is by default.
    pub(super) fn place(&self, folder: Option<&Path>) -> Result<Option<Place>, UsageError> {
        Place::of(self.records.as_ref(), folder)
    }
}

impl Ground {
    fn in_world(sandbox: Sandbox) -> Self {
        let (records, clock) = (records_of(&sandbox), RunClock::World(sandbox.time()));
        Self { cloud: Traced::Sandbox(Box::new(sandbox)), clock, records }
    }

    async fn on_aws(options: &AwsOptions) -> Result<Self, Error> {
        let cloud = Traced::Aws(Box::new(Aws::connect(options).await?));
        Ok(Self { cloud, clock: RunClock::real(), records: Some(Backend::Aws) })
    }
}

/// What a command does, whichever backend it is on.
pub(super) trait Work {
    /// Takes from a world what was not given; there is nothing to take from AWS.
    fn begin_in(&mut self, sandbox: &Sandbox, console: &mut Console) -> Result<(), Error>;

    async fn on(self, ground: Ground, console: &mut Console) -> Result<ExitStatus, Error>;
}

/// Does it on the backend that was chosen.
pub(super) async fn run(
    backend: &BackendSettings,
    mut work: impl Work,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let ground = match backend {
        BackendSettings::Sandbox(file) => {
            let sandbox = Sandbox::open_or_builtin(file.as_deref())?;
            // A sandbox takes no time.
            console.progress.silence();
            work.begin_in(&sandbox, console)?;
            Ground::in_world(sandbox)
        }
        BackendSettings::Aws(options) => Ground::on_aws(options).await?,
    };
    Box::pin(work.on(ground, console)).await
}

/// The backend anew: what was read or refused there before is not known to it.
pub(super) async fn connect(backend: &BackendSettings) -> Result<Ground, Error> {
    match backend {
        BackendSettings::Sandbox(file) => Ok(Ground::in_world(Sandbox::open_or_builtin(file.as_deref())?)),
        BackendSettings::Aws(options) => Ground::on_aws(options).await,
    }
}

/// Says that nothing is real, and what the world is about.
pub(super) fn tell_story(sandbox: &Sandbox, console: &mut Console) -> Result<(), Error> {
    Ok(console.remark(&format!("Sandbox, nothing here touches AWS. {}", sandbox.story()))?)
}

/// Where runs on a backend are recorded, for what needs no connection to it.
pub(super) fn place(backend: &BackendSettings, folder: Option<&Path>) -> Result<Place, Error> {
    let records = match backend {
        BackendSettings::Sandbox(file) => records_of(&Sandbox::open_or_builtin(file.as_deref())?),
        BackendSettings::Aws(_) => Some(Backend::Aws),
    };
    Ok(Place::of(records.as_ref(), folder)?.ok_or_else(super::place::no_journal)?)
}

fn records_of(sandbox: &Sandbox) -> Option<Backend> {
    sandbox.place().map(|place| Backend::World(place.to_owned()))
}

/// Whose credentials serve what is in no world, where nothing else is said.
pub(super) fn credentials(backend: &BackendSettings) -> AwsOptions {
    match backend {
        BackendSettings::Aws(options) => options.clone(),
        BackendSettings::Sandbox(_) => AwsOptions::default(),
    }
}

/// A place for records: a bucket is asked with the default credentials, no account's own.
pub(super) async fn store(place: &Location, options: AwsOptions) -> Result<Store, CloudError> {
    match place {
        Location::Folder(folder) => Ok(Store::Folder(folder.clone())),
        Location::Bucket { bucket, prefix } => {
            let none = AwsOptions { account_profiles: BTreeMap::new(), assume_role_name: None, ..options };
            Ok(Store::Bucket(Aws::connect(&none).await?.bucket(bucket, prefix)))
        }
    }
}

/// What a plan that is made here is for.
pub(super) fn of_plan(backend: &BackendSettings) -> PlanBackend {
    match backend {
        BackendSettings::Aws(_) => PlanBackend::Aws,
        BackendSettings::Sandbox(_) => PlanBackend::Sandbox,
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
