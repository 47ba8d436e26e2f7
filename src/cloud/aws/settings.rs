//! Settings of the environment and of the shared files that the SDK knows nothing of, or does not tell about.

use std::borrow::Cow;

use aws_config::profile;
use aws_runtime::env_config::EnvConfigValue;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_types::os_shim_internal::{Env, Fs};

use super::AwsOptions;

/// A setting by its names, as a variable and in a profile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) variable: &'static str,
    pub(super) key: &'static str,
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>
pub(super) const MAX_ATTEMPTS: Setting = Setting { variable: "AWS_MAX_ATTEMPTS", key: "max_attempts" };

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html>
pub(super) const CA_BUNDLE: Setting = Setting { variable: "AWS_CA_BUNDLE", key: "ca_bundle" };

/// What a setting is set to, and what sets it: its variable, else the profile. Files that can't be read are told with the first
/// call, by the SDK.
pub(super) async fn get(
    options: &AwsOptions,
    profile: Option<&str>,
    setting: Setting,
) -> Option<(String, String)> {
    let environment = Env::real();
    let files = files(options).unwrap_or_default();
    let profile = profile.map(|name| Cow::Owned(name.to_owned()));
    let profiles = profile::load(&Fs::real(), &environment, &files, profile).await.ok();
    let value = EnvConfigValue::new().env(setting.variable).profile(setting.key);
    let (value, _) = value.load(&environment, profiles.as_ref()).filter(|(value, _)| !value.is_empty())?;
    let is_variable = environment.get(setting.variable).is_ok_and(|set| set == value);
    let name = match (is_variable, &profiles) {
        (false, Some(profiles)) => format!("{} of profile {}", setting.key, profiles.selected_profile()),
        _ => setting.variable.to_owned(),
    };
    Some((value.into_owned(), name))
}

/// The profiles of the shared files; none where those can't be read.
pub async fn profile_names() -> Vec<String> {
    let profiles = profile::load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), None).await;
    let mut names: Vec<String> =
        profiles.map(|all| all.profiles().map(str::to_owned).collect()).unwrap_or_default();
    names.sort();
    names
}

/// The shared files, where they are not those of the environment.
pub(super) fn files(options: &AwsOptions) -> Option<EnvConfigFiles> {
    let path = options.config_file.as_ref()?;
    Some(EnvConfigFiles::builder().with_file(EnvConfigFileKind::Config, path).build())
}
