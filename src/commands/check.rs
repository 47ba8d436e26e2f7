//! `keymend check`: observe, evaluate, tell. Nothing is written.

pub(super) mod files;
pub(super) mod finding;
mod requests;
mod side_by_side;

use std::io;

use super::backend::{self, Ground, Work};
use super::console::Console;
use super::{alike, chain, defaults, ending, organization, pager};
use crate::access::chain::Chain;
use crate::cli::settings::check::{CheckRun, CheckSettings, Source};
use crate::cli::{CheckArgs, OutputChoice};
use crate::cloud::Observe;
use crate::cloud::ec2::ObserveEc2;
use crate::cloud::observer::observe;
use crate::cloud::sandbox::Sandbox;
use crate::error::{Error, ExitStatus, UsageError};
use crate::observation::OrganizationPolicies;
use crate::render::json::CheckReport;
use crate::render::{Styles, json, text};
use finding::{Found, Read};

pub(super) async fn check(args: &CheckArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let mut run = match CheckSettings::resolve(args)? {
        CheckSettings::Requests { file, jobs } => return requests::answer(&file, jobs, console),
        CheckSettings::Check(run) => run,
    };
    chain::tell_repeated(&run.repeated, console)?;
    chain::tell_other_events(run.other_events, console)?;
    let organization = organization::read(&run.organization)?;
    match run.source.clone() {
        Source::Files(documents) => {
            let (request, mut observation) = files::observe(&documents, &run.asked)?;
            observation.organization = organization;
            let read = Read { chain: Chain::default(), request, observation };
            let found = Found::of(&run, &read);
            tell(&run, &read, &found, console)
        }
        Source::Backend(backend) => {
            backend::run(&backend, Check { run: &mut run, organization }, console).await
        }
    }
}

/// Reads what a check is made on, and whoever has to be asked about it.
pub(super) async fn read(
    run: &CheckRun,
    organization: &OrganizationPolicies,
    cloud: &(impl Observe + ObserveEc2),
) -> Result<Read, Error> {
    let (mut asked, chain) = chain::find(run.asked.clone(), &run.targets, cloud).await?;
    if run.is_about_users {
        asked.grantees.clear();
    }
    let (request, observation) = observe(&asked, organization, cloud).await?;
    Ok(Read { chain, request, observation })
}

struct Check<'r> {
    run: &'r mut CheckRun,
    organization: OrganizationPolicies,
}

impl Work for Check<'_> {
    fn begin_in(&mut self, sandbox: &Sandbox, console: &mut Console) -> Result<(), Error> {
        backend::tell_story(sandbox, console)?;
        let CheckRun { asked, targets, is_about_users, .. } = &mut *self.run;
        defaults::take(sandbox, asked, targets);
        if *is_about_users {
            asked.grantees.clear();
        }
        Ok(defaults::require_key(asked, targets)?)
    }

    async fn on(self, ground: Ground, console: &mut Console) -> Result<ExitStatus, Error> {
        let Self { run, organization } = self;
        let reading = console.progress.waiting();
        let read = read(run, &organization, &ground.cloud).await;
        if let Err(error) = &read {
            alike::suggest_aliases(error, &ground.cloud, console).await;
        }
        let read = read?;
        drop(reading);
        let (width, styles) = (console.width, console.talk_styles.clone());
        text::callers(console.talk()?, &styles, width, &read.observation)?;
        let found = Found::of(run, &read);
        let status = tell(run, &read, &found, console)?;
        let findings = found.checked.iter().flat_map(|checked| &checked.findings);
        alike::tell(findings.chain(&found.findings), &ground.cloud, console).await?;
        Ok(status)
    }
}

/// Shows what was found, and says how the process ends.
fn tell(run: &CheckRun, read: &Read, found: &Found, console: &mut Console) -> Result<ExitStatus, Error> {
    let status = status(found);
    match run.output {
        OutputChoice::Table if read.request.grantees.is_empty() => return Err(no_table().into()),
        OutputChoice::Table => write_table(found, console)?,
        OutputChoice::Text => write_text(run, read, found, console)?,
        OutputChoice::Json => write_document(&mut console.out, read, found)?,
    }
    Ok(status)
}

/// How the process ends that found this.
pub(super) fn status(found: &Found) -> ExitStatus {
    ending::status(ending::of_check(found.worst))
}

/// What was found, as the one document for programs.
pub(super) fn write_document(out: &mut dyn io::Write, read: &Read, found: &Found) -> io::Result<()> {
    json::write_check(
        out,
        &CheckReport {
            chain: Some(&read.chain),
            findings: &found.findings,
            request: Some(&read.request),
            observation: Some(&read.observation),
            checked: &found.checked,
            users: &found.users,
            outcome: found.outcome(),
            error: None,
            exit_status: status(found) as u8,
        },
    )
}

/// What has no place in the table goes to the talk.
fn write_table(found: &Found, console: &mut Console) -> io::Result<()> {
    text::checks_table(&mut console.out, &console.styles, &found.checked)?;
    console.out.flush()?;
    text::findings(&mut console.talk, &console.talk_styles, console.width, &found.findings)
}

fn no_table() -> UsageError {
    UsageError::new("there is no table of who may use a key")
        .hint("name who launches, for example with --account or --principal, or give --output text or json")
}

fn write_text(run: &CheckRun, read: &Read, found: &Found, console: &mut Console) -> io::Result<()> {
    let Console { out, styles, width, screen, .. } = console;
    let mut told = Vec::new();
    write_found(&mut told, styles, *width, (run, read, found))?;
    pager::write(out, screen.as_ref(), &told)
}

fn write_found(
    out: &mut dyn io::Write,
    styles: &Styles,
    width: usize,
    (run, read, found): (&CheckRun, &Read, &Found),
) -> io::Result<()> {
    let Found { checked, users, findings, .. } = found;
    if !read.chain.is_empty() {
        text::chain(out, styles, &read.chain, &read.request)?;
        writeln!(out)?;
    }
    if read.request.grantees.is_empty() {
        text::users(out, styles, width, users)?;
    } else {
        text::checks(out, styles, width, checked, &reach(run))?;
    }
    let is_first = checked.is_empty() && users.is_empty();
    if !is_first && !findings.is_empty() {
        writeln!(out)?;
    }
    text::findings(out, styles, width, findings)
}

/// The options by which `fix` comes to where the check has looked.
fn reach(run: &CheckRun) -> Vec<String> {
    let from = run.targets.options().map(|(name, id)| backend::option(name, &id));
    let limits = run.organization.options().map(|(name, value)| backend::option(name, value));
    let backend = match &run.source {
        Source::Files(_) => Vec::new(),
        Source::Backend(backend) => backend::reach(backend),
    };
    from.chain(limits).chain(backend).collect()
}
