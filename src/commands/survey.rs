//! `keymend survey`: go through accounts and regions, tell what is shared and who can't launch it. Nothing is written
//! but files that were asked for.

mod scope;

use std::io;
use std::path::{Path, PathBuf};

use super::backend::{self, Ground, Work};
use super::console::Console;
use super::handover::now;
use super::{ending, pager};
use crate::cli::settings::survey::SurveySettings;
use crate::cli::{SurveyArgs, SurveyForm};
use crate::cloud::sandbox::Sandbox;
use crate::error::{Error, ExitStatus};
use crate::escape::Escaped;
use crate::files::Destination;
use crate::plan::conclusion::Conclusion;
use crate::plan::survey::Survey;
use crate::render::json::{self, OutcomeOutput, SurveyReport};
use crate::render::{survey as shown, text::Detail};

/// What the process's mask leaves of reading and writing for everybody.
const ORDINARY: u32 = 0o666;
/// Who can't use which key is nobody else's business.
const PRIVATE: u32 = 0o600;

pub(super) async fn survey(args: &SurveyArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let mut settings = SurveySettings::resolve(args)?;
    let backend = settings.backend.clone();
    backend::run(&backend, Surveying { settings: &mut settings }, console).await
}

struct Surveying<'r> {
    settings: &'r mut SurveySettings,
}

impl Work for Surveying<'_> {
    fn begin_in(&mut self, sandbox: &Sandbox, console: &mut Console) -> Result<(), Error> {
        backend::tell_story(sandbox, console)?;
        self.settings.regions = sandbox.regions()?.into_iter().collect();
        Ok(())
    }

    async fn on(self, ground: Ground, console: &mut Console) -> Result<ExitStatus, Error> {
        let Self { settings } = self;
        // What can't be written is told before anything is read.
        let reports =
            settings.reports.iter().map(|file| open(file, ORDINARY)).collect::<Result<Vec<_>, _>>()?;
        let manifest = settings.out.as_deref().map(|file| open(file, PRIVATE)).transpose()?;
        let reading = console.progress.waiting();
        let scope = scope::of(settings, &ground.cloud).await?;
        let found = crate::survey::survey(&scope, &ground.cloud).await;
        drop(reading);
        let status = ending::status(ending::of_survey(&found));
        tell(settings, &found, status, console)?;
        if let Some((file, destination)) = manifest {
            let text = shown::manifest(&found).map_err(io::Error::other)?;
            destination.write(&text).map_err(|source| Error::File { file: file.clone(), source })?;
            let keys = found.to_mend().len();
            let file = file.display().to_string();
            writeln!(console.talk()?, "The manifest of what to mend is in {}; keys: {keys}", Escaped(&file))?;
        }
        for (file, destination) in reports {
            let text = shown::html(&found, &now());
            destination.write(&text).map_err(|source| Error::File { file: file.clone(), source })?;
            writeln!(console.talk()?, "The report is in {}", Escaped(&file.display().to_string()))?;
        }
        Ok(status)
    }
}

fn open(file: &Path, mode: u32) -> Result<(PathBuf, Destination), Error> {
    let opened = Destination::open(file, mode);
    let file = file.to_owned();
    match opened {
        Ok(destination) => Ok((file, destination)),
        Err(source) => Err(Error::File { file, source }),
    }
}

fn tell(
    settings: &SurveySettings,
    found: &Survey,
    status: ExitStatus,
    console: &mut Console,
) -> io::Result<()> {
    match settings.form {
        SurveyForm::Text => {
            let detail = if settings.is_whole { Detail::Whole } else { Detail::InShort };
            let mut told = Vec::new();
            shown::text(&mut told, &console.styles, (console.width, detail), found)?;
            pager::write(&mut console.out, console.screen.as_ref(), &told)?;
        }
        SurveyForm::Json => json::write_survey(
            &mut console.out,
            &SurveyReport { survey: found, outcome: outcome(found), exit_status: status as u8 },
        )?,
        SurveyForm::Jsonl => shown::json_lines(&mut console.out, found)?,
        SurveyForm::Csv => shown::csv(&mut console.out, found)?,
    }
    console.out.flush()
}

/// The same as one word for programs.
fn outcome(found: &Survey) -> OutcomeOutput {
    match found.worst() {
        _ if found.is_incomplete() => OutcomeOutput::Incomplete,
        _ if found.is_unread() => OutcomeOutput::Failed,
        Conclusion::CanLaunch if found.gaps.is_empty() => OutcomeOutput::CanLaunch,
        Conclusion::CanLaunch | Conclusion::Unknown => OutcomeOutput::Unknown,
        Conclusion::Missing | Conclusion::Blocked => OutcomeOutput::AccessMissing,
    }
}
