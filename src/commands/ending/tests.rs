use super::*;
use crate::access::Purpose;
use crate::access::Request;
use crate::access::assessment::{ActionAssessment, Assessment, InstanceAssessment, Verdict, needed_actions};
use crate::apply::Now;
use crate::apply::StepResult;
use crate::authz::Outcome;
use crate::cloud::{CloudError, CloudErrorKind, Receipt};
use crate::plan::rollback::Extent;
use crate::plan::{self, FindingCode, Handover};
use crate::render::testing;

/// Every fact, each with the exit status it stands for; of two, that of the first.
const FACTS: [(Fact, ExitStatus); 9] = [
    (Fact::Interrupted, ExitStatus::Interrupted),
    (Fact::Failed, ExitStatus::Error),
    (Fact::Stale, ExitStatus::Stale),
    (Fact::Blocked, ExitStatus::Blocked),
    (Fact::Declined, ExitStatus::Declined),
    (Fact::Incomplete, ExitStatus::Incomplete),
    (Fact::Left, ExitStatus::Pending),
    (Fact::Unsettled, ExitStatus::Pending),
    (Fact::Pending, ExitStatus::Pending),
];

#[test]
fn of_several_facts_the_worst_counts() {
    assert_eq!(status([]), ExitStatus::Done);
    for (index, (first, wanted)) in FACTS.iter().enumerate() {
        for (second, _) in FACTS.iter().skip(index) {
            assert_eq!(status([*second, *first]), *wanted, "{second:?} {first:?}");
            assert_eq!(status([*first, *second]), *wanted, "{first:?} {second:?}");
        }
    }
}

fn error() -> CloudError {
    CloudError {
        kind: CloudErrorKind::Other,
        operation: "kms:PutKeyPolicy",
        resource: String::new(),
        account: None,
        region: None,
        profile: None,
        code: None,
        message: String::new(),
        request_id: None,
    }
}

fn judged(verdict: Verdict) -> Assessment {
    let action = |action: &crate::policy::KmsAction| ActionAssessment {
        action: *action,
        outcome: Outcome::Allowed,
        verdict,
        statements: [].into(),
        obstacles: Vec::new(),
        near_misses: Vec::new(),
        unknown_keys: std::collections::BTreeSet::new(),
    };
    Assessment {
        key: testing::key(),
        grantee: testing::grantee(testing::ROLE),
        actions: needed_actions(Purpose::Launch).iter().map(action).collect(),
        instance: InstanceAssessment {
            role: "arn:aws:iam::444455556666:role/aws:ec2-infrastructure".to_owned(),
            action: ActionAssessment {
                verdict: Verdict::Able,
                ..action(&crate::policy::KmsAction::all().next().unwrap())
            },
            exceptions: Vec::new(),
        }
        .into(),
        considered: Vec::new(),
        not_considered: vec!["service control policies".to_owned()],
        is_identity_read: true,
    }
}

/// How a run of one change ends.
struct Case {
    name: &'static str,
    decision: Decision,
    /// What became of the change; nothing where there is none.
    step: Option<StepResult>,
    verdict: Option<Verdict>,
    finding: Option<FindingCode>,
    /// What is found when it is read again.
    again: Option<Plan>,
    with: fn(&mut Carried),
    wanted: ExitStatus,
    /// What it is where pending changes count.
    detailed: ExitStatus,
}

/// Everything is as it should be, and somebody can launch.
fn case(name: &'static str, decision: Decision, step: StepResult, wanted: ExitStatus) -> Case {
    Case {
        name,
        decision,
        step: Some(step),
        verdict: Some(Verdict::Able),
        finding: None,
        again: None,
        with: |_| {},
        wanted,
        detailed: wanted,
    }
}

fn applied() -> StepResult {
    StepResult::Applied { receipt: Receipt::default() }
}

fn finding(code: FindingCode) -> Plan {
    let finding = testing::finding(code, "subject", "message", None);
    Plan { findings: vec![finding], ..testing::empty_plan() }
}

fn handed_over() -> Plan {
    let handover: Handover = testing::identity_handover();
    Plan { handovers: vec![handover], ..testing::empty_plan() }
}

fn planned_again() -> Plan {
    Plan { changes: vec![testing::every_operation().remove(0)], ..testing::empty_plan() }
}

fn none(name: &'static str, verdict: Verdict, wanted: ExitStatus) -> Case {
    let case = case(name, Decision::NoChanges, StepResult::NotStarted, wanted);
    Case { step: None, verdict: Some(verdict), ..case }
}

/// Endings of `fix` and `apply`.
fn cases() -> Vec<Case> {
    use Decision::{
        Approved, Blocked, Conflicting, Declined, Interrupted, NoTerminal, OnlyPlanned, Overtaken,
    };
    use ExitStatus as Status;
    let open = || StepResult::NotStarted;
    let ended =
        |name, verdict, wanted| Case { verdict: Some(verdict), ..case(name, Approved, applied(), wanted) };
    let dry = |name, verdict, wanted| Case {
        verdict: Some(verdict),
        detailed: Status::Pending,
        ..case(name, OnlyPlanned, open(), wanted)
    };
    let found = |name, decision, code, wanted| Case {
        finding: Some(code),
        detailed: wanted,
        ..case(name, decision, StepResult::NotStarted, wanted)
    };
    vec![
        none("nothing to do", Verdict::Able, Status::Done),
        none("nothing to do, and nobody can tell", Verdict::Unknown, Status::Pending),
        none("nothing to do, and no access", Verdict::Missing, Status::Pending),
        none("nothing to do, and denied", Verdict::Blocked, Status::Pending),
        Case {
            finding: Some(FindingCode::IdentityCenterRole),
            ..none("by hand", Verdict::Able, Status::Pending)
        },
        Case { finding: Some(FindingCode::KeyState), ..none("disabled", Verdict::Able, Status::Blocked) },
        Case {
            with: |carried| carried.is_unwatched = true,
            ..none("interrupted while AWS was asked", Verdict::Able, Status::Interrupted)
        },
        dry("a dry run", Verdict::Able, Status::Done),
        dry("a dry run that leaves it open", Verdict::Unknown, Status::Pending),
        dry("a dry run that is not enough", Verdict::Missing, Status::Pending),
        Case {
            detailed: Status::Pending,
            ..found("a dry run that leaves work", OnlyPlanned, FindingCode::Unread, Status::Pending)
        },
        found("blocked", Blocked, FindingCode::ExplicitDeny, Status::Blocked),
        found("a dry run of what is blocked", OnlyPlanned, FindingCode::Lockout, Status::Blocked),
        case("declined", Declined, open(), Status::Declined),
        case("no terminal", NoTerminal, open(), Status::Declined),
        found("declined, and work is left", Declined, FindingCode::Unread, Status::Declined),
        case("Ctrl-C at the question", Interrupted, open(), Status::Interrupted),
        case("the way is barred", Conflicting, open(), Status::Stale),
        case("overtaken", Overtaken, StepResult::AlreadyDone, Status::Done),
        case("stale", Overtaken, StepResult::Stale(Now::Words(String::new())), Status::Stale),
        ended("applied", Verdict::Able, Status::Done),
        ended("applied, and nobody can tell", Verdict::Unknown, Status::Pending),
        ended("applied, and the other side lacks", Verdict::Missing, Status::Pending),
        ended("applied, and denied", Verdict::Blocked, Status::Pending),
        Case {
            again: Some(handed_over()),
            ..case("the other account's part is left", Approved, applied(), Status::Pending)
        },
        Case {
            again: Some(finding(FindingCode::ExplicitDeny)),
            ..case("applied all the same", Approved, applied(), Status::Blocked)
        },
        Case {
            finding: Some(FindingCode::Unread),
            again: Some(testing::empty_plan()),
            ..case("what could not be read then can be by now", Approved, applied(), Status::Done)
        },
        Case {
            verdict: Some(Verdict::Missing),
            ..case("deselected, and missing", Approved, StepResult::Deselected, Status::Pending)
        },
        Case {
            again: Some(planned_again()),
            ..case("deselected, and planned again", Approved, StepResult::Deselected, Status::Pending)
        },
        Case {
            detailed: Status::Pending,
            ..case("deselected, and not needed", Approved, StepResult::Deselected, Status::Done)
        },
    ]
}

/// Endings of runs in which something went wrong.
fn failures() -> Vec<Case> {
    use Decision::Approved;
    use ExitStatus as Status;
    vec![
        case("failed", Approved, StepResult::Failed(error()), Status::Error),
        case(
            "unsettled",
            Approved,
            StepResult::Unsettled { receipt: Receipt::default(), reason: None },
            Status::Error,
        ),
        case(
            "changed meanwhile",
            Approved,
            StepResult::Overwritten(Now::Words(String::new())),
            Status::Stale,
        ),
        Case {
            with: |carried| carried.outcome.journal_error = Some(String::new()),
            ..case("no record", Approved, applied(), Status::Error)
        },
        Case {
            with: |carried| carried.unverified = Some(error().into()),
            ..case("not read again", Approved, applied(), Status::Error)
        },
        Case {
            with: |carried| carried.outcome.is_interrupted = true,
            ..case("Ctrl-C between writes", Approved, StepResult::NotStarted, Status::Interrupted)
        },
        Case {
            with: |carried| carried.is_unwatched = true,
            ..case("Ctrl-C after the last write", Approved, applied(), Status::Interrupted)
        },
    ]
}

fn ends(case: &Case, job: fn() -> Job, grantees: &[&str], is_detailed: bool) -> ExitStatus {
    let changes = case.step.iter().map(|_| testing::every_operation().remove(0)).collect();
    let findings = case.finding.map_or_else(Vec::new, |code| finding(code).findings);
    let plan = Plan { findings, changes, ..testing::empty_plan() };
    let mut carried = Carried::nothing(&plan);
    carried.outcome.steps = case.step.iter().cloned().collect();
    carried.proof = case.verdict.map(judged).into_iter().collect();
    carried.remaining.clone_from(&case.again);
    (case.with)(&mut carried);
    let case_of_run = plan::Case { request: testing::request(grantees), ..testing::case(plan) };
    status(of_run(&Ended::of(job(), case_of_run, case.decision, carried), is_detailed))
}

#[test]
fn every_ending_of_fix_and_apply() {
    let part = || Job::Apply { part: testing::grantee(testing::ROLE).account() };
    for job in [|| Job::Fix, || Job::Apply { part: None }, part] {
        for case in cases().into_iter().chain(failures()) {
            let status = |is_detailed| ends(&case, job, &[testing::ROLE], is_detailed);
            assert_eq!(status(false), case.wanted, "{}: {}", job().name(), case.name);
            assert_eq!(status(true), case.detailed, "{}: {}, detailed", job().name(), case.name);
        }
    }
}

/// A way back gives nobody access, so nobody's is asked about.
#[test]
fn every_ending_of_rollback() {
    let job = || Job::Rollback { conflicts: Vec::new(), extent: Extent::Everything };
    for case in cases().into_iter().chain(failures()) {
        let is_about_access = case.verdict != Some(Verdict::Able);
        let wanted = if is_about_access { ExitStatus::Done } else { case.wanted };
        let wanted =
            if case.again.is_some() && case.finding.is_some() { ExitStatus::Pending } else { wanted };
        assert_eq!(ends(&case, job, &[], false), wanted, "{}", case.name);
    }
}

#[test]
fn where_nobody_was_named_nothing_is_settled() {
    for job in [|| Job::Fix, || Job::Apply { part: None }] {
        let nothing = Case { verdict: None, ..none("nobody", Verdict::Able, ExitStatus::Pending) };
        assert_eq!(ends(&nothing, job, &[], false), ExitStatus::Pending);
        assert_eq!(ends(&nothing, job, &[testing::ROLE], false), ExitStatus::Done);
    }
}

/// An image of which nothing is encrypted needs no key, unless the account encrypts by itself.
#[test]
fn without_a_key_it_has_to_be_known_that_none_is_needed() {
    let request = Request { keys: Vec::new(), ..testing::request(&[testing::ROLE]) };
    for (code, wanted) in [
        (FindingCode::NotEncrypted, ExitStatus::Done),
        (FindingCode::KeyUnseen, ExitStatus::Pending),
        (FindingCode::ImageUntold, ExitStatus::Pending),
        (FindingCode::SnapshotUnseen, ExitStatus::Pending),
    ] {
        let case = plan::Case { request: request.clone(), ..testing::case(finding(code)) };
        let carried = Carried::nothing(&case.plan);
        let ended = Ended::of(Job::Fix, case, Decision::NoChanges, carried);
        assert_eq!(status(of_run(&ended, false)), wanted, "{code:?}");
    }
}

/// A run that wrote one change.
fn written() -> Ended {
    let changes = vec![testing::every_operation().remove(0)];
    let case = testing::case(Plan { changes, ..testing::empty_plan() });
    let mut carried = Carried::nothing(&case.plan);
    carried.outcome.steps = vec![applied()];
    let request = testing::request(&[testing::ROLE]);
    Ended::of(Job::Fix, plan::Case { request, ..case }, Decision::Approved, carried)
}

#[test]
fn what_comes_back_and_a_missing_report_are_errors() {
    assert_eq!(status(of_run(&written(), false)), ExitStatus::Done);
    let mut back = written();
    back.carried.remaining = Some(back.case.plan.clone());
    let mut unreported = written();
    unreported.unreported = Some(error().into());
    for ended in [back, unreported] {
        assert_eq!(status(of_run(&ended, false)), ExitStatus::Error);
    }
}

#[test]
fn every_ending_of_check_and_patch() {
    for (worst, wanted) in [
        (None, ExitStatus::Done),
        (Some(Conclusion::CanLaunch), ExitStatus::Done),
        (Some(Conclusion::Unknown), ExitStatus::Pending),
        (Some(Conclusion::Missing), ExitStatus::Pending),
        (Some(Conclusion::Blocked), ExitStatus::Blocked),
    ] {
        assert_eq!(status(of_check(worst)), wanted, "{worst:?}");
    }
    for (bad, wanted) in [(0, ExitStatus::Done), (1, ExitStatus::Error), (7, ExitStatus::Error)] {
        assert_eq!(status(of_answers(bad)), wanted, "{bad}");
    }
    for (is_blocked, would_change, is_only_asked, wanted) in [
        (false, false, false, ExitStatus::Done),
        (false, true, false, ExitStatus::Done),
        (false, false, true, ExitStatus::Done),
        (false, true, true, ExitStatus::Pending),
        (true, false, false, ExitStatus::Blocked),
        (true, true, true, ExitStatus::Blocked),
    ] {
        assert_eq!(status(of_patch(is_blocked, would_change, is_only_asked)), wanted);
    }
}
