//! From a plan to what becomes of it: shown, approved or not, carried out.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::backend::Ground;
use super::console::Console;
use super::interrupt::Interrupt;
use super::place::Place;
use super::run::Decision;
use super::{outcome, pager};
use crate::apply::journal::{Beginning, Journal, Origin};
use crate::apply::{self, Run, RunOutcome, Watcher};
use crate::cli::settings::{Mode, OutputFormat, RunSettings};
use crate::cloud::Write as _;
use crate::error::Error;
use crate::plan::Case;
use crate::plan::gains::Gained;
use crate::plan::outlook::{Foresight, Outlook};
use crate::prompt::{self, Answer, Seen};
use crate::render::findings::tell;
use crate::render::text::{self, Detail, Shown};

/// A case as it is shown, with what its plan comes to.
pub(super) fn shown<'a>(
    settings: &RunSettings,
    case: &'a Case,
    foresight: Option<&'a Foresight>,
    gained: &'a [Gained],
) -> Shown<'a> {
    let Case { chain, request, plan, .. } = case;
    let detail = if settings.is_whole { Detail::Whole } else { Detail::InShort };
    Shown { chain, request, plan, gained, foresight, detail }
}

/// Shows the plan, and tells whether all of it can be seen at once. In JSON mode it is still shown to whoever is going
/// to be asked.
pub(super) fn show(
    settings: &RunSettings,
    case: &Case,
    shown: &Shown<'_>,
    console: &mut Console,
) -> io::Result<Seen> {
    let (width, talk_styles) = (console.width, console.talk_styles.clone());
    text::callers(console.talk()?, &talk_styles, width, &case.observation)?;
    let is_asked = settings.mode == Mode::Interactive && console.is_interactive;
    let Console { out, styles, talk, talk_styles, width, screen, .. } = console;
    let mut written = Vec::new();
    let is_text = settings.output == OutputFormat::Text;
    if is_text {
        text::plan(&mut written, styles, *width, shown)?;
        let screen = screen.as_ref().filter(|_| settings.mode != Mode::Yes);
        pager::write(out, screen, &written)?;
    }
    // Nothing is asked that whoever is asked has not seen: results may go elsewhere, or be a document for programs.
    if is_asked && !(is_text && screen.is_some()) {
        written.clear();
        text::plan(&mut written, talk_styles, *width, shown)?;
        talk.write_all(&written)?;
    }
    out.flush()?;
    let is_past = screen.as_ref().is_some_and(|screen| !screen.holds(&written));
    Ok(if is_past { Seen::Partly } else { Seen::Whole })
}

/// Says how what was only planned is carried out: by the command, and by what else there is.
pub(super) fn tell_next(
    settings: &RunSettings,
    decision: Decision,
    (command, more): (&str, &str),
    console: &mut Console,
) -> io::Result<()> {
    if decision != Decision::OnlyPlanned || settings.output != OutputFormat::Text {
        return Ok(());
    }
    console.hint(&format!(
        "nothing was written: `keymend {command}` with the same options, without --dry-run, applies it{more}"
    ))
}

/// Whether the plan is to be carried out, and which of its changes.
pub(super) fn decide(
    settings: &RunSettings,
    shown: &Shown<'_>,
    seen: Seen,
    outlook: &Outlook<'_>,
    console: &mut Console,
) -> Result<(Decision, BTreeSet<usize>), Error> {
    let plan = shown.plan;
    let all = (0..plan.changes.len()).collect();
    let decision = match settings.mode {
        _ if plan.is_unsound() => Decision::Blocked,
        _ if plan.is_blocked() && (plan.changes.is_empty() || !settings.allow_blocked) => Decision::Blocked,
        _ if plan.changes.is_empty() => Decision::NoChanges,
        Mode::DryRun => Decision::OnlyPlanned,
        Mode::Yes => Decision::Approved,
        Mode::Interactive if !console.is_interactive => Decision::NoTerminal,
        Mode::Interactive => {
            return Ok(match prompt::ask(shown, seen, &console.talk_styles, outlook)? {
                Answer::Apply(kept) => (Decision::Approved, kept.into_iter().collect()),
                Answer::Declined => (Decision::Declined, BTreeSet::new()),
                Answer::Interrupted => (Decision::Interrupted, BTreeSet::new()),
            });
        }
    };
    Ok((decision, all))
}

/// A plan and what was said yes to.
pub(super) struct Approved<'a> {
    pub(super) case: &'a Case,
    pub(super) selected: BTreeSet<usize>,
    pub(super) origin: Origin,
    pub(super) interrupt: &'a Interrupt,
}

/// Carries it out, with a record where there is a place for one.
pub(super) async fn carry_out(
    approved: &Approved<'_>,
    ground: &Ground,
    place: Option<&Place>,
    console: &mut Console,
) -> Result<(RunOutcome, Option<PathBuf>), Error> {
    let Approved { case, selected, origin, interrupt } = approved;
    interrupt.listen_to_all()?;
    let mut journal = match place {
        Some(Place { folder, backend }) => {
            let backend = backend.clone();
            Some(
                Journal::begin(folder, &Beginning { backend, origin: origin.clone(), case, tell, selected })
                    .await?,
            )
        }
        None => None,
    };
    let recent = place.map(Place::recent).transpose()?.unwrap_or_default();
    let mut last = None;
    // A write must not stop halfway because nobody reads the talk any more.
    let mut progress = |progress: apply::RunProgress<'_>| {
        _ = outcome::progress(console, &case.plan, &mut last, progress);
    };
    let watcher =
        Watcher { progress: &mut progress, is_interrupted: &|| interrupt.is_set(), may_write: None };
    let run = Run::new(&ground.clock, journal.as_mut(), recent, watcher);
    let changes = case.plan.changes.iter().enumerate();
    let writes = changes.filter(|(index, _)| selected.contains(index)).map(|(_, change)| &change.operation);
    ground.cloud.narrow(&writes.collect::<Vec<_>>()).await;
    let outcome = apply::apply(&case.plan, selected, &ground.cloud, &run).await;
    Ok((outcome, journal.map(|journal| journal.path().to_owned())))
}
