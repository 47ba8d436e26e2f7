//! What holds for any plan, on generated worlds.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{ShortRequest, World, carried_out};
use crate::access::assessment::{Verdict, needed_actions};
use crate::access::evidence::{Evidence, Extras};
use crate::access::{CoverageRule, Grantee, Profile, Request};
use crate::observation::{Observation, Reading};
use crate::plan::{FindingCode, Operation, Plan, Side, plan};
use crate::policy::actions::KMS_ACTIONS;
use crate::policy::{PolicyDocument, pattern};

const PRINCIPALS: [&str; 9] = [
    SLR,
    OWN_SLR,
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::444455556666:root",
    "444455556666",
    "arn:aws:iam::444455556666:role/app",
    "arn:aws:iam::444455556666:role/team/other",
    "arn:aws:iam::777788889999:user/jo",
    "AROAEXAMPLEEXAMPLE123",
];
const SLR: &str =
    "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
const OWN_SLR: &str =
    "arn:aws:iam::111122223333:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot";
const ENTITIES: [&str; 3] = ["role/app", "role/team/other", "group/ops"];
const KEYS: [&str; 3] = [
    super::world::KEY,
    "arn:aws:kms:eu-west-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321",
    "arn:aws:kms:*:*:key/*",
];
const USE: [&str; 5] =
    ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];
const ATTACH: [&str; 3] = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"];

fn some_of(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let list = proptest::sample::subsequence(values, 1..=values.len());
    (list, any::<bool>()).prop_map(|(list, scalar)| match (list.as_slice(), scalar) {
        ([only], true) => json!(only),
        _ => json!(list),
    })
}

fn actions() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(USE)),
        Just(json!(ATTACH)),
        some_of(&USE),
        some_of(&ATTACH),
        Just(json!("kms:*")),
        Just(json!("*")),
        Just(json!(["KMS:decrypt", "kms:NoSuchAction"])),
        Just(json!("s3:*")),
    ]
}

fn conditions() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Some(json!({}))),
        3 => Just(Some(json!({"Bool": {"kms:GrantIsForAWSResource": "true"}}))),
        1 => Just(Some(json!({"Bool": {"kms:grantisforawsresource": [true]}}))),
        1 => Just(Some(json!({"StringEquals": {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"}}))),
        1 => Just(Some(json!({"Bool": {"kms:GrantIsForAWSResource": "false"}}))),
    ]
}

pub(super) fn key_statement() -> impl Strategy<Value = Value> {
    let principal = prop_oneof![
        6 => some_of(&PRINCIPALS).prop_map(|aws| json!({"AWS": aws})),
        1 => Just(json!("*")),
        1 => Just(json!({"AWS": "*"})),
        1 => some_of(&PRINCIPALS).prop_map(|aws| json!({"AWS": aws, "Service": "ec2.amazonaws.com"})),
    ];
    let sid = prop_oneof![Just(None), Just(Some("Allow use of the key")), Just(Some("mine"))];
    let for_the_grant = Just(Some(json!({"StringEquals": {"kms:GranteePrincipal": SLR}})));
    let conditions = prop_oneof![10 => conditions(), 1 => for_the_grant];
    (principal, actions(), conditions, sid, 0..12_u8).prop_map(
        |(principal, actions, condition, sid, form)| {
            let mut statement = json!({});
            if let Some(sid) = sid {
                statement["Sid"] = json!(sid);
            }
            statement["Effect"] = json!(if form == 0 { "Deny" } else { "Allow" });
            statement[if form == 1 { "NotPrincipal" } else { "Principal" }] = principal;
            statement[if form == 2 { "NotAction" } else { "Action" }] = actions;
            if form != 3 {
                statement["Resource"] = if form == 4 { json!(["*"]) } else { json!("*") };
            }
            if let Some(condition) = condition {
                statement["Condition"] = condition;
            }
            if form == 5 {
                statement["Surprise"] = json!({"a": [1, null]});
            }
            statement
        },
    )
}

fn identity_statement() -> impl Strategy<Value = Value> {
    (actions(), some_of(&KEYS), conditions(), 0..8_u8).prop_map(|(actions, resources, condition, form)| {
        let mut statement = json!({"Effect": if form == 0 { "Deny" } else { "Allow" }, "Action": actions});
        statement[if form == 1 { "NotResource" } else { "Resource" }] = resources;
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        statement
    })
}

/// The same document in one of the layouts that people and machines write.
pub(super) fn laid_out(statements: impl Strategy<Value = Vec<Value>>) -> impl Strategy<Value = String> {
    (statements, 0..4_u8, any::<bool>()).prop_map(|(statements, layout, lone)| {
        let document = match statements.as_slice() {
            [only] if lone => json!({"Version": "2012-10-17", "Statement": only}),
            _ => json!({"Version": "2012-10-17", "Id": "é", "Statement": statements}),
        };
        match layout {
            0 => document.to_string(),
            1 => format!("{document:#}").replace('\n', "\r\n"),
            2 => format!(" {}\n", format!("{document:#}").replace("\": ", "\" : ").replace("[\n", "[")),
            _ => format!("{document:#}"),
        }
    })
}

fn world() -> impl Strategy<Value = World> {
    let key_policy = laid_out(proptest::collection::vec(key_statement(), 0..6));
    let policy = (
        laid_out(proptest::collection::vec(identity_statement(), 0..4)),
        1..=5_usize,
        proptest::sample::subsequence(&ENTITIES[..], 0..=3),
        proptest::sample::subsequence(&ENTITIES[..2], 0..=1),
    )
        .prop_map(|(document, versions, attached, boundary)| {
            json!({"document": document, "versions": versions, "attached_to": attached, "boundary_of": boundary})
        });
    let names = ["KmsKeyUsagePolicy", "KmsKeyUsagePolicy-1234abcd", "team/kmsKEYusagepolicy-x"];
    let policies = proptest::collection::vec(policy, 0..=3).prop_map(move |policies| {
        names.into_iter().map(str::to_owned).zip(policies).collect::<serde_json::Map<_, _>>()
    });
    let grants = prop_oneof![
        3 => Just(json!([])),
        1 => Just(json!([{"grantee": SLR}])),
        1 => Just(json!([{"grantee": SLR, "operations": ["Decrypt"]}])),
    ];
    let caller = laid_out(proptest::collection::vec(identity_statement(), 0..4));
    let unread = (proptest::bool::weighted(0.2), proptest::bool::weighted(0.2));
    let draws = (key_policy, policies, grants, caller, unread);
    draws.prop_map(|(key_policy, policies, grants, caller, (grants_unread, caller_unread))| {
        let linked = SLR.split_once("role/").unwrap().1;
        let mut entities = json!({"role/app": 1, "role/team/other": 0, "group/ops": 0});
        entities[format!("role/{linked}")] = json!(1);
        let own = OWN_SLR.split_once(":role").unwrap().1;
        serde_json::from_value(json!({
            "keys": [{"policy": key_policy, "grants": grants, "grants_unread": grants_unread}],
            "iam": {
                "111122223333": {"entities": {format!("role{own}"): 1}},
                "444455556666": {
                    "entities": entities, "policies": policies, "caller": [caller], "caller_unread": caller_unread,
                },
                "777788889999": {"entities": {"user/jo": 0}},
            },
            "callers": {"444455556666": "arn:aws:sts::444455556666:assumed-role/app/session"},
        }))
        .unwrap()
    })
}

fn request() -> impl Strategy<Value = ShortRequest> {
    let grantees = [
        "444455556666",
        "arn:aws:iam::444455556666:role/app",
        "arn:aws:iam::444455556666:role/team/other",
        "arn:aws:iam::444455556666:group/ops",
        "arn:aws:iam::777788889999:user/jo",
        SLR,
        OWN_SLR,
    ];
    let profile = proptest::sample::select(vec!["documented", "documented", "least_privilege"]);
    let coverage = proptest::sample::select(vec!["named", "named", "effective"]);
    let purpose = proptest::sample::select(vec!["launch", "launch", "start"]);
    let grantees = proptest::sample::subsequence(grantees.to_vec(), 1..=7).prop_shuffle();
    (grantees, any::<bool>(), profile, coverage, purpose).prop_map(
        |(grantees, prune, profile, coverage, purpose)| {
            serde_json::from_value(json!({
                "grantees": grantees, "prune_orphans": prune, "profile": profile, "coverage": coverage,
                "purpose": purpose,
            }))
            .unwrap()
        },
    )
}

/// An access that a document's Allow statements give by name: who or what, action, and under which conditions.
pub(super) type Given = (String, String, String);

/// Everything a document gives, by a reading of the JSON that is as naive as can be.
pub(super) fn given(text: &str, subjects: &[&str]) -> BTreeSet<Given> {
    let document: Value = serde_json::from_str(text).unwrap();
    let mut given = BTreeSet::new();
    for statement in list(&document["Statement"]) {
        let is_plain = statement["Effect"] == "Allow" && statement.get("Surprise").is_none();
        if !is_plain || (statement.get("Resource").is_none() && statement.get("NotResource").is_none()) {
            continue;
        }
        let condition = statement.get("Condition").map(canonical_condition).unwrap_or_default();
        for action in KMS_ACTIONS {
            let matches = |element: &Value| {
                list(element)
                    .iter()
                    .any(|p| pattern::matches_ignoring_case(p.as_str().unwrap(), &format!("kms:{action}")))
            };
            let is_named = statement.get("Action").map(matches);
            if !is_named.unwrap_or_else(|| !matches(&statement["NotAction"])) {
                continue;
            }
            for subject in subjects.iter().filter(|subject| is_subject(&statement, subject)) {
                given.insert(((*subject).to_owned(), action.to_owned(), condition.clone()));
            }
        }
    }
    given
}

fn is_subject(statement: &Value, subject: &str) -> bool {
    let principals = |element: &Value| {
        let aws = if element == "*" { vec![element.clone()] } else { list(&element["AWS"]) };
        aws.iter().any(|p| {
            p == "*" || p == subject || subject == format!("arn:aws:iam::{}:root", p.as_str().unwrap())
        })
    };
    let resources =
        |element: &Value| list(element).iter().any(|p| pattern::matches(p.as_str().unwrap(), subject));
    match (statement.get("Principal"), statement.get("NotPrincipal"), statement.get("Resource")) {
        (Some(principal), ..) => principals(principal),
        (_, Some(principal), _) => !principals(principal),
        (.., Some(resource)) => resources(resource),
        _ => !resources(&statement["NotResource"]),
    }
}

fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        scalar => vec![scalar.clone()],
    }
}

fn canonical_condition(condition: &Value) -> String {
    condition.to_string().to_lowercase().replace(['[', ']', '"'], "").replace("{}", "")
}

const GRANT_CONDITION: &str = "{bool:{kms:grantisforawsresource:true}}";

const LAUNCH: [&str; 4] =
    ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"];

/// What lets an account create the grant for its service-linked role.
fn is_permission((subject, action, condition): &Given, request: &Request) -> bool {
    let operations = "encrypt,decrypt,reencryptfrom,reencryptto,generatedatakey,generatedatakeywithoutplaintext,\
                      describekey,creategrant";
    let conditions = format!(
        "{{stringequals:{{kms:granteeprincipal:{}}},forallvalues:stringequals:{{kms:grantoperations:{operations}}}}}",
        SLR.to_lowercase()
    );
    request.grantees.iter().any(|grantee| grantee.to_string() == SLR)
        && subject == "arn:aws:iam::444455556666:root"
        && action == "CreateGrant"
        && *condition == conditions
}

/// The required access, and nothing besides.
pub(super) fn is_asked_for(
    (subject, action, condition): &Given,
    asked: &[String],
    request: &Request,
) -> bool {
    let is_one = |patterns: &[&str]| patterns.iter().any(|p| pattern::matches(p, &format!("kms:{action}")));
    let through_ec2 = |account: &str| {
        format!("stringequals:{{kms:viaservice:ec2.eu-west-1.amazonaws.com,kms:calleraccount:{account}}}}}")
    };
    // A key's ARN tells nothing of who gets it, a principal's ARN does.
    let is_for = |account: &str| subject.contains(":kms:") || subject.contains(account);
    let is_least = |start: &str| {
        ["111122223333", "444455556666", "777788889999"]
            .into_iter()
            .any(|account| is_for(account) && *condition == format!("{{{start}{}", through_ec2(account)))
    };
    asked.contains(subject)
        && match request.profile {
            Profile::Documented => {
                (is_one(&USE) && condition.is_empty()) || (is_one(&ATTACH) && condition == GRANT_CONDITION)
            }
            Profile::LeastPrivilege => {
                (is_one(&LAUNCH) && is_least(""))
                    || (is_one(&["kms:CreateGrant"]) && is_least("bool:{kms:grantisforawsresource:true},"))
            }
        }
}

fn is_subsequence(short: &str, long: &str) -> bool {
    let mut rest = long.bytes();
    short.bytes().all(|byte| rest.any(|other| other == byte))
}

fn asked_principals(request: &Request) -> Vec<String> {
    let text = |grantee: &Grantee| match grantee.to_string() {
        group if group.contains(":group/") => "arn:aws:iam::444455556666:root".to_owned(),
        other => other,
    };
    // Nothing in a key policy serves another account's service-linked role.
    request.grantees.iter().map(text).filter(|principal| principal != SLR).collect()
}

/// Documents before and after each update, with those who may be in them.
fn updates(operations: &[&Operation]) -> Vec<(String, String, bool)> {
    operations
        .iter()
        .filter_map(|operation| match operation {
            Operation::UpdateKeyPolicy(update) => Some((update.before.clone(), update.after.clone(), true)),
            Operation::CreatePolicyVersion { before, after, .. } => {
                Some((before.clone(), after.clone(), false))
            }
            _ => None,
        })
        .collect()
}

fn policy_of(observation: &Observation) -> String {
    match &observation.keys.values().next().unwrap().policy {
        Reading::Read(text) => text.clone(),
        Reading::Unread(_) => unreachable!("the generated worlds are read"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn additive_and_never_wider(world in world(), request in request()) {
        let request = request.on(&world);
        let observation = world.observe(&request);
        let plan = plan(&request, &observation);
        prop_assert!(plan.findings.iter().all(|finding| finding.code() != FindingCode::FailedCheck), "{:?}", plan.findings);
        let operations: Vec<&Operation> = plan.changes.iter().map(|change| &change.operation).collect();
        let subjects: Vec<&str> = PRINCIPALS.iter().filter(|p| p.contains("arn:")).chain(&KEYS[..2]).copied().collect();
        let keys: Vec<String> = request.keys.iter().map(ToString::to_string).collect();
        for (before, after, is_key_policy) in updates(&operations) {
            prop_assert!(is_subsequence(&before, &after), "bytes went missing\n{before}\n{after}");
            let (had, has) = (given(&before, &subjects), given(&after, &subjects));
            prop_assert!(had.is_subset(&has), "access went missing");
            let asked = if is_key_policy { asked_principals(&request) } else { keys.clone() };
            for new in has.difference(&had) {
                let is_permission = is_key_policy && is_permission(new, &request);
                prop_assert!(
                    is_permission || is_asked_for(new, &asked, &request),
                    "nobody asked for {new:?}\n{before}\n{after}"
                );
            }
        }
    }

    #[test]
    fn pruning_takes_orphans_only(world in world(), request in request()) {
        let request = request.on(&world);
        let plan = plan(&request, &world.observe(&request));
        for change in &plan.changes {
            let Operation::PruneOrphans(update) = &change.operation else { continue };
            prop_assert!(request.prune_orphans);
            let subjects: Vec<&str> = PRINCIPALS.iter().filter(|p| p.contains("arn:")).copied().collect();
            prop_assert_eq!(given(&update.before, &subjects), given(&update.after, &subjects));
            // A lone statement that goes leaves an empty list behind.
            let is_emptied = update.after.contains("\"Statement\":[]");
            prop_assert!(is_emptied || is_subsequence(&update.after, &update.before));
        }
    }

    #[test]
    fn strangers_gain_nothing_in_iam(world in world(), request in request()) {
        let request = request.on(&world);
        let observation = world.observe(&request);
        let after = carried_out(observation.clone(), &plan(&request, &observation));
        let keys = &KEYS[..2];
        let granted = |observation: &Observation, name: &str| -> BTreeSet<Given> {
            let account = observation.accounts.values().next().and_then(Reading::read).unwrap();
            let attached = account.policies.values().filter(|p| p.attached_to.iter().any(|entity| entity.name == name));
            attached.flat_map(|policy| given(&policy.document, keys)).collect()
        };
        for name in ["app", "other", "ops"] {
            let is_grantee = request.grantees.iter().any(|grantee| grantee.to_string().ends_with(&format!("/{name}")));
            let asked = if is_grantee { vec![keys[0].to_owned()] } else { Vec::new() };
            for new in granted(&after, name).difference(&granted(&observation, name)) {
                let had_it_already = !is_grantee && is_asked_for(new, &[keys[0].to_owned()], &request);
                prop_assert!(is_asked_for(new, &asked, &request) || had_it_already, "{name} gained {new:?}");
            }
        }
    }

    #[test]
    fn planning_on_the_result_gives_no_change(world in world(), request in request()) {
        let request = request.on(&world);
        let observation = world.observe(&request);
        let first = plan(&request, &observation);
        let second = plan(&request, &carried_out(observation, &first));
        prop_assert!(second.changes.is_empty(), "{:#?}", second.changes);
    }

    #[test]
    fn what_is_covered_works_unless_a_finding_says_otherwise(world in world(), request in request()) {
        let request = request.on(&world);
        let observation = world.observe(&request);
        let plan = plan(&request, &observation);
        let evidence = Evidence::new(&carried_out(observation, &plan), &Extras::default());
        let is_doubted = plan.findings.iter().any(|finding| finding.code() == FindingCode::DenyStatement);
        for covered in &plan.coverage {
            if [&covered.key_policy, &covered.identity].contains(&&Side::Missing) {
                continue;
            }
            let assessment = evidence.assess(&covered.key, &covered.grantee, needed_actions(request.purpose));
            let subjects = [covered.grantee.to_string(), assessment.instance.role.clone()];
            let is_blocked = plan.findings.iter().any(|finding| {
                let is_obstacle = [FindingCode::ExplicitDeny, FindingCode::ImplicitDeny].contains(&finding.code());
                is_obstacle && subjects.contains(&finding.subject)
            });
            match assessment.verdict() {
                Verdict::Able => prop_assert!(!is_blocked, "{:#?}", plan.findings),
                Verdict::Unknown => prop_assert!(is_doubted, "{assessment:#?}"),
                Verdict::Missing | Verdict::Blocked => prop_assert!(is_blocked, "{assessment:#?}\n{plan:#?}"),
            }
        }
    }

    #[test]
    fn by_evaluation_no_more_is_written_than_by_name(world in world(), request in request()) {
        let mut request = request.on(&world);
        let observation = world.observe(&request);
        let targets = |plan: &Plan| -> BTreeSet<(String, String)> {
            let operations = plan.changes.iter().map(|change| &change.operation);
            operations.map(|operation| (operation.api_call().to_owned(), operation.resource())).collect()
        };
        request.coverage = CoverageRule::Named;
        let named = plan(&request, &observation);
        request.coverage = CoverageRule::Effective;
        let effective = targets(&plan(&request, &observation));
        // A key policy that can't be written keeps grants from being planned too.
        prop_assert!(effective.len() <= targets(&named).len() || named.is_blocked(), "{effective:#?}");
    }

    #[test]
    fn a_read_back_in_another_form_is_no_change(world in world(), request in request()) {
        let request = request.on(&world);
        let observation = world.observe(&request);
        let mut after = carried_out(observation.clone(), &plan(&request, &observation));
        let text = policy_of(&after);
        let mut document: Value = serde_json::from_str(&text).unwrap();
        let mut statements = list(&document["Statement"]);
        statements.reverse();
        for statement in &mut statements {
            if let Some(aws) = statement.get_mut("Principal").and_then(|principal| principal.get_mut("AWS")) {
                let mut items = list(aws);
                items.reverse();
                *aws = if items.len() == 1 { items.remove(0) } else { json!(items) };
            }
        }
        document["Statement"] = json!(statements);
        let read_back = document.to_string();
        let partition = request.keys[0].partition;
        let same = PolicyDocument::parse(text).unwrap().same_meaning(&PolicyDocument::parse(read_back.as_str()).unwrap(), partition);
        prop_assert!(same);
        after.keys.values_mut().for_each(|key| key.policy = Reading::Read(read_back.clone()));
        let again = plan(&request, &after);
        prop_assert!(again.changes.iter().all(|change| !matches!(change.operation, Operation::UpdateKeyPolicy(_))));
    }
}
