use super::*;
use crate::access::assessment::{ActionAssessment, InstanceAssessment};
use crate::authz::Outcome;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROLE: &str = "arn:aws:iam::444455556666:role/app/web";
const ROLE_AT_HOME: &str = "arn:aws:iam::111122223333:role/web";
const ACCOUNT: &str = "arn:aws:iam::444455556666:root";

fn decrypt() -> KmsAction {
    "kms:Decrypt".parse().unwrap()
}

/// What our evaluation says of kms:Decrypt for somebody.
fn evaluated(grantee: &str, verdict: Verdict) -> Assessment {
    let action = ActionAssessment {
        action: decrypt(),
        outcome: Outcome::Allowed,
        verdict,
        statements: [].into(),
        obstacles: Vec::new(),
        near_misses: Vec::new(),
        unknown_keys: std::collections::BTreeSet::new(),
    };
    Assessment {
        key: KEY.parse().unwrap(),
        grantee: grantee.parse().unwrap(),
        instance: InstanceAssessment {
            role: "arn:aws:iam::444455556666:role/aws:ec2-infrastructure".to_owned(),
            action: action.clone(),
            exceptions: Vec::new(),
        }
        .into(),
        actions: vec![action],
        considered: Vec::new(),
        not_considered: Vec::new(),
        is_identity_read: true,
    }
}

#[test]
fn a_denial_counts_where_a_direct_call_ought_to_be_allowed() {
    for (grantee, verdict, standing) in [
        (ROLE, Verdict::Able, RulingStanding::Refused),
        (ROLE, Verdict::Missing, RulingStanding::Unproven),
        (ROLE, Verdict::Blocked, RulingStanding::Unproven),
        (ROLE, Verdict::Unknown, RulingStanding::Unproven),
        (ACCOUNT, Verdict::Able, RulingStanding::Unproven),
    ] {
        let ruling = denied(decrypt(), &evaluated(grantee, verdict), &"AWS says no");
        assert_eq!(ruling.standing, standing, "{grantee} {verdict:?}");
        assert_eq!(ruling.reason.as_deref() == Some("AWS says no"), standing == RulingStanding::Refused);
    }
}

fn implicitly_denied() -> Simulated {
    Simulated {
        action: decrypt(),
        decision: Simulation::ImplicitDeny,
        allowed_by_organization: None,
        allowed_by_boundary: None,
        missing_keys: Vec::new(),
        decided_by: Vec::new(),
        is_across_accounts: false,
    }
}

#[test]
fn what_a_simulation_means() {
    let denied = implicitly_denied;
    let at_home = evaluated(ROLE_AT_HOME, Verdict::Able);
    let outside = evaluated(ROLE, Verdict::Able);
    let missing_keys = vec!["aws:SourceVpc".to_owned()];
    let decided_by = vec!["deny-kms".to_owned()];
    for (answer, evaluated, told) in [
        (Simulated { decision: Simulation::Allowed, ..denied() }, &outside, "Proven"),
        (
            Simulated { decision: Simulation::ExplicitDeny, decided_by, ..denied() },
            &outside,
            "Refused a statement denies it (deny-kms)",
        ),
        (
            Simulated { decision: Simulation::ExplicitDeny, ..denied() },
            &at_home,
            "Refused a statement denies it",
        ),
        (
            Simulated { allowed_by_organization: Some(false), ..denied() },
            &at_home,
            "Refused the organization's service control policies do not allow it",
        ),
        (
            Simulated { missing_keys, ..denied() },
            &outside,
            "Unproven it depends on aws:SourceVpc, which the simulation was not given",
        ),
        (
            Simulated { is_across_accounts: true, ..denied() },
            &outside,
            "Unproven the simulation counts the key's side in, and can't be given its policy",
        ),
        (
            Simulated { allowed_by_boundary: Some(false), ..denied() },
            &outside,
            "Refused the permissions boundary does not allow it",
        ),
        (
            Simulated { allowed_by_organization: Some(true), allowed_by_boundary: Some(true), ..denied() },
            &outside,
            "Refused its IAM policies do not allow it",
        ),
        (denied(), &at_home, "Unproven its IAM policies do not allow it, but the key policy may by itself"),
    ] {
        let Ruling { standing, reason, .. } = answer.ruling(evaluated);
        let own = format!("{standing:?} {}", reason.unwrap_or_default());
        assert_eq!(own.trim_end(), told, "{answer:?}");
    }
}

#[test]
fn who_stands_for_whom() {
    for (caller, grantee, expected) in [
        ("arn:aws:sts::444455556666:assumed-role/web/session", ROLE, true),
        ("arn:aws:sts::444455556666:assumed-role/web/session", ACCOUNT, true),
        ("arn:aws:sts::444455556666:assumed-role/web/session", ROLE_AT_HOME, false),
        ("arn:aws:sts::444455556666:assumed-role/other/session", ROLE, false),
        ("arn:aws:sts::444455556666:assumed-role/web/session", "arn:aws:iam::444455556666:user/web", false),
        ("arn:aws:iam::444455556666:user/web", "arn:aws:iam::444455556666:user/web", true),
        ("arn:aws:iam::444455556666:user/web", ROLE, false),
        ("arn:aws:iam::444455556666:root", ROLE, false),
        ("arn:aws:iam::444455556666:root", ACCOUNT, true),
        ("arn:aws:iam::111122223333:root", ACCOUNT, false),
    ] {
        let account = caller.split(':').nth(4).unwrap().parse().unwrap();
        let own = stands_for(&Caller { account, arn: caller.to_owned() }, &grantee.parse().unwrap());
        assert_eq!(own, expected, "{caller} for {grantee}");
    }
}
