//! Plans in other forms: a file for `keymend apply`, code for other tools, reports for people.

use std::path::{Path, PathBuf};

use super::backend;
use super::console::Console;
use super::run::{Carried, Ended};
use crate::access::Request;
use crate::access::chain::Chain;
use crate::apply::{StepResult, journal};
use crate::cli::EmitFormat;
use crate::cli::settings::handover::{HandoverSettings, ReportFormat};
use crate::cli::settings::{BackendSettings, FixSettings, RunSettings};
use crate::error::Error;
use crate::escape::Escaped;
use crate::files::{self, Destination, NewFile};
use crate::plan::Case;
use crate::plan::saved::SavedPlan;
use crate::render::command;
use crate::render::emit;
use crate::render::findings::tell;
use crate::render::report;

/// What the process's mask leaves of reading and writing for everybody.
const ORDINARY: u32 = 0o666;
const EXECUTABLE: u32 = 0o777;

/// Saves the plan where that was asked for.
pub(super) fn save(settings: &FixSettings, case: &Case, console: &mut Console) -> Result<(), Error> {
    let Some(file) = &settings.out else { return Ok(()) };
    let saved = SavedPlan { backend: backend::of_plan(&settings.backend), case: case.clone() };
    let text = saved.to_text(now(), tell).map_err(std::io::Error::other)?;
    write(file, &text, ORDINARY)?;
    let apply = command::apply(&file.display().to_string()).with(&backend::reach(&settings.backend));
    let talk = console.talk()?;
    writeln!(talk, "The plan is saved in {}", Escaped(&file.display().to_string()))?;
    Ok(writeln!(talk, "Apply it: {apply}")?)
}

/// Writes the plan as code where that was asked for, all of it or nothing. A file that is there already with another
/// content stays.
pub(super) fn emit(
    settings: &HandoverSettings,
    run: &RunSettings,
    case: &Case,
    console: &mut Console,
) -> Result<(), Error> {
    let Some((format, folder)) = &settings.emit else { return Ok(()) };
    let Case { request, plan, .. } = case;
    if plan.is_blocked() && !run.allow_blocked {
        return Ok(writeln!(console.talk()?, "Nothing is emitted.")?);
    }
    let files = match format {
        EmitFormat::Terraform => emit::terraform(request, plan),
        EmitFormat::Cloudformation => emit::cloudformation(request, plan)?,
        EmitFormat::Cli => emit::cli(request, plan),
    };
    let new = files.iter().map(|emitted| NewFile {
        path: folder.join(&emitted.path),
        text: &emitted.text,
        mode: if emitted.is_executable { EXECUTABLE } else { ORDINARY },
    });
    files::make_all(&new.collect::<Vec<_>>()).map_err(|(file, source)| Error::File { file, source })?;
    let talk = console.talk()?;
    match files.len() {
        0 => writeln!(talk, "There is nothing to emit.")?,
        count => writeln!(talk, "{count} files are written to {}", folder.display())?,
    }
    Ok(())
}

/// Where the reports go that were asked for, each with its form.
#[derive(Default)]
pub(super) struct Destinations(Vec<(ReportFormat, PathBuf, Destination)>);

/// Makes sure that the reports can be written, before anything else is.
pub(super) fn open(settings: &HandoverSettings) -> Result<Destinations, Error> {
    let open = |(format, file): &(ReportFormat, PathBuf)| {
        let opened = Destination::open(file, ORDINARY);
        let destination = opened.map_err(|source| Error::File { file: file.clone(), source })?;
        Ok::<_, Error>((*format, file.clone(), destination))
    };
    settings.reports.iter().map(open).collect::<Result<_, _>>().map(Destinations)
}

/// Writes the reports that were asked for. Where one can't be, the rest of what the run came to is told all the same.
pub(super) fn report(
    destinations: Destinations,
    backend: &BackendSettings,
    run: &RunSettings,
    ended: &mut Ended,
    console: &mut Console,
) {
    ended.unreported = try_report(destinations, backend, run, ended, console).err();
}

/// The command that takes back what a run wrote; nothing where it wrote nothing, or left no record.
pub(super) fn way_back(backend: &BackendSettings, run: &RunSettings, carried: &Carried) -> Option<String> {
    let id = carried.journal.as_ref()?.file_stem()?.to_string_lossy().into_owned();
    let command = command::rollback(Some(&id)).with(&backend::reach(backend)).with(&journal_option(run));
    (carried.outcome.applied() > 0).then(|| command.to_string())
}

/// The option that tells where the journal is, where it is not where it is by default.
fn journal_option(run: &RunSettings) -> Vec<String> {
    let folder = run.journal.iter();
    folder.map(|folder| backend::option("--journal", &folder.display().to_string())).collect()
}

fn try_report(
    Destinations(destinations): Destinations,
    backend: &BackendSettings,
    run: &RunSettings,
    ended: &Ended,
    console: &mut Console,
) -> Result<(), Error> {
    let id = ended.carried.journal.as_ref().and_then(|file| file.file_stem());
    let content = report::Report {
        made_at: &now(),
        case: &ended.case,
        fates: ended.carried.outcome.steps.iter().map(StepResult::fate).collect(),
        left: ended.carried.remaining.as_ref().map(|plan| plan.changes.len()),
        run: id.map(|id| id.to_string_lossy().into_owned()),
        origin: origin(&ended.case.chain, backend),
        site: backend::site(backend),
        journal: journal_option(run),
    };
    for (format, file, destination) in destinations {
        let text = match format {
            ReportFormat::Markdown => report::markdown(&content),
            ReportFormat::Html => report::html(&content),
        };
        destination.write(&text).map_err(|source| Error::File { file: file.clone(), source })?;
        writeln!(console.talk()?, "The report is in {}", file.display())?;
    }
    Ok(())
}

/// This moment to the second.
pub(super) fn now() -> String {
    let moment = journal::now();
    moment.split_once('.').map_or(moment.clone(), |(second, _)| format!("{second}Z"))
}

/// What `fix` finds the keys by once more.
fn origin(chain: &Chain, backend: &BackendSettings) -> Vec<String> {
    let region = match backend {
        BackendSettings::Aws(_) if chain.is_in_a_region() => Some(("--region", chain.region.clone())),
        _ => None,
    };
    let ids = region.into_iter().chain(chain.options());
    ids.map(|(name, value)| backend::option(name, &value)).collect()
}

/// The command that saves a plan anew from what was asked for.
pub(super) fn saving_anew(
    chain: &Chain,
    request: &Request,
    backend: &BackendSettings,
    plan: &Path,
) -> String {
    let saving = ["--dry-run".to_owned(), backend::option("--out", &plan.display().to_string())];
    let command = command::fix_request(request).with(&origin(chain, backend));
    command.with(&backend::reach(backend)).with(&saving).to_string()
}

fn write(file: &Path, text: &str, mode: u32) -> Result<(), Error> {
    files::write(file, text, mode).map_err(|source| Error::File { file: file.to_owned(), source })
}
