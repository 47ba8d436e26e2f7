//! What became of a run, for people.

use std::io;

use super::console::Console;
use super::mishap::{
    CHANGED_SINCE, UNWATCHED, interrupted, overwritten, planned_again, somebody_changed, unsettled,
};
use super::run::{Carried, Decision, Ended, Job};
use crate::access::Purpose;
use crate::access::assessment::{Assessment, Verdict};
use crate::apply::{Now, Progress, StepResult};
use crate::cloud::{CloudError, CloudErrorKind};
use crate::diff;
use crate::error::cloud_hint;
use crate::escape::Escaped;
use crate::plan::rollback::Extent;
use crate::plan::{Change, FindingCode, Plan, Severity};
use crate::render::text::{self, names};

/// Tells of a step while it happens.
pub(super) fn progress(console: &mut Console, plan: &Plan, progress: Progress<'_>) -> io::Result<()> {
    let talk = &mut console.talk;
    let style = &console.talk_styles;
    let (dim, strong) = (style.dim, style.strong);
    let of = plan.changes.len();
    match progress {
        Progress::Started(index) => {
            let Some(change) = plan.changes.get(index) else { return Ok(()) };
            let what = change.operation.to_string();
            let resource = change.operation.resource();
            writeln!(
                talk,
                "{strong}[{}/{of}]{strong:#} {} {dim}{}{dim:#}",
                index + 1,
                Escaped(&what),
                Escaped(&resource)
            )
        }
        Progress::Settling(_) => Ok(()),
        Progress::Waiting(_) => writeln!(talk, "      {dim}written; waiting until it reads back so{dim:#}"),
        Progress::Retrying(_, error, wait) => {
            let (error, seconds) = (error.to_string(), wait.as_secs());
            writeln!(talk, "      {dim}{}; trying once more in {seconds} s{dim:#}", Escaped(&error))
        }
        Progress::Ended(_, result) => match result {
            StepResult::Applied { receipt } => match &receipt.request_id {
                Some(id) => writeln!(talk, "      done {dim}(request id {}){dim:#}", Escaped(id)),
                None => writeln!(talk, "      done"),
            },
            StepResult::AlreadyDone => writeln!(talk, "      it is so already"),
            StepResult::Unsettled { .. } => writeln!(talk, "      written, but it does not read back so yet"),
            StepResult::Stale(_) => writeln!(talk, "      not written: somebody else changed it"),
            StepResult::Overwritten(_) => writeln!(talk, "      written, and changed by somebody else since"),
            StepResult::Failed(_) => writeln!(talk, "      failed"),
            StepResult::NotStarted | StepResult::Deselected => Ok(()),
        },
    }
}

/// Writes what became of the plan: results to standard output, errors and hints to standard error.
pub(super) fn write(console: &mut Console, ended: &Ended) -> io::Result<()> {
    match ended.decision {
        Decision::Approved | Decision::Overtaken if !ended.carried.outcome.is_success() => {
            stopped(console, ended)
        }
        Decision::Approved | Decision::Overtaken if !ended.came_back().is_empty() => {
            did_not_last(console, ended)
        }
        Decision::Approved | Decision::Overtaken => success(console, ended),
        Decision::NoChanges | Decision::OnlyPlanned => {
            untouched(console, ended)?;
            talk(console, ended)
        }
        _ => talk(console, ended),
    }
}

/// Says why nothing was written.
pub(super) fn talk(console: &mut Console, ended: &Ended) -> io::Result<()> {
    match ended.decision {
        Decision::NoChanges if ended.carried.is_unwatched => {
            writeln!(console.talk()?, "\nInterrupted. Nothing was written.")
        }
        Decision::Approved | Decision::Overtaken if ended.carried.is_unwatched => {
            writeln!(console.talk()?)?;
            console.failure(UNWATCHED)
        }
        Decision::NoChanges | Decision::OnlyPlanned | Decision::Approved | Decision::Overtaken => Ok(()),
        Decision::Blocked => blocked(console, ended),
        Decision::Conflicting => console.failure(CHANGED_SINCE),
        Decision::NoTerminal => no_terminal(console),
        Decision::Declined => writeln!(console.talk()?, "Nothing was written."),
        Decision::Interrupted => writeln!(console.talk()?, "\nInterrupted. Nothing was written."),
    }
}

/// Results can't be told where they belong: what was written is, and where the record of it stands.
pub(super) fn untold(console: &mut Console, ended: &Ended) -> io::Result<()> {
    let talk = &mut console.talk;
    let Carried { outcome, journal, .. } = &ended.carried;
    if outcome.applied() == 0 {
        return writeln!(talk, "Nothing was written to AWS.");
    }
    let written = names::counted(outcome.applied(), "change");
    let of = outcome.steps.len();
    writeln!(talk, "{written} of {of} written.")?;
    let Some(path) = journal else { return Ok(()) };
    writeln!(talk, "The run and every former text are kept in {}", Escaped(&path.display().to_string()))
}

/// Those who are not known to be able to launch.
pub(super) fn doubtful(assessments: &[Assessment]) -> Vec<Assessment> {
    assessments.iter().filter(|assessment| assessment.verdict() != Verdict::Able).cloned().collect()
}

/// Nothing was written: who can't launch as it reads back, and what AWS says.
fn untouched(console: &mut Console, ended: &Ended) -> io::Result<()> {
    let Carried { proof, trials, unverified, .. } = &ended.carried;
    // What the plan comes to was shown with it; a saved one was made earlier.
    let doubtful = match (&ended.job, ended.decision) {
        (Job::Apply { .. }, Decision::NoChanges) => doubtful(proof),
        _ => Vec::new(),
    };
    if let Some(error) = unverified {
        console.failure(&format!("both sides could not be read again: {error}"))?;
        error.hint().map_or(Ok(()), |hint| console.hint(&hint))?;
    }
    if !(doubtful.is_empty() && trials.is_empty()) {
        writeln!(console.out)?;
    }
    text::proof(
        &mut console.out,
        &console.styles,
        console.width,
        (text::Moment::ReadBack, ended.case.request.purpose),
        &doubtful,
    )?;
    text::trials(&mut console.out, &console.styles, console.width, trials)
}

fn blocked(console: &mut Console, ended: &Ended) -> io::Result<()> {
    writeln!(console.talk()?, "Nothing was written.")?;
    if ended.case.plan.changes.is_empty() {
        return Ok(());
    }
    console.hint(match ended.job {
        Job::Fix | Job::Apply { .. } => {
            "--allow-blocked writes the changes all the same; instances will not launch or start by them alone"
        }
        Job::Rollback { .. } => "--allow-blocked writes the changes all the same",
    })
}

fn no_terminal(console: &mut Console) -> io::Result<()> {
    console.failure("there is no terminal to ask on; nothing was written")?;
    console.hint("--yes applies without asking, --dry-run only shows the plan")
}

/// What went wrong, how far it came, and how to go on.
fn stopped(console: &mut Console, ended: &Ended) -> io::Result<()> {
    writeln!(console.talk()?)?;
    if ended.carried.outcome.is_interrupted {
        console.failure(interrupted(&ended.carried.outcome))?;
    }
    if let Some(error) = &ended.carried.outcome.journal_error {
        console.failure(error)?;
        console.hint("the journal is behind; what was written stands here")?;
    }
    for (change, step) in ended.steps() {
        failure(console, change, step)?;
    }
    account_of_changes(console, ended)?;
    console.hint(match (ended.job.name(), ended.is_stale(), may_pass(ended)) {
        ("apply", true, _) => "plan anew: `keymend fix` with --dry-run --out PLAN",
        ("apply", false, true) => "run the same command again: it goes on where this run ended",
        ("apply", false, false) => {
            "mend what the error says, then run the same command again: it goes on where this run ended"
        }
        (_, _, true) => "run the same command again: it plans what is still missing",
        _ => "mend what the error says, then run the same command again: it plans what is still missing",
    })?;
    if !matches!(ended.job, Job::Rollback { .. })
        && ended.carried.outcome.applied() > 0
        && ended.carried.journal.is_some()
    {
        console.hint("`keymend rollback` undoes what was applied")?;
    }
    where_journal_is(console, ended)
}

/// Whether the same command may do better without anything being mended first.
fn may_pass(ended: &Ended) -> bool {
    ended.carried.outcome.journal_error.is_none()
        && ended.carried.outcome.steps.iter().all(|step| match step {
            StepResult::Failed(error) => {
                matches!(error.kind, CloudErrorKind::Throttled | CloudErrorKind::Transient)
            }
            _ => true,
        })
}

/// The change that did not end well.
fn failure(console: &mut Console, change: &Change, step: &StepResult) -> io::Result<()> {
    match step {
        StepResult::Failed(error) => failed_call(console, error),
        StepResult::Stale(now) => changed(console, change, &somebody_changed(change), now),
        StepResult::Overwritten(now) => changed(console, change, &overwritten(change), now),
        StepResult::Unsettled { reason, .. } => {
            console.failure(&unsettled(change))?;
            reason.as_ref().map_or(Ok(()), |error| failed_call(console, error))
        }
        _ => Ok(()),
    }
}

fn failed_call(console: &mut Console, error: &CloudError) -> io::Result<()> {
    console.failure(&error.to_string())?;
    cloud_hint(error).map_or(Ok(()), |hint| console.hint(&hint))
}

fn changed(console: &mut Console, change: &Change, message: &str, now: &Now) -> io::Result<()> {
    console.failure(message)?;
    match now {
        Now::Text(text) => {
            let planned_on = change.operation.before().unwrap_or_default();
            let difference = diff::difference(planned_on, text);
            text::difference(&mut console.talk, &console.talk_styles, &difference, planned_on.is_empty())
        }
        Now::Words(words) => writeln!(console.talk, "     {}", Escaped(words)),
    }
}

/// What was applied, what failed, what was not started.
fn account_of_changes(console: &mut Console, ended: &Ended) -> io::Result<()> {
    writeln!(console.out)?;
    for (index, (change, step)) in ended.steps().enumerate() {
        let word = match step {
            StepResult::Applied { .. } => "applied",
            StepResult::AlreadyDone => "already so",
            StepResult::Unsettled { .. } => "unsettled",
            StepResult::Stale(_) => "stale",
            StepResult::Overwritten(_) => "overwritten",
            StepResult::Failed(_) => "failed",
            StepResult::NotStarted => "not started",
            StepResult::Deselected => "deselected",
        };
        let what = change.operation.to_string();
        writeln!(console.out, "  {word:<12} {}. {}", index + 1, Escaped(&what))?;
    }
    Ok(())
}

/// Everything was written, and some of it is planned again.
fn did_not_last(console: &mut Console, ended: &Ended) -> io::Result<()> {
    writeln!(console.talk()?)?;
    for change in ended.came_back() {
        console.failure(&planned_again(change))?;
    }
    account_of_changes(console, ended)?;
    console.hint("somebody else may be changing it too; if not, this is a bug: please report it")?;
    where_journal_is(console, ended)
}

fn success(console: &mut Console, ended: &Ended) -> io::Result<()> {
    let written = match ended.carried.outcome.applied() {
        0 => "Everything was so already.".to_owned(),
        1 => "Applied 1 change.".to_owned(),
        several => format!("Applied {several} changes."),
    };
    if let Some(error) = &ended.carried.unverified {
        writeln!(console.out, "\n{written}")?;
        console.failure(&format!("both sides could not be read again: {error}"))?;
        error.hint().map_or(Ok(()), |hint| console.hint(&hint))?;
        return where_journal_is(console, ended);
    }
    if ended.carried.is_unwatched {
        writeln!(console.out, "\n{written}")?;
        console.failure(UNWATCHED)?;
        console.hint("the same command again looks at what is there, and writes nothing twice")?;
        return where_journal_is(console, ended);
    }
    let left = left_to_do(ended);
    let holds = match &ended.job {
        _ if !left.is_empty() => "What was written holds.",
        Job::Fix | Job::Apply { .. } => "Both sides were read again and hold.",
        Job::Rollback { extent: Extent::Everything, .. } => {
            "Everything was read again, and is as it was before the run."
        }
        Job::Rollback { extent: Extent::OnlyOurs, .. } => {
            "Everything was read again: what the run added is gone, what somebody else changed stays."
        }
    };
    writeln!(console.out, "\n{written} {holds}")?;
    for what in &left {
        writeln!(console.out, "  left to do: {}", Escaped(what))?;
    }
    let about = (text::Moment::ReadBack, ended.case.request.purpose);
    text::proof(&mut console.out, &console.styles, console.width, about, &ended.carried.proof)?;
    text::trials(&mut console.out, &console.styles, console.width, &ended.carried.trials)?;
    where_journal_is(console, ended)?;
    match ended.job {
        Job::Fix | Job::Apply { .. } => {
            what_now(console, ended, left.is_empty() && !ended.carried.is_doubtful())
        }
        Job::Rollback { .. } => Ok(()),
    }
}

/// What planning again found, in words.
fn left_to_do(ended: &Ended) -> Vec<String> {
    let Some(again) = &ended.carried.remaining else { return Vec::new() };
    let changes = again.changes.iter().map(|change| change.operation.to_string());
    let handovers = again.handovers.iter().map(|handover| match ended.job.part() {
        None => format!("what account {} has to do, as shown above", handover.account()),
        Some(_) => {
            format!("the part of account {}, which can't be read from here", handover.account())
        }
    });
    // What could not be read is what the hand-overs are about.
    let findings = again
        .findings
        .iter()
        .filter(|finding| finding.severity() <= Severity::LeftOver && finding.code != FindingCode::Unread);
    let findings = findings.map(|finding| format!("`{}`: {}", finding.subject, finding.message));
    changes.chain(handovers).chain(findings).collect()
}

fn where_journal_is(console: &mut Console, ended: &Ended) -> io::Result<()> {
    let Some(path) = &ended.carried.journal else { return Ok(()) };
    let path = path.display().to_string();
    writeln!(console.talk()?, "The run and every former text are kept in {}", Escaped(&path))
}

/// The last line of a success.
fn what_now(console: &mut Console, ended: &Ended, is_complete: bool) -> io::Result<()> {
    let mut regions = ended.case.request.keys.iter().map(|key| key.region.as_str());
    let region = regions.next().filter(|first| regions.all(|region| region == *first)).unwrap_or("REGION");
    let purpose = ended.case.request.purpose;
    let launch = match (is_complete, purpose) {
        (true, Purpose::Launch) => "Launch",
        (true, Purpose::Start) => "Start",
        (false, Purpose::Launch) => "When that is done, launch",
        (false, Purpose::Start) => "When that is done, start",
    };
    let end = match purpose {
        Purpose::Launch => "terminated",
        Purpose::Start => "stopped",
    };
    writeln!(
        console.out,
        "{launch} the instance again. If it still goes `pending` -> `{end}`, see why: \
         aws ec2 describe-instances --region {} --instance-ids ID \
         --query 'Reservations[].Instances[].StateReason'",
        Escaped(region)
    )
}
