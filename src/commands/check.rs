//! `keymend check`: observe, evaluate, tell. Nothing is written.

mod files;
mod requests;

use super::console::Console;
use super::place;
use super::report;
use crate::access::Request;
use crate::access::assessment::{documented_actions, launch_actions};
use crate::access::evidence::Extras;
use crate::cli::settings::BackendSettings;
use crate::cli::settings::check::{CheckRun, CheckSettings, Source};
use crate::cli::{CheckArgs, OutputFormat};
use crate::cloud::Observe;
use crate::cloud::aws::Aws;
use crate::cloud::observer::observe;
use crate::cloud::sandbox::Sandbox;
use crate::cloud::traced::Traced;
use crate::error::{Error, ExitStatus, UsageError};
use crate::observation::Observation;
use crate::plan::check::{self, Checked, Conclusion};
use crate::render::{json, text};

/// Runs the command. With `--output json` a run that fails leaves a document too.
pub(super) async fn check(args: &CheckArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let ended = try_check(args, console).await;
    if let (Err(error), OutputFormat::Json, None) = (&ended, args.output.output, &args.requests) {
        report::write_json_of_error(&mut console.out, "check", error)?;
    }
    ended
}

async fn try_check(args: &CheckArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let mut run = match CheckSettings::resolve(args)? {
        CheckSettings::Requests(file) => return requests::answer(&file, console),
        CheckSettings::Check(run) => run,
    };
    for grantee in &run.repeated {
        console.hint(&format!("`{grantee}` is named more than once; once is enough"))?;
    }
    let extras = files::extras(&run)?;
    let (request, observation) = match &run.source {
        Source::Files(documents) => files::observe(documents, &run.asked)?,
        Source::Backend(BackendSettings::Sandbox(file)) => {
            let sandbox = match file {
                Some(file) => Sandbox::open(file)?,
                None => Sandbox::builtin(),
            };
            console.remark(&format!("Sandbox, nothing here touches AWS. {}", sandbox.story()))?;
            fill_in_defaults(&mut run, &sandbox)?;
            read(&run, &Traced(sandbox), console).await?
        }
        Source::Backend(BackendSettings::Aws(options)) => {
            read(&run, &Traced(Aws::connect(options).await?), console).await?
        }
    };
    tell(&run, &request, &observation, &extras, console)
}

/// A world knows which key its story is about, and whom.
fn fill_in_defaults(run: &mut CheckRun, sandbox: &Sandbox) -> Result<(), UsageError> {
    let defaults = sandbox.defaults();
    if run.asked.keys.is_empty() {
        run.asked.keys = defaults.keys;
    }
    if run.asked.grantees.is_empty() && !run.is_about_users {
        run.asked.grantees = defaults.grantees;
    }
    if run.asked.keys.is_empty() {
        return Err(UsageError::new("no key is given, and the world has no default")
            .hint("give --key, or add `defaults` to the world"));
    }
    Ok(())
}

async fn read(
    run: &CheckRun,
    cloud: &impl Observe,
    console: &mut Console,
) -> Result<(Request, Observation), Error> {
    let (request, observation) = observe(&run.asked, cloud).await?;
    let (width, styles) = (console.width, console.talk_styles.clone());
    text::callers(console.talk()?, &styles, width, &observation)?;
    Ok((request, observation))
}

fn tell(
    run: &CheckRun,
    request: &Request,
    observation: &Observation,
    extras: &Extras,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let actions = if run.all { documented_actions() } else { launch_actions() };
    let checked = check::check(request, observation, extras, actions);
    let users = if request.grantees.is_empty() { check::users(observation) } else { Vec::new() };
    let (outcome, status) = end(&checked);
    let Console { out, styles, width, .. } = console;
    match run.output {
        OutputFormat::Text if request.grantees.is_empty() => text::users(out, styles, *width, &users)?,
        OutputFormat::Text => text::checks(out, styles, *width, &checked, &reach(&run.source))?,
        OutputFormat::Json => json::write_check(
            out,
            &json::CheckReport {
                request: Some(request),
                observation: Some(observation),
                checked: &checked,
                users: &users,
                outcome,
                error: None,
                exit_status: status as u8,
            },
        )?,
    }
    Ok(status)
}

/// What the worst of all conclusions means for the process.
fn end(checked: &[Checked]) -> (json::Outcome, ExitStatus) {
    match checked.iter().map(|checked| checked.conclusion).max() {
        None => (json::Outcome::Listed, ExitStatus::Done),
        Some(Conclusion::CanLaunch) => (json::Outcome::CanLaunch, ExitStatus::Done),
        Some(Conclusion::Unknown) => (json::Outcome::Unknown, ExitStatus::Pending),
        Some(Conclusion::Missing) => (json::Outcome::AccessMissing, ExitStatus::Pending),
        Some(Conclusion::Blocked) => (json::Outcome::Blocked, ExitStatus::Blocked),
    }
}

/// The options by which `fix` comes to where the check has looked.
fn reach(source: &Source) -> Vec<String> {
    match source {
        Source::Files(_) => Vec::new(),
        Source::Backend(backend) => place::reach(backend),
    }
}
