//! Where a verdict, or what is let in, depends on where somebody stands in AWS Organizations, and that is not known.

use super::Finding;
use super::finding::MembershipFinding;
use crate::access::assessment::{ActionAssessment, Assessment};
use crate::access::{Grantee, Request};
use crate::arn::{Affiliation, MemberOf, Members};
use crate::observation::Observation;
use crate::policy::KmsAction;

/// What would settle what evaluation can't tell of somebody, of these actions and of the instance's own call.
pub(super) fn undecided(
    assessment: &Assessment,
    actions: &[KmsAction],
    observation: &Observation,
) -> Option<Finding> {
    let account = assessment.grantee.account()?;
    let own = assessment.actions.iter().filter(|own| actions.contains(&own.action));
    let asked: Vec<&ActionAssessment> = own.chain([&assessment.instance.action]).collect();
    let depends_on = |key: &str| {
        asked.iter().any(|own| own.unknown_keys.iter().any(|unknown| unknown.eq_ignore_ascii_case(key)))
    };
    let on_path = depends_on("aws:PrincipalOrgPaths");
    if !on_path && !depends_on("aws:PrincipalOrgID") {
        return None;
    }
    let reason = observation.unread_affiliations.get(&account.to_string())?.clone();
    let found = match observation.affiliations.get(&account) {
        None => MembershipFinding::Organization { account, reason },
        Some(Affiliation::Member(MemberOf { organization, path: None })) if on_path => {
            MembershipFinding::Path { account, organization: organization.clone(), reason }
        }
        Some(Affiliation::Member(_) | Affiliation::Independent) => return None,
    };
    Some(Finding::new(&account, found))
}

/// What is not known of members whom keys are opened to: whether the keys' accounts are among them, and where an OU is.
pub(super) fn of_members(request: &Request, observation: &Observation, grantee: &Grantee) -> Vec<Finding> {
    let Some(members) = grantee.members() else { return Vec::new() };
    let unread = |subject: &dyn ToString| observation.unread_affiliations.get(&subject.to_string()).cloned();
    let accounts = request.keys_of(grantee).map(|key| key.account);
    let unknown = accounts.filter(|account| !observation.affiliations.contains_key(account));
    let of_key = unknown.filter_map(|account| {
        let members = members.clone();
        Some(MembershipFinding::OfKey { account, members, reason: unread(&account)? })
    });
    let unit = match members {
        Members::Unit(unit) => {
            unread(unit).map(|reason| MembershipFinding::Unit { unit: unit.clone(), reason })
        }
        Members::Organization(_) => None,
    };
    of_key.chain(unit).map(|found| Finding::new(grantee, found)).collect()
}
