//! Organizations: nobody outside gains, on generated policies; and what the manual says of AWS's own statements.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::properties::{key_statement, laid_out};
use super::world::{KEY, ShortRequest, World};
use crate::access::assessment::{Verdict, needed_actions};
use crate::access::evidence::{Evidence, Extras};
use crate::access::grant::OPERATIONS;
use crate::access::{Grantee, Purpose};
use crate::arn::KeyArn;
use crate::authz::{Context, Outcome, Policies, Prepared, Principal, Query, evaluate};
use crate::plan::{FindingCode, Operation, Plan, plan};
use crate::policy::{ActionSet, Effect, KmsAction, PolicyDocument};

const HOME: &str = "111122223333";
const ORGANIZATION: &str = "o-a1b2c3d4e5";
const UNIT: &str = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/";
const BELOW: &str = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/";
const SOMEWHERE: &str = "o-a1b2c3d4e5/*/ou-ab12-22222222/";
const OTHER: &str = "o-z9y8x7w6v5";

/// The roles of Auto Scaling of each account of some of them.
const OWN_ROLES: [&str; 4] = [
    "autoscaling:o-a1b2c3d4e5",
    "autoscaling:o-a1b2c3d4e5:blue",
    "autoscaling:o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/",
    "autoscaling:o-z9y8x7w6v5",
];

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

fn auto_scaling_role(account: &str, suffix: &str) -> String {
    format!(
        "arn:aws:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling{suffix}"
    )
}

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
    let roles = ["${aws:PrincipalAccount}", "*", "444455556666", "${kms:CallerAccount}"].map(Some);
    let roles = proptest::sample::select([&[None; 4][..], &roles].concat());
    let rest = (roles, any::<bool>());
    (ids, operators, paths, actions, rest).prop_map(|(id, operator, path, actions, (role, keeps_own_out))| {
        let mut condition = json!({});
        if let Some(account) = role {
            condition["StringLike"]["kms:GranteePrincipal"] = json!(auto_scaling_role(account, ""));
        }
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
    let versions = proptest::sample::select(vec!["2012-10-17", "2012-10-17", "2008-10-17"]);
    (laid_out(proptest::collection::vec(statements, 0..5)), versions).prop_map(|(policy, version)| {
        let policy = policy.replace("2012-10-17", version);
        serde_json::from_value(json!({"keys": [{"policy": policy}]})).unwrap()
    })
}

fn request() -> impl Strategy<Value = ShortRequest> {
    let grantees = [ORGANIZATION, UNIT, SOMEWHERE, OTHER, "444455556666"];
    let grantees = grantees.iter().chain(&OWN_ROLES).copied().collect::<Vec<_>>();
    let grantees = proptest::sample::subsequence(grantees, 1..=5).prop_shuffle();
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

/// Whether an account is allowed, with whatever IAM, to make a grant by itself.
fn may_grant(policy: &Prepared, (account, path): (&str, &str), to: &str, operations: &[&str]) -> bool {
    let mut context = Context::complete();
    context.set("kms:GranteePrincipal", [to]);
    context.set("kms:GrantOperations", operations.iter().copied());
    context.set("kms:GrantIsForAWSResource", ["false"]);
    if let Some((id, _)) = path.split_once('/') {
        context.set("aws:PrincipalOrgID", [id]);
        context.set("aws:PrincipalOrgPaths", [path]);
    }
    let who: Principal = format!("arn:aws:iam::{account}:role/nobody-names-it").parse().unwrap();
    let everything = everything();
    // In the key's own account IAM is not asked.
    let own: &[&Prepared] = if account == HOME { &[] } else { &[&everything] };
    let policies = Policies { key_policy: Some(policy), identity: Some(own), ..Policies::default() };
    let query = Query::new(&who, KmsAction::CREATE_GRANT, &KEY.parse().unwrap(), &context);
    evaluate(&query, &policies).outcome == Outcome::Allowed
}

fn everything() -> Prepared {
    let all = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    Prepared::new(&PolicyDocument::parse(all).unwrap())
}

fn update(plan: &Plan) -> Option<[PolicyDocument; 2]> {
    let update = plan.changes.iter().find_map(|change| match &change.operation {
        Operation::UpdateKeyPolicy(update) => Some(update),
        _ => None,
    })?;
    Some([&update.before, &update.after].map(|text| PolicyDocument::parse(text.as_str()).unwrap()))
}

fn allowed(document: &PolicyDocument, account: &str, path: &str, is_through_ec2: bool) -> Vec<KmsAction> {
    let key: KeyArn = KEY.parse().unwrap();
    let prepared = Prepared::new(document);
    let everything = everything();
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
        for grantee in request.grantees.iter().filter(|grantee| grantee.members().is_some()) {
            let verdict = evidence.assess(&request.keys[0], grantee, needed_actions(request.purpose)).grantee_verdict();
            let is_doubted = is_told(FindingCode::DenyStatement) || is_told(FindingCode::ExplicitDeny);
            let is_refused = grantee.as_members_role().is_some() && is_told(FindingCode::PolicyVersion);
            prop_assert!(
                verdict == Verdict::Able || is_doubted || is_refused,
                "{grantee}: {verdict:?}\n{}", update.after
            );
        }
    }

    /// Each account for its own role, and for nobody else: no other account's, no other role or user, in no other account
    /// and with no operation besides.
    #[test]
    fn accounts_make_the_grants_of_their_own_roles_alone(world in world(), request in request()) {
        let request = request.on(&world);
        let plan = plan(&request, &world.observe(&request));
        let Some(documents) = update(&plan) else { return Ok(()) };
        let [before, after] = documents.each_ref().map(Prepared::new);
        let [_, documents] = documents;
        let (after_text, statements) = (documents.text(), &documents.statements);
        let is_denied = statements.iter().any(|statement| statement.effect == Effect::Deny);
        let is_refused = plan.findings.iter().any(|finding| finding.code() == FindingCode::PolicyVersion);
        for account in [HOME, "444455556666", "777788889999"] {
            for path in PATHS {
                let own = |suffix: &str| request.grantees.iter().any(|grantee| {
                    let role = grantee.as_members_role();
                    role.is_some_and(|role| {
                        let has_suffix = role.suffix.as_ref().is_some_and(|_| suffix == "_blue");
                        (has_suffix || (suffix.is_empty() && role.suffix.is_none()))
                            && is_meant(&role.members.to_string(), account, path)
                    })
                });
                for of in [HOME, "444455556666", "777788889999", "*", "${aws:PrincipalAccount}", ""] {
                    for suffix in ["", "_blue", "_red"] {
                        let to = auto_scaling_role(of, suffix);
                        let is_right = of == account && own(suffix);
                        let may = |policy| may_grant(policy, (account, path), &to, &OPERATIONS);
                        prop_assert!(
                            is_right || may(&before) || !may(&after),
                            "{account} of `{path}` grants to {to}\n{}", after_text
                        );
                        prop_assert!(!is_right || may(&after) || is_denied || is_refused, "{to}\n{}", after_text);
                        let more = [&OPERATIONS[..], &["RetireGrant"]].concat();
                        let may = |policy| may_grant(policy, (account, path), &to, &more);
                        prop_assert!(may(&before) || !may(&after), "{account} of `{path}`\n{}", after_text);
                    }
                }
                for to in ["role/app", "user/app", "root", "role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"] {
                    let to = format!("arn:aws:iam::{account}:{to}");
                    let may = |policy| may_grant(policy, (account, path), &to, &["Decrypt"]);
                    prop_assert!(may(&before) || !may(&after), "{account} of `{path}` grants to {to}\n{}", after_text);
                }
            }
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
