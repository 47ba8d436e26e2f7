//! `keymend check`: observe, evaluate, tell. Nothing is written.

pub(super) mod files;
mod requests;

use std::io::Write as _;

use super::chain;
use super::console::Console;
use super::ending;
use super::organization;
use super::place;
use super::report;
use crate::access::Request;
use crate::access::assessment::{documented_actions, needed_actions};
use crate::access::chain::Chain;
use crate::access::evidence::Extras;
use crate::cli::settings::BackendSettings;
use crate::cli::settings::check::{CheckRun, CheckSettings, Source};
use crate::cli::{CheckArgs, OutputFormat};
use crate::cloud::Observe;
use crate::cloud::aws::Aws;
use crate::cloud::ec2::ObserveEc2;
use crate::cloud::observer::observe;
use crate::cloud::sandbox::Sandbox;
use crate::cloud::traced::Traced;
use crate::error::{Error, ExitStatus, UsageError};
use crate::launch::causes;
use crate::observation::Observation;
use crate::plan::conclusion::{self, Checked, Conclusion};
use crate::plan::users;
use crate::plan::{Finding, FindingCode, Severity};
use crate::render::{json, text};
use crate::shell;

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
    chain::tell_other_events(run.other_events, console)?;
    let extras = Extras { context: run.context.clone(), ..Extras::default() };
    let organization = organization::read(&run.organization)?;
    let Read { chain, request, mut observation } = match &run.source {
        Source::Files(documents) => {
            let (request, observation) = files::observe(documents, &run.asked)?;
            Read { chain: Chain::default(), request, observation }
        }
        Source::Backend(BackendSettings::Sandbox(file)) => {
            let sandbox = Sandbox::open_or_builtin(file.as_deref())?;
            // A sandbox takes no time.
            console.progress.silence();
            console.remark(&format!("Sandbox, nothing here touches AWS. {}", sandbox.story()))?;
            fill_in_defaults(&mut run, &sandbox)?;
            read(&run, &Traced(sandbox), console).await?
        }
        Source::Backend(BackendSettings::Aws(options)) => {
            let aws = Traced(Aws::connect(options).await?);
            read(&run, &aws, console).await?
        }
    };
    observation.organization = organization;
    tell(&run, &Read { chain, request, observation }, &extras, console)
}

/// What a check is made on.
struct Read {
    chain: Chain,
    request: Request,
    observation: Observation,
}

/// A world knows which key its story is about, and whom.
fn fill_in_defaults(run: &mut CheckRun, sandbox: &Sandbox) -> Result<(), UsageError> {
    let defaults = sandbox.defaults();
    if run.asked.keys.is_empty() && run.targets.is_empty() {
        run.asked.keys = defaults.keys;
        defaults.targets.iter().for_each(|id| run.targets.add(id));
    }
    if run.asked.grantees.is_empty() && !run.is_about_users && !run.targets.tell_who_launches() {
        run.asked.grantees = defaults.grantees;
    }
    if run.asked.keys.is_empty() && run.targets.is_empty() {
        return Err(UsageError::new("no key is given, and the world has no default")
            .hint("give --key, or add `defaults` to the world"));
    }
    Ok(())
}

async fn read(
    run: &CheckRun,
    cloud: &(impl Observe + ObserveEc2),
    console: &mut Console,
) -> Result<Read, Error> {
    let reading = console.progress.waiting();
    let (mut asked, chain) = chain::find(run.asked.clone(), &run.targets, cloud).await?;
    if run.is_about_users {
        asked.grantees.clear();
    }
    let (request, observation) = observe(&asked, cloud).await?;
    drop(reading);
    let (width, styles) = (console.width, console.talk_styles.clone());
    text::callers(console.talk()?, &styles, width, &observation)?;
    Ok(Read { chain, request, observation })
}

fn tell(run: &CheckRun, read: &Read, extras: &Extras, console: &mut Console) -> Result<ExitStatus, Error> {
    let Read { chain, request, observation } = read;
    let actions = if run.all { documented_actions(request.purpose) } else { needed_actions(request.purpose) };
    let checked = conclusion::check(request, observation, extras, actions);
    let checked: Vec<Checked> = checked.into_iter().map(|checked| with_causes(checked, read)).collect();
    let causes = causes::of(chain, request, observation);
    // What stands in the way of somebody is told there.
    let (hindering, notes): (Vec<Finding>, Vec<Finding>) =
        causes.into_iter().partition(|cause| cause.severity() <= Severity::LeftOver);
    let findings = if checked.is_empty() { [hindering, notes].concat() } else { notes };
    let users = if request.grantees.is_empty() { users::of_keys(observation) } else { Vec::new() };
    let is_listing = request.grantees.is_empty() && chain.strangers.is_empty();
    let is_settled = |finding: &&Finding| {
        !is_listing || (finding.code == FindingCode::StarterUnknown && !run.is_about_users)
    };
    let concluding: Vec<Finding> = findings.iter().filter(is_settled).cloned().collect();
    // Of a launch that somebody tried nothing is known while nobody can be told to have tried it.
    let is_nobody = request.grantees.is_empty() && !run.is_about_users && run.targets.tell_who_launches();
    let worst = worst(&checked, &concluding).max(is_nobody.then_some(Conclusion::Unknown));
    let status = ending::status(ending::of_check(worst));
    let outcome = match worst {
        None => json::Outcome::Listed,
        Some(Conclusion::CanLaunch) => json::Outcome::CanLaunch,
        Some(Conclusion::Unknown) => json::Outcome::Unknown,
        Some(Conclusion::Missing) => json::Outcome::AccessMissing,
        Some(Conclusion::Blocked) => json::Outcome::Blocked,
    };
    let findings = [users::open_to_anyone(observation), findings].concat();
    let Console { out, styles, width, .. } = console;
    match run.output {
        OutputFormat::Text => {
            text::chain(out, styles, chain, request)?;
            if request.grantees.is_empty() {
                text::users(out, styles, *width, &users)?;
            } else {
                text::checks(out, styles, *width, &checked, &reach(run))?;
            }
            let is_first = checked.is_empty() && users.is_empty();
            if !is_first && !findings.is_empty() {
                writeln!(out)?;
            }
            text::findings(out, styles, *width, &findings)?;
        }
        OutputFormat::Json => json::write_check(
            out,
            &json::CheckReport {
                chain: Some(chain),
                findings: &findings,
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

/// What stands in the way of this one besides.
fn with_causes(checked: Checked, read: &Read) -> Checked {
    let (key, grantee) = (checked.assessment.key.clone(), checked.assessment.grantee.clone());
    let alone = Request { keys: vec![key], grantees: vec![grantee], ..read.request.clone() };
    checked.besides(causes::of(&read.chain, &alone, &read.observation))
}

/// The worst of all conclusions; where there is no key to conclude about, what was found.
fn worst(checked: &[Checked], findings: &[Finding]) -> Option<Conclusion> {
    let of_finding = |finding: &Finding| match finding.severity() {
        Severity::Blocking => Conclusion::Blocked,
        Severity::LeftOver if finding.code.leaves_open() => Conclusion::Unknown,
        Severity::LeftOver => Conclusion::Missing,
        Severity::Warning | Severity::Note => Conclusion::CanLaunch,
    };
    let found = findings.iter().map(of_finding);
    checked.iter().map(|checked| checked.conclusion).chain(found).max()
}

/// The options by which `fix` comes to where the check has looked.
fn reach(run: &CheckRun) -> Vec<String> {
    let option = |(name, id): (&str, &String)| format!("{name} {}", shell::quote(id));
    let from = run.targets.options().map(option);
    let limits = run.organization.options().map(|(name, value)| format!("{name} {}", shell::quote(value)));
    from.chain(limits).chain(reach_backend(&run.source)).collect()
}

fn reach_backend(source: &Source) -> Vec<String> {
    match source {
        Source::Files(_) => Vec::new(),
        Source::Backend(backend) => place::reach(backend),
    }
}
