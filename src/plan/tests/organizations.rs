//! Organizations: nobody outside gains, on generated policies; and what the manual says of AWS's own statements.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::properties::{key_statement, laid_out};
use super::world::{KEY, ShortRequest, World};
use crate::access::assessment::{Verdict, needed_actions};
use crate::access::evidence::{Evidence, Extras};
use crate::access::{Grantee, Purpose};
use crate::arn::KeyArn;
use crate::authz::{Context, Outcome, Policies, Prepared, Principal, Query, evaluate};
use crate::plan::{FindingCode, Operation, plan};
use crate::policy::{ActionSet, KmsAction, PolicyDocument};

const HOME: &str = "111122223333";
const ORGANIZATION: &str = "o-a1b2c3d4e5";
const UNIT: &str = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/";
const BELOW: &str = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/";
const SOMEWHERE: &str = "o-a1b2c3d4e5/*/ou-ab12-22222222/";
const OTHER: &str = "o-z9y8x7w6v5";

/// Whoever asks: their organization, and where in it.
const PATHS: [&str; 10] = [
    "",
    "o-a1b2c3d4e5/r-ab12/",
    UNIT,
    BELOW,
    "o-a1b2c3d4e5/r-ab12/ou-ab12-111111112/",
    "o-a1b2c3d4e5/r-ab12/ou-ab12-99999999/ou-ab12-22222222/",
    "o-a1b2c3d4e55/r-ab12/ou-ab12-11111111/",
    "o-a1b2c3d4e/r-ab12/ou-ab12-11111111/",
    "o-z9y8x7w6v5/r-ab12/ou-ab12-11111111/",
    "o-z9y8x7w6v5/r-zy98/",
];

fn statement() -> impl Strategy<Value = Value> {
    let ids = prop_oneof![Just(json!(ORGANIZATION)), Just(json!([ORGANIZATION, OTHER])), Just(json!("o-*"))];
    let operators = proptest::sample::select(vec!["StringEquals", "StringLike", "StringEqualsIfExists"]);
    let paths =
        proptest::sample::select(vec![None, Some(format!("{UNIT}*")), Some("o-a1b2c3d4e5/*".to_owned())]);
    let actions = prop_oneof![
        Just(json!([
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:GenerateDataKey*",
            "kms:DescribeKey"
        ])),
        Just(json!(["kms:Decrypt", "kms:CreateGrant"])),
        Just(json!("kms:*")),
    ];
    (ids, operators, paths, actions, any::<bool>()).prop_map(|(id, operator, path, actions, keeps_own_out)| {
        let mut condition = json!({});
        condition[operator]["aws:PrincipalOrgID"] = id;
        if let Some(path) = path {
            condition["ForAnyValue:StringLike"]["aws:PrincipalOrgPaths"] = json!(path);
        }
        if keeps_own_out {
            condition["StringNotEquals"]["aws:PrincipalAccount"] = json!(HOME);
        }
        json!({"Effect": "Allow", "Principal": "*", "Action": actions, "Resource": "*", "Condition": condition})
    })
}

fn world() -> impl Strategy<Value = World> {
    let statements = prop_oneof![2 => statement().boxed(), 1 => key_statement().boxed()];
    laid_out(proptest::collection::vec(statements, 0..5))
        .prop_map(|policy| serde_json::from_value(json!({"keys": [{"policy": policy}]})).unwrap())
}

fn request() -> impl Strategy<Value = ShortRequest> {
    let grantees = [ORGANIZATION, UNIT, SOMEWHERE, OTHER, "444455556666"];
    let grantees = proptest::sample::subsequence(grantees.to_vec(), 1..=4).prop_shuffle();
    let profile = proptest::sample::select(vec!["documented", "least_privilege"]);
    let coverage = proptest::sample::select(vec!["named", "effective"]);
    let purpose = proptest::sample::select(vec!["launch", "launch", "start"]);
    (grantees, profile, coverage, purpose).prop_map(|(grantees, profile, coverage, purpose)| {
        let request =
            json!({"grantees": grantees, "profile": profile, "coverage": coverage, "purpose": purpose});
        serde_json::from_value(request).unwrap()
    })
}

/// Whether a grantee is meant to have access for the sake of whoever stands there, as plainly as can be.
fn is_meant(grantee: &str, account: &str, path: &str) -> bool {
    match grantee {
        ORGANIZATION | OTHER => account != HOME && path.split('/').next() == Some(grantee),
        UNIT => account != HOME && path.starts_with(UNIT),
        SOMEWHERE => {
            account != HOME && path.starts_with("o-a1b2c3d4e5/") && path.contains("/ou-ab12-22222222/")
        }
        _ => account == grantee,
    }
}

fn allowed(document: &PolicyDocument, account: &str, path: &str, is_through_ec2: bool) -> Vec<KmsAction> {
    let key: KeyArn = KEY.parse().unwrap();
    let prepared = Prepared::new(document);
    let everything =
        PolicyDocument::parse(r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#)
            .unwrap();
    let everything = Prepared::new(&everything);
    // In the key's own account nothing is to be had without IAM; in the others IAM is not what is looked at.
    let own: &[&Prepared] = if account == HOME { &[] } else { &[&everything] };
    let who: Principal = format!("arn:aws:iam::{account}:role/nobody-names-it").parse().unwrap();
    let mut context = Context::complete();
    if is_through_ec2 {
        context.set("kms:ViaService", ["ec2.eu-west-1.amazonaws.com"]);
        context.set("kms:GrantIsForAWSResource", ["true"]);
    }
    if let Some((id, _)) = path.split_once('/') {
        context.set("aws:PrincipalOrgID", [id]);
        context.set("aws:PrincipalOrgPaths", [path]);
    }
    let policies = Policies { key_policy: Some(&prepared), identity: Some(own), ..Policies::default() };
    let is_allowed = |action: &KmsAction| {
        evaluate(&Query::new(&who, *action, &key, &context), &policies).outcome == Outcome::Allowed
    };
    KmsAction::all().filter(is_allowed).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nobody_outside_gains_and_everybody_inside_may(world in world(), request in request()) {
        let request = request.on(&world);
        let observation = world.observe(&request);
        let plan = plan(&request, &observation);
        prop_assert!(plan.findings.iter().all(|finding| finding.code() != FindingCode::FailedCheck), "{:?}", plan.findings);
        let Some(update) = plan.changes.iter().find_map(|change| match &change.operation {
            Operation::UpdateKeyPolicy(update) => Some(update),
            _ => None,
        }) else {
            return Ok(());
        };
        let [before, after] = [&update.before, &update.after].map(|text| PolicyDocument::parse(text.as_str()).unwrap());
        let asked = request.grantees.iter().flat_map(|grantee| request.required(&request.keys[0], grantee));
        let asked = asked.fold(ActionSet::EMPTY, |all, required| all.union(required.action_set));
        for account in [HOME, "444455556666", "777788889999"] {
            for path in PATHS {
                for is_through_ec2 in [false, true] {
                    let had = allowed(&before, account, path, is_through_ec2);
                    let has = allowed(&after, account, path, is_through_ec2);
                    let means = |grantee: &Grantee| {
                        let text = grantee.account().map_or_else(|| grantee.to_string(), |account| account.to_string());
                        is_meant(&text, account, path)
                    };
                    let is_meant = request.grantees.iter().any(means);
                    for new in has.iter().filter(|action| !had.contains(action)) {
                        prop_assert!(
                            is_meant && asked.contains(new.set()),
                            "{account} of `{path}` gains {new}\n{}\n{}", update.before, update.after
                        );
                    }
                    prop_assert!(had.iter().all(|action| has.contains(action)));
                }
            }
        }
        let evidence = Evidence::new(&super::world::carried_out(observation, &plan), &Extras::default());
        let is_told = |code| plan.findings.iter().any(|finding| finding.code() == code);
        for grantee in request.grantees.iter().filter(|grantee| grantee.as_members().is_some()) {
            let verdict = evidence.assess(&request.keys[0], grantee, needed_actions(request.purpose)).grantee_verdict();
            let is_doubted = is_told(FindingCode::DenyStatement) || is_told(FindingCode::ExplicitDeny);
            prop_assert!(verdict == Verdict::Able || is_doubted, "{grantee}: {verdict:?}\n{}", update.after);
        }
    }
}

/// The manual's table says of each of its statements what a plan makes of it.
#[test]
fn the_manual_tells_what_is_made_of_each_statement_of_aws() {
    let manual =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/organizations.md")).unwrap();
    let rows: Vec<Vec<&str>> = manual
        .lines()
        .filter(|line| line.starts_with("| ["))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let [version, launches, added] = row.try_into().unwrap();
        let name = version.trim_start_matches('[').split(']').next().unwrap();
        let (_, section) = manual.split_once(&format!("### {name}\n")).unwrap();
        let statement = section.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
        let statement: Value = serde_json::from_str(statement).unwrap();
        let root = json!({
            "Sid": "Enable IAM User Permissions", "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*",
        });
        let policy = json!({"Version": "2012-10-17", "Statement": [root, statement]});
        let made_of_it = |coverage: &str| {
            let world: World = serde_json::from_value(json!({"keys": [{"policy": policy}]})).unwrap();
            let request: ShortRequest =
                serde_json::from_value(json!({"grantees": ["o-123example"], "coverage": coverage})).unwrap();
            let request = request.on(&world);
            let observation = world.observe(&request);
            let plan = plan(&request, &observation);
            let after = plan.changes.iter().find_map(|change| match &change.operation {
                Operation::UpdateKeyPolicy(update) => {
                    Some(PolicyDocument::parse(update.after.as_str()).unwrap())
                }
                _ => None,
            });
            let sids = after.iter().flat_map(|after| after.statements.iter().skip(2));
            let sids: Vec<String> =
                sids.map(|added| format!("`{}`", added.sid.as_deref().unwrap())).collect();
            let evidence = Evidence::new(&observation, &Extras::default());
            let (key, grantee) = (&request.keys[0], &request.grantees[0]);
            let verdict = evidence.assess(key, grantee, needed_actions(Purpose::Launch)).grantee_verdict();
            let lacks = plan.findings.iter().any(|finding| finding.code() == FindingCode::LacksGrants);
            (sids, verdict == Verdict::Able, lacks)
        };
        let (sids, is_able, lacks_grants) = made_of_it("named");
        assert_eq!(sids.join(", "), added, "{name}");
        let told = if is_able { "yes" } else { "no: it lacks kms:CreateGrant" };
        assert_eq!((told, lacks_grants), (launches, !is_able), "{name}");
        assert_eq!(made_of_it("effective").0.is_empty(), is_able, "{name}");
    }
}
