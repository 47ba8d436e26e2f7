//! `keymend fix`: observe, plan, show, approve, apply, verify.

use super::console::Console;
use super::run::{self, Approved, Place, Planned};
use super::{handover, outcome, report};
use crate::access::UnresolvedRequest;
use crate::apply::Clock;
use crate::apply::clock::{InstantClock, SystemClock};
use crate::cli::settings::{BackendSettings, FixSettings};
use crate::cli::{FixArgs, OutputFormat};
use crate::cloud::aws::Aws;
use crate::cloud::observer::observe;
use crate::cloud::sandbox::Sandbox;
use crate::cloud::traced::Traced;
use crate::cloud::{Observe, Write};
use crate::error::{Error, ExitStatus, UsageError};
use crate::plan;

/// Runs the command. With `--output json` a run that fails leaves a document too.
pub(super) async fn fix(args: &FixArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let ended = try_fix(args, console).await;
    if let (Err(error), OutputFormat::Json) = (&ended, args.output.output) {
        report::write_json_of_error(&mut console.out, "fix", error)?;
    }
    ended
}

async fn try_fix(args: &FixArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let mut settings = FixSettings::resolve(args)?;
    for grantee in &settings.repeated {
        console.hint(&format!("`{grantee}` is named more than once; once is enough"))?;
    }
    match &settings.backend {
        BackendSettings::Sandbox(file) => {
            let sandbox = run::open_sandbox(file.as_deref(), console)?;
            fill_in_defaults(&mut settings.asked, &sandbox)?;
            let journals = sandbox.world_file().map(Place::beside_world);
            Box::pin(fix_in(&settings, &Traced(sandbox), &InstantClock::default(), journals, console)).await
        }
        BackendSettings::Aws(options) => {
            let aws = Aws::connect(options).await?;
            Box::pin(fix_in(
                &settings,
                &Traced(aws),
                &SystemClock::default(),
                Some(Place::of_aws()?),
                console,
            ))
            .await
        }
    }
}

fn fill_in_defaults(asked: &mut UnresolvedRequest, sandbox: &Sandbox) -> Result<(), UsageError> {
    let defaults = sandbox.defaults();
    if asked.keys.is_empty() {
        asked.keys = defaults.keys;
    }
    if asked.grantees.is_empty() {
        asked.grantees = defaults.grantees;
    }
    if asked.keys.is_empty() || asked.grantees.is_empty() {
        return Err(UsageError::new("no key or no grantee is given, and the world has no defaults")
            .hint("give --key and --account, --principal or --group, or add `defaults` to the world"));
    }
    Ok(())
}

async fn fix_in<C: Observe + Write, K: Clock>(
    settings: &FixSettings,
    cloud: &C,
    clock: &K,
    journals: Option<Place>,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let (request, observation) = observe(&settings.asked, cloud).await?;
    let plan = plan::plan(&request, &observation);
    let planned = Planned { command: "fix", part: None, request, observation, plan };
    run::show(&settings.conduct, &planned, console)?;
    handover::save(settings, &planned, console)?;
    handover::emit(&settings.handover, &settings.conduct, &planned, console)?;
    // From here on Ctrl-C is an answer, or ends the run after the write in flight.
    let interrupt = outcome::Interrupt::listen()?;
    let (decision, selected) = run::decide(&settings.conduct, &planned.plan, console)?;
    let approved = Approved { planned: &planned, decision, selected: &selected, interrupt: &interrupt };
    let carried = run::carry_out(&approved, &settings.asked, cloud, clock, journals, console).await?;
    run::conclude(&settings.conduct, &settings.handover, &planned.ended(decision, carried), console)
}
