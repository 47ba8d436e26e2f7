//! What a run of `keymend watch` is to do.

use std::time::Duration;

use super::organization::OrganizationFiles;
use super::{BackendSettings, OutputFormat, backend, remedy};
use crate::access::UnresolvedRequest;
use crate::cli::WatchArgs;
use crate::cloud::store::Location;
use crate::error::UsageError;

/// What a run of `keymend watch` is to do.
#[derive(Debug)]
pub struct WatchSettings {
    /// Where verdicts and plans go.
    pub out: Location,
    /// For how long an event of the same key and principal is no news.
    pub window: Duration,
    /// How whoever can't launch is to be helped; it names nobody yet.
    pub remedy: UnresolvedRequest,
    /// Files of policies of the organization.
    pub organization: OrganizationFiles,
    /// Where it reads.
    pub backend: BackendSettings,
    /// Text or JSON.
    pub output: OutputFormat,
}

impl WatchSettings {
    /// Resolves the arguments.
    ///
    /// # Errors
    /// Something typed is not what it should be.
    pub fn resolve(args: &WatchArgs) -> Result<Self, UsageError> {
        let out = Location::parse(&args.out).map_err(|error| {
            UsageError::new(format!("`{}` is no place in a bucket: {error}", args.out.display()))
                .hint("for example --out s3://BUCKET/watch; a folder is given by its path")
        })?;
        Ok(Self {
            out,
            window: args.window.0,
            remedy: remedy(&args.remedy)?,
            organization: OrganizationFiles::of(&args.organization),
            backend: backend(&args.backend)?,
            output: OutputFormat::of_run(args.output.output)?,
        })
    }
}
