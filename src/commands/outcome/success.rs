//! A run that wrote all that it was to write: what holds, what is left, and what to do now.

use std::io;

use super::where_journal_is;
use crate::access::Purpose;
use crate::commands::console::Console;
use crate::commands::mishap::UNWATCHED;
use crate::commands::run::{Ended, Job};
use crate::escape::Escaped;
use crate::plan::rollback::Extent;
use crate::plan::{FindingCode, Severity, Told};
use crate::render::findings;
use crate::render::text;

pub(super) fn success(console: &mut Console, ended: &Ended) -> io::Result<()> {
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
    if let Job::Fix | Job::Apply { .. } = ended.job {
        what_now(console, ended, left.is_empty() && !ended.carried.is_doubtful())?;
    }
    undo(console, ended)
}

/// How what was written is taken back.
fn undo(console: &mut Console, ended: &Ended) -> io::Result<()> {
    let Some(way_back) = &ended.way_back else { return Ok(()) };
    writeln!(console.out, "Undo: {way_back}")
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
        .filter(|finding| finding.severity() <= Severity::LeftOver && finding.code() != FindingCode::Unread);
    let findings = findings.map(|finding| {
        let Told { subject, message, .. } = findings::tell(finding);
        format!("`{subject}`: {message}")
    });
    changes.chain(handovers).chain(findings).collect()
}

/// The last line of a success.
fn what_now(console: &mut Console, ended: &Ended, is_complete: bool) -> io::Result<()> {
    let mut regions = ended.case.request.keys.iter().map(|key| key.region.as_str());
    let region = regions.next().filter(|first| regions.all(|region| region == *first)).unwrap_or("REGION");
    let purpose = ended.case.request.purpose;
    let waits_for_grants =
        ended.case.request.grantees.iter().any(|grantee| grantee.as_members_role().is_some());
    let launch = match (is_complete, purpose) {
        (true, Purpose::Launch) if waits_for_grants => "Once its account has made the grant, launch",
        (true, Purpose::Start) if waits_for_grants => "Once its account has made the grant, start",
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
