//! `keymend fleet status`: where every account stands, merged of all shards.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde::Serialize;

use super::merged::{counts, merged, standings};
use super::report::Pages;
use crate::arn::AccountId;
use crate::cli::FleetStatusArgs;
use crate::cli::settings::OutputFormat;
use crate::cli::settings::fleet::FleetStatusSettings;
use crate::commands::backend;
use crate::commands::console::Console;
use crate::commands::ending::{self, Fact};
use crate::error::{Error, ExitStatus};
use crate::escape::Escaped;
use crate::fleet::ledger::{Ledger, Step};
use crate::fleet::shard::Shard;
use crate::fleet::standing::{AccountStanding, LeftLine, State};
use crate::plan::saved::PlanBackend;
use crate::render::prose::Prose;
use crate::shell;

pub(super) async fn status(args: &FleetStatusArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let FleetStatusSettings { dir, aws, output, report } = FleetStatusSettings::resolve(args)?;
    let ledger = Ledger::open(&backend::store(&dir, aws).await?).await?;
    let step = if ledger.division(Step::Rollback).await?.is_some() {
        Step::Rollback
    } else if ledger.division(Step::Apply).await?.is_some() {
        Step::Apply
    } else {
        Step::Plan
    };
    let pages = report.as_deref().map(Pages::open).transpose()?;
    // Where it was planned is not kept: who gives the command knows.
    let site = match ledger.head().backend {
        PlanBackend::Sandbox => vec!["--sandbox=WORLD".to_owned()],
        PlanBackend::Aws => Vec::new(),
    };
    let told = Told { ledger: &ledger, step, shard: Shard::WHOLE, site };
    let status = tell(&told, output, false, console).await?;
    if let Some(pages) = pages {
        pages.write(&ledger, step, console).await?;
    }
    Ok(status)
}

/// What is told of a fleet.
pub(super) struct Told<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) step: Step,
    pub(super) shard: Shard,
    /// The options by which another command works on the same backend.
    pub(super) site: Vec<String>,
}

/// A fleet as a document for programs: the same of however many shards.
#[derive(Debug, Serialize)]
struct Document<'a> {
    keymend_fleet: u32,
    step: &'static str,
    counts: BTreeMap<&'static str, usize>,
    accounts: Vec<&'a AccountStanding>,
    /// Lines of the manifest that are left out.
    #[serde(skip_serializing_if = "<[LeftLine]>::is_empty")]
    lines: &'a [LeftLine],
}

/// Tells where the accounts of a shard stand after a step, and how the process ends.
pub(super) async fn tell(
    told: &Told<'_>,
    output: OutputFormat,
    is_interrupted: bool,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let Told { ledger, step, shard, .. } = told;
    let all = standings(ledger, *step).await?;
    let own: Vec<&AccountStanding> = all.values().filter(|standing| shard.has(standing.account)).collect();
    let lines = match step {
        // A worker that plans tells what it looked up itself.
        Step::Plan => ledger.lines(Some(*shard).filter(|shard| *shard != Shard::WHOLE)).await?,
        Step::Apply if *shard == Shard::WHOLE => ledger.lines(None).await?,
        // What was not planned is not this part's to apply, and has no way back to go.
        Step::Apply | Step::Rollback => Vec::new(),
    };
    let counts = counts(&own);
    match output {
        OutputFormat::Json => {
            let counts = counts.iter().map(|(state, count)| (state.words(), *count)).collect();
            let accounts = own.clone();
            let document = Document { keymend_fleet: 1, step: step.name(), counts, accounts, lines: &lines };
            serde_json::to_writer_pretty(&mut console.out, &document).map_err(std::io::Error::other)?;
            writeln!(console.out)?;
        }
        OutputFormat::Text => text(told, &own, &lines, console.width, &mut console.out)?,
    }
    let digest = ledger.digest(*shard, &all);
    let digested = match step {
        Step::Plan => Some("plans").filter(|_| own.iter().any(|standing| standing.plan.is_some())),
        Step::Apply => Some("journals").filter(|_| own.iter().any(|standing| standing.journal.is_some())),
        Step::Rollback => None,
    };
    if let Some(what) = digested {
        writeln!(console.talk()?, "Digest of the {what}: {digest}")?;
    }
    next(told, &counts, &digest, console)?;
    if !lines.is_empty() {
        console.hint("`keymend fleet plan` with the same manifest looks up once more what is left out")?;
    }
    let facts = own.iter().filter_map(|standing| fact(standing, *step));
    let facts = facts.chain(lines.iter().map(|left| fact_of_line(left, *step)));
    let interrupted = is_interrupted.then_some(Fact::Interrupted);
    Ok(ending::status(facts.chain(interrupted)))
}

/// Shows what is asked about, on standard error where standard output is a document for programs.
pub(super) fn show(
    told: &Told<'_>,
    standings: &BTreeMap<AccountId, AccountStanding>,
    lines: &[LeftLine],
    console: &mut Console,
) -> std::io::Result<()> {
    let own: Vec<&AccountStanding> =
        standings.values().filter(|standing| told.shard.has(standing.account)).collect();
    let mut shown = Vec::new();
    text(told, &own, lines, console.width, &mut shown)?;
    console.talk()?.write_all(&shown)
}

fn text(
    told: &Told<'_>,
    own: &[&AccountStanding],
    lines: &[LeftLine],
    width: usize,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let whose = match told.shard.account() {
        Some(account) => format!("Account {account}"),
        None if told.shard == Shard::WHOLE => format!("{} accounts", own.len()),
        None => format!("{} accounts of shard {}", own.len(), told.shard),
    };
    writeln!(out, "{whose}, {}:", told.step.name())?;
    for (state, count) in counts(own) {
        writeln!(out, "  {count:>6}  {}", state.words())?;
    }
    groups("Changes", &merged(own, |standing| &standing.changes), width, out)?;
    groups("In the way, or left", &merged(own, |standing| &standing.causes), width, out)?;
    left_lines(lines, width, out)?;
    let journals = own
        .iter()
        .filter_map(|standing| Some((standing, standing.run.as_ref()?, standing.journal.as_ref()?)));
    let journals: Vec<_> = journals.collect();
    if !journals.is_empty() && journals.len() <= 20 {
        writeln!(out, "Runs:")?;
        for (standing, run, digest) in journals {
            writeln!(out, "  {}  {}  {}", standing.account, Escaped(run), Escaped(digest))?;
        }
    }
    Ok(())
}

/// What of the manifest is left out, as far as it can be taken in at a glance.
fn left_lines(lines: &[LeftLine], width: usize, out: &mut dyn Write) -> std::io::Result<()> {
    const SHOWN: usize = 20;
    const INDENT: usize = 10;
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "Lines of the manifest that are left out:")?;
    for LeftLine { line, state, cause } in lines.iter().take(SHOWN) {
        write!(out, "  {line:>6}  ")?;
        Prose::new().text(&format!("{}: {cause}", state.words())).write_at(out, width, INDENT, INDENT)?;
    }
    match lines.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "          and {more} more, which -o json has"),
    }
}

fn groups(
    title: &str,
    merged: &[(&str, usize, BTreeSet<AccountId>)],
    width: usize,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    const INDENT: usize = 9;
    if merged.is_empty() {
        return Ok(());
    }
    writeln!(out, "{title}:")?;
    for (what, count, accounts) in merged {
        let accounts = match accounts.len() {
            1 => accounts.first().map(|only| format!("account {only}")).unwrap_or_default(),
            several => format!("{several} accounts"),
        };
        write!(out, "  {count:>6} ")?;
        Prose::new().text(&format!("in {accounts}: {what}")).write_at(out, width, INDENT, INDENT)?;
    }
    Ok(())
}

/// The command that comes next.
fn next(
    told: &Told<'_>,
    counts: &BTreeMap<State, usize>,
    digest: &str,
    console: &mut Console,
) -> std::io::Result<()> {
    let dir = shell::quote(&told.ledger.place()).into_owned();
    let site = told.site.iter().fold(String::new(), |site, option| site + " " + option);
    let site = match told.shard.account() {
        Some(account) if told.step == Step::Apply => format!("{site} --account {account}"),
        _ => site,
    };
    let has = |state: State| counts.contains_key(&state);
    match told.step {
        Step::Plan if has(State::Planned) => console.hint(&format!(
            "`keymend fleet apply --dir {dir}{site}` asks and applies it; in automation with --yes --digest {digest}"
        )),
        Step::Apply if has(State::Unreachable) || has(State::NotStarted) || has(State::Cut) => {
            console.hint("the same command finishes what is not finished")
        }
        Step::Apply if has(State::Done) => {
            console.hint(&format!("`keymend fleet rollback --dir {dir}{site}` takes it back"))
        }
        Step::Plan | Step::Apply | Step::Rollback => Ok(()),
    }
}

/// What one account is for the exit status.
fn fact(standing: &AccountStanding, step: Step) -> Option<Fact> {
    match standing.state {
        State::Refused => Some(Fact::Failed),
        State::Stale => Some(Fact::Stale),
        State::Blocked => Some(Fact::Blocked),
        State::NoCredentials | State::Left => Some(Fact::Left),
        // Of what is planned, causes tell what is left besides.
        State::Planned if step == Step::Plan => (!standing.causes.is_empty()).then_some(Fact::Left),
        State::Planned | State::Cut | State::Unreachable | State::NotStarted => Some(Fact::Incomplete),
        State::Nothing | State::Done | State::RolledBack => None,
    }
}

/// What a line that is left out is for the exit status: only planning looks it up.
fn fact_of_line(left: &LeftLine, step: Step) -> Fact {
    if step == Step::Plan && left.state == State::Unreachable { Fact::Incomplete } else { Fact::Left }
}
