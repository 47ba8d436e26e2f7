//! What a check finds of what was read: for each grantee and key, of the keys' users, and besides.

use crate::access::Request;
use crate::access::assessment::{documented_actions, needed_actions};
use crate::access::chain::Chain;
use crate::access::evidence::Extras;
use crate::access::users::KeyUsers;
use crate::arn::KeyArn;
use crate::cli::settings::check::CheckRun;
use crate::launch::causes;
use crate::observation::Observation;
use crate::plan::conclusion::{self, Checked, Conclusion};
use crate::plan::users;
use crate::plan::{Finding, FindingCode, Severity};
use crate::render::json::OutcomeOutput;

/// What a check is made on.
pub(in crate::commands) struct Read {
    pub(in crate::commands) chain: Chain,
    pub(in crate::commands) request: Request,
    pub(in crate::commands) observation: Observation,
}

/// What it comes to.
pub(in crate::commands) struct Found {
    pub(in crate::commands) checked: Vec<Checked>,
    /// Who may use each key, where nobody is asked about; the reason where its policy can't be read.
    pub(in crate::commands) users: Vec<(KeyArn, Result<KeyUsers, String>)>,
    /// What is about no one grantee and key.
    pub(in crate::commands) findings: Vec<Finding>,
    /// The worst of all that was concluded; nothing where nobody was asked about.
    pub(in crate::commands) worst: Option<Conclusion>,
}

impl Found {
    pub(in crate::commands) fn of(run: &CheckRun, read: &Read) -> Self {
        let Read { chain, request, observation } = read;
        let extras = Extras { context: run.context.clone(), ..Extras::default() };
        let actions =
            if run.all { documented_actions(request.purpose) } else { needed_actions(request.purpose) };
        let checked = conclusion::check(request, observation, &extras, actions);
        let checked: Vec<Checked> = checked
            .into_iter()
            .map(|checked| causes::besides(checked, chain, request, observation))
            .collect();
        let causes = causes::of(chain, request, observation);
        // What stands in the way of somebody is told there.
        let (hindering, notes): (Vec<Finding>, Vec<Finding>) =
            causes.into_iter().partition(|cause| cause.severity() <= Severity::LeftOver);
        let findings = if checked.is_empty() { [hindering, notes].concat() } else { notes };
        let findings = [findings, causes::of_sharing(chain, request)].concat();
        let worst = worst(run, read, &checked, &findings);
        let users = if request.grantees.is_empty() { users::of_keys(observation) } else { Vec::new() };
        let findings = [users::open_to_anyone(observation), findings].concat();
        Self { checked, users, findings, worst }
    }

    /// The same as one word for programs.
    pub(in crate::commands) fn outcome(&self) -> OutcomeOutput {
        match self.worst {
            None => OutcomeOutput::Listed,
            Some(Conclusion::CanLaunch) => OutcomeOutput::CanLaunch,
            Some(Conclusion::Unknown) => OutcomeOutput::Unknown,
            Some(Conclusion::Missing) => OutcomeOutput::AccessMissing,
            Some(Conclusion::Blocked) => OutcomeOutput::Blocked,
        }
    }
}

/// The worst of all conclusions; where there is no key to conclude about, what was found.
fn worst(run: &CheckRun, read: &Read, checked: &[Checked], findings: &[Finding]) -> Option<Conclusion> {
    let is_for_nobody = read.request.grantees.is_empty();
    let is_listing = is_for_nobody && read.chain.strangers.is_empty();
    let is_settled = |finding: &&Finding| {
        !is_listing || (finding.code() == FindingCode::StarterUnknown && !run.is_about_users)
    };
    let found = findings.iter().filter(is_settled).map(of_finding);
    // Of a launch that somebody tried nothing is known while nobody can be told to have tried it.
    let is_tried = is_for_nobody && !run.is_about_users && run.targets.tell_who_launches();
    let tried = is_tried.then_some(Conclusion::Unknown);
    checked.iter().map(|checked| checked.conclusion).chain(found).chain(tried).max()
}

fn of_finding(finding: &Finding) -> Conclusion {
    match finding.severity() {
        Severity::Blocking => Conclusion::Blocked,
        Severity::LeftOver if finding.code().leaves_open() => Conclusion::Unknown,
        Severity::LeftOver => Conclusion::Missing,
        Severity::Warning | Severity::Note => Conclusion::CanLaunch,
    }
}
