//! Changes that no plan of ours may come to: each is caught, by its form and by its effect.

mod anyone;
mod organizations;
mod own_grants;
mod tables;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::effect::Rewrite;
use super::violations;
use crate::access::grant::key_policy_statement;
use crate::access::{
    CoverageRule, Grantee, NewGrant, PolicyName, Profile, Purpose, Request, RequiredStatement,
    ServiceLinkedRole,
};
use crate::arn::{EntityArn, KeyArn};
use crate::observation::{Caller, KeyObservation, Observation, RamPolicy, Reading};
use crate::plan::{Change, Finding, KeyPolicyUpdate, Operation};
use crate::policy::{Documents, PolicyDocument};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ADMIN: &str = "arn:aws:iam::111122223333:role/admin";
const ROLE: &str = "arn:aws:iam::444455556666:role/app";
const STRANGER: &str = "arn:aws:iam::777788889999:user/jo";

fn key() -> KeyArn {
    KEY.parse().unwrap()
}

fn document(statements: &[Value]) -> PolicyDocument {
    PolicyDocument::parse(json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap()
}

/// Both documented statements for the role.
fn asked() -> Vec<Value> {
    RequiredStatement::documented()
        .iter()
        .map(|required| required.for_key_policy("", &[ROLE.to_owned()]))
        .collect()
}

fn admin() -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": ADMIN}, "Action": "kms:*", "Resource": "*"})
}

fn decrypt(principals: &Value) -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "kms:Decrypt", "Resource": "*"})
}

fn grants(condition: bool) -> Value {
    let mut statement = json!({"Effect": "Allow", "Principal": {"AWS": STRANGER}, "Action": "kms:CreateGrant", "Resource": "*"});
    if condition {
        statement["Condition"] = json!({"Bool": {"kms:GrantIsForAWSResource": "true"}});
    }
    statement
}

fn with(mut statement: Value, member: &str, value: Value) -> Value {
    statement[member] = value;
    statement
}

/// What the check by effect says of a key policy before and after.
fn effect(before: &[Value], after: &[Value]) -> Result<(), String> {
    let asked = document(&asked());
    let (before, after) = (document(before), document(after));
    let rewrite = Rewrite { before: &before, after: &after, asked: &asked };
    rewrite.check_key_policy(&key(), &BTreeSet::from([ROLE.to_owned()]), Some(ADMIN))
}

#[test]
fn wrong_key_policies_are_caught_by_their_effect() {
    let denies = json!({"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"});
    let listed = |principals: &[&str]| decrypt(&json!(principals));
    let via_any = |services: &[&str]| {
        with(listed(&[STRANGER]), "Condition", json!({"StringEquals": {"kms:ViaService": services}}))
    };
    let via = |service: &str| via_any(&[service]);
    let by_arn = |arn: &str| {
        let condition = json!({"ArnLike": {"aws:PrincipalArn": arn}});
        with(decrypt(&json!("*")), "Condition", condition)
    };
    for (story, before, after, expected) in [
        (
            "a wider action",
            vec![listed(&[STRANGER])],
            vec![with(listed(&[STRANGER]), "Action", json!("kms:*"))],
            "gets",
        ),
        ("a condition gone", vec![grants(true)], vec![grants(false)], "gets kms:CreateGrant"),
        ("another condition", vec![via("s3")], vec![via("ec2")], "kms:Decrypt"),
        ("a value more", vec![via("s3")], vec![via_any(&["s3", "ec2"])], "gets kms:Decrypt"),
        ("a value gone", vec![via_any(&["s3", "ec2"])], vec![via("s3")], "loses kms:Decrypt"),
        ("a principal gone", vec![listed(&[ROLE, STRANGER])], vec![listed(&[ROLE])], "loses kms:Decrypt"),
        ("a statement gone", vec![listed(&[STRANGER])], vec![], "loses kms:Decrypt"),
        ("a stranger added", vec![listed(&[ROLE])], vec![listed(&[ROLE, STRANGER])], "gets kms:Decrypt"),
        (
            "a stranger's account",
            vec![listed(&[ROLE])],
            vec![listed(&[ROLE, "777788889999"])],
            "gets kms:Decrypt",
        ),
        ("the role's account", vec![], vec![decrypt(&json!("444455556666"))], "gets kms:Decrypt"),
        ("everyone", vec![listed(&[ROLE])], vec![decrypt(&json!("*"))], "gets kms:Decrypt"),
        ("a Deny", vec![listed(&[STRANGER])], vec![listed(&[STRANGER]), denies.clone()], "a Deny changed"),
        ("a Deny gone", vec![listed(&[STRANGER]), denies], vec![listed(&[STRANGER])], "a Deny changed"),
        (
            "grants for all",
            vec![],
            vec![with(grants(false), "Principal", json!({"AWS": ROLE}))],
            "gets kms:CreateGrant",
        ),
        (
            "another pattern",
            vec![by_arn(STRANGER)],
            vec![by_arn("arn:aws:iam::777788889999:user/*")],
            "gets kms:Decrypt",
        ),
        (
            "a named role's sibling",
            vec![listed(&[ROLE])],
            vec![listed(&[ROLE, "arn:aws:iam::444455556666:role/web"])],
            "role/web` gets kms:Decrypt",
        ),
        (
            "all but one",
            vec![],
            vec![
                json!({"Effect": "Allow", "NotPrincipal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*"}),
            ],
            "gets kms:Decrypt",
        ),
        (
            "all actions but one",
            vec![],
            vec![
                json!({"Effect": "Allow", "Principal": {"AWS": ROLE}, "NotAction": "kms:Sign", "Resource": "*"}),
            ],
            "which nobody asked for",
        ),
    ] {
        let surrounded = |statements: Vec<Value>| [vec![admin()], statements].concat();
        let found = effect(&surrounded(before), &surrounded(after)).expect_err(story);
        assert!(found.contains(expected), "{story}: {found}");
    }
}

#[test]
fn the_caller_keeps_the_policy() {
    let narrowed = with(admin(), "Action", json!(["kms:Decrypt", "kms:GetKeyPolicy"]));
    let found = effect(&[admin()], &[narrowed]).unwrap_err();
    assert!(found.contains(&format!("`{ADMIN}` loses kms:")), "{found}");
    let everything_else = with(admin(), "NotAction", json!("kms:PutKeyPolicy"));
    let mut everything_else = everything_else;
    everything_else.as_object_mut().unwrap().remove("Action");
    let found = effect(&[admin()], &[everything_else]).unwrap_err();
    assert_eq!(found, format!("the caller `{ADMIN}` loses kms:PutKeyPolicy"));
}

#[test]
fn right_key_policies_pass() {
    let others = [admin(), grants(true), decrypt(&json!([STRANGER, "AROAEXAMPLEEXAMPLE123"]))];
    let with_asked = [others.to_vec(), asked()].concat();
    assert_eq!(effect(&others, &with_asked), Ok(()));
    assert_eq!(effect(&with_asked, &with_asked), Ok(()));
    let pruned = [admin(), grants(true), decrypt(&json!(STRANGER))];
    assert_eq!(effect(&others, &pruned), Ok(()));
}

#[test]
fn an_accounts_root_stands_for_all_of_its_account() {
    let root = ["arn:aws:iam::444455556666:root".to_owned()];
    let for_root: Vec<Value> =
        RequiredStatement::documented().iter().map(|required| required.for_key_policy("", &root)).collect();
    let (before, after, asked) =
        (document(&[admin()]), document(&[vec![admin()], for_root.clone()].concat()), document(&for_root));
    let rewrite = Rewrite { before: &before, after: &after, asked: &asked };
    assert_eq!(rewrite.check_key_policy(&key(), &root.into(), None), Ok(()));
}

#[test]
fn wrong_iam_policies_are_caught_by_their_effect() {
    const OTHER: &str = "arn:aws:kms:eu-west-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321";
    let [use_the_key, attach] = RequiredStatement::documented();
    let statement = |key: &str| use_the_key.for_identity("", &[key.to_owned()]);
    let for_grants = attach.for_identity("", &[KEY.to_owned()]);
    let asked = document(&[statement(KEY), for_grants.clone()]);
    let check = |before: &[Value], after: &[Value]| {
        let (before, after) = (document(before), document(after));
        let rewrite = Rewrite { before: &before, after: &after, asked: &asked };
        rewrite.check_identity_policy("444455556666".parse().unwrap(), &[key()])
    };
    let unconditional = with(for_grants.clone(), "Condition", json!({}));
    for (story, before, after, expected) in [
        (
            "another key",
            vec![statement(OTHER)],
            vec![statement(KEY), statement(OTHER), statement(&OTHER.replace("ab0", "ab1"))],
            "which nobody asked for",
        ),
        ("every key", vec![], vec![statement("*")], "which nobody asked for"),
        ("no condition", vec![for_grants.clone()], vec![unconditional], "kms:CreateGrant"),
        ("a key gone", vec![statement(OTHER)], vec![statement(KEY)], "is lost"),
        (
            "other actions",
            vec![],
            vec![with(statement(KEY), "Action", json!("kms:*"))],
            "which nobody asked for",
        ),
    ] {
        let found = check(&before, &after).expect_err(story);
        assert!(found.contains(expected), "{story}: {found}");
    }
    assert_eq!(check(&[statement(OTHER)], &[statement(OTHER), statement(KEY), for_grants]), Ok(()));
}

/// A wrong change in a plan becomes a finding that names it.
#[test]
fn a_wrong_change_is_a_bug_of_ours() {
    let request = Request {
        keys: vec![key()],
        grantees: vec![ROLE.parse().unwrap()],
        policy_name: PolicyName::default(),
        profile: Profile::Documented,
        coverage: CoverageRule::Named,
        prune_orphans: false,
        purpose: Purpose::default(),
        only_for: std::collections::BTreeMap::new(),
        part: None,
    };
    let text = |statements: &[Value]| document(statements).text().to_owned();
    let observed = KeyObservation {
        metadata: Reading::default(),
        policy: Reading::Read(text(&[admin()])),
        ram_policy: RamPolicy::Absent,
        grants: Reading::default(),
    };
    let account = key().account;
    let observation = Observation {
        callers: [(account, Caller { account, arn: ADMIN.to_owned() })].into(),
        keys: [(key(), observed)].into(),
        ..Observation::default()
    };
    let grantees: Vec<Grantee> = request.grantees.clone();
    let change = |after: &[Value]| Change {
        operation: Operation::UpdateKeyPolicy(KeyPolicyUpdate {
            key: key(),
            before: text(&[admin()]),
            after: text(after),
        }),
        reason: String::new(),
        gains: Vec::new(),
    };
    let right = change(&[vec![admin()], asked()].concat());
    let wrong = change(&[admin(), decrypt(&json!(STRANGER))]);
    assert_eq!(violations(&request, &observation, &grantees, &[right], &Documents::default()), []);
    let [found] = &violations(&request, &observation, &grantees, &[wrong], &Documents::default())[..] else {
        panic!("one violation")
    };
    assert_eq!(found.subject, KEY);
    assert_eq!(found.code(), crate::plan::FindingCode::FailedCheck);
}

const FLEET: &str =
    "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";

/// What is found wrong with a change for a service-linked role that needs the key, beside another account's that
/// needs another key.
fn violations_of(operation: Operation) -> Vec<Finding> {
    let others = FLEET.replace("444455556666", "777788889999");
    let of_its_own: KeyArn = KEY.replace("1234abcd", "9999abcd").parse().unwrap();
    let request = Request {
        keys: vec![key(), of_its_own.clone()],
        grantees: vec![FLEET.parse().unwrap(), others.parse().unwrap()],
        policy_name: PolicyName::default(),
        profile: Profile::Documented,
        coverage: CoverageRule::Named,
        prune_orphans: false,
        purpose: Purpose::default(),
        only_for: [
            (key(), ["444455556666".parse().unwrap()].into()),
            (of_its_own, ["777788889999".parse().unwrap()].into()),
        ]
        .into(),
        part: None,
    };
    let account = key().account;
    let observation = Observation {
        callers: [(account, Caller { account, arn: ADMIN.to_owned() })].into(),
        ..Observation::default()
    };
    let change = Change { operation, reason: String::new(), gains: Vec::new() };
    violations(&request, &observation, &request.grantees, &[change], &Documents::default())
}

#[test]
fn grants_that_nobody_asked_for_are_caught() {
    let grant = |key: &str, role: &str| {
        let role = role.parse::<EntityArn>().unwrap().try_into().unwrap();
        NewGrant::for_launch(&key.parse().unwrap(), &role)
    };
    let found = |grant: NewGrant| violations_of(Operation::CreateGrant { grant, needs_key_policy: false });
    assert_eq!(found(grant(KEY, FLEET)), []);
    let mut wider = grant(KEY, FLEET);
    wider.operations.push("RetireGrant".to_owned());
    for (story, wrong) in [
        ("another role", grant(KEY, &format!("{FLEET}_blue"))),
        ("another key", grant(&KEY.replace("1234abcd", "0000abcd"), FLEET)),
        ("the other account's key", grant(&KEY.replace("1234abcd", "9999abcd"), FLEET)),
        ("more operations", wider),
    ] {
        assert_eq!(found(wrong).len(), 1, "{story}");
    }
}

#[test]
fn permissions_for_other_grants_are_caught() {
    let permission = |account: &str, roles: &[&str]| {
        let roles: Vec<ServiceLinkedRole> =
            roles.iter().map(|role| role.parse::<EntityArn>().unwrap().try_into().unwrap()).collect();
        let roles: Vec<&ServiceLinkedRole> = roles.iter().collect();
        key_policy_statement("Grants", &format!("arn:aws:iam::{account}:root"), &roles)
    };
    let found = |statement: &Value| {
        let text = |statements: &[Value]| document(statements).text().to_owned();
        violations_of(Operation::UpdateKeyPolicy(KeyPolicyUpdate {
            key: key(),
            before: text(&[admin()]),
            after: text(&[admin(), statement.clone()]),
        }))
    };
    let right = permission("444455556666", &[FLEET]);
    assert_eq!(found(&right), []);
    let blue = format!("{FLEET}_blue");
    let others = FLEET.replace("444455556666", "777788889999");
    let without = |operator: &str| {
        let mut statement = right.clone();
        statement["Condition"].as_object_mut().unwrap().remove(operator).unwrap();
        statement
    };
    let mut wider = right.clone();
    wider["Condition"]["ForAllValues:StringEquals"]["kms:GrantOperations"] =
        json!(["Decrypt", "RetireGrant"]);
    for (story, wrong) in [
        ("another role", permission("444455556666", &[FLEET, &blue])),
        ("the key's own account", permission("111122223333", &[FLEET])),
        ("another account", permission("777788889999", &[FLEET])),
        ("another account with its role, which needs another key", permission("777788889999", &[&others])),
        ("whatever role", without("StringEquals")),
        ("whatever operation", without("ForAllValues:StringEquals")),
        ("more operations", wider),
        ("more actions", with(right.clone(), "Action", json!(["kms:CreateGrant", "kms:RevokeGrant"]))),
        ("everybody", with(right.clone(), "Principal", json!("*"))),
    ] {
        assert_eq!(found(&wrong).len(), 1, "{story}");
    }
}

/// Of two roles of an account one may have its grant already: then only the other one's is permitted.
#[test]
fn a_permission_for_some_of_an_accounts_roles_passes() {
    let blue = format!("{FLEET}_blue");
    let request = Request {
        keys: vec![key()],
        grantees: vec![FLEET.parse().unwrap(), blue.parse().unwrap()],
        policy_name: PolicyName::default(),
        profile: Profile::Documented,
        coverage: CoverageRule::Named,
        prune_orphans: false,
        purpose: Purpose::default(),
        only_for: std::collections::BTreeMap::new(),
        part: None,
    };
    let role: ServiceLinkedRole = FLEET.parse::<EntityArn>().unwrap().try_into().unwrap();
    let statement = key_policy_statement("Grants", "arn:aws:iam::444455556666:root", &[&role]);
    let text = |statements: &[Value]| document(statements).text().to_owned();
    let update = KeyPolicyUpdate { key: key(), before: text(&[admin()]), after: text(&[admin(), statement]) };
    let change =
        Change { operation: Operation::UpdateKeyPolicy(update), reason: String::new(), gains: Vec::new() };
    assert_eq!(
        violations(&request, &Observation::default(), &request.grantees, &[change], &Documents::default()),
        []
    );
}

mod brute {
    //! The check by effect against trying every request there can be, on small policies.

    use proptest::prelude::*;

    use super::*;
    use crate::authz::{Context, Outcome, Policies, Prepared, Principal, Query, evaluate};
    use crate::policy::KmsAction;

    const WHO: [&str; 7] = [
        ROLE,
        STRANGER,
        ADMIN,
        "arn:aws:iam::444455556666:root",
        "arn:aws:iam::444455556666:role/other",
        "arn:aws:iam::111122223333:user/al",
        "arn:aws:iam::999988887777:role/far",
    ];
    const ACTIONS: [&str; 3] = ["kms:Decrypt", "kms:CreateGrant", "kms:PutKeyPolicy"];
    const CONDITION_KEYS: [&str; 2] = ["kms:GrantIsForAWSResource", "aws:SourceVpc"];

    fn principal() -> impl Strategy<Value = Value> {
        let some = proptest::sample::subsequence(WHO[..4].to_vec(), 1..=3);
        prop_oneof![8 => some.prop_map(|aws| json!({"AWS": aws})), 1 => Just(json!("*"))]
    }

    fn action() -> impl Strategy<Value = Value> {
        prop_oneof![
            4 => proptest::sample::subsequence(ACTIONS.to_vec(), 1..=2).prop_map(|actions| json!(actions)),
            1 => Just(json!("kms:*")),
        ]
    }

    fn condition() -> impl Strategy<Value = Value> {
        let one =
            |operator: &'static str, key: &'static str, value: &'static str| json!({operator: {key: value}});
        proptest::sample::select(vec![
            json!({}),
            json!({}),
            json!({}),
            one("Bool", CONDITION_KEYS[0], "true"),
            one("Bool", CONDITION_KEYS[0], "false"),
            one("StringEquals", CONDITION_KEYS[1], "a"),
            one("StringNotEquals", CONDITION_KEYS[1], "a"),
            one("StringEqualsIfExists", CONDITION_KEYS[1], "a"),
            one("ArnLike", "aws:PrincipalArn", "arn:aws:iam::444455556666:role/*"),
            one("StringEquals", "kms:CallerAccount", "777788889999"),
            json!({"Bool": {CONDITION_KEYS[0]: "true"}, "StringEquals": {CONDITION_KEYS[1]: ["a", "b"]}}),
        ])
    }

    fn statement() -> impl Strategy<Value = Value> {
        (principal(), action(), condition(), 0..10_u8).prop_map(|(principal, action, condition, form)| {
            let mut statement = json!({"Effect": if form == 0 { "Deny" } else { "Allow" }, "Resource": "*"});
            statement[if form == 1 { "NotPrincipal" } else { "Principal" }] = principal;
            statement[if form == 2 { "NotAction" } else { "Action" }] = action;
            statement["Condition"] = condition;
            statement
        })
    }

    /// What somebody does to a policy: right or wrong.
    #[derive(Debug, Clone)]
    enum Edit {
        Add(Value),
        Drop(usize),
        Set(usize, &'static str, Value),
        Swap,
        Require,
    }

    fn edit() -> impl Strategy<Value = Edit> {
        let at = 0..4_usize;
        prop_oneof![
            2 => Just(Edit::Require),
            1 => Just(Edit::Swap),
            1 => statement().prop_map(Edit::Add),
            1 => at.clone().prop_map(Edit::Drop),
            1 => (at.clone(), principal()).prop_map(|(at, to)| Edit::Set(at, "Principal", to)),
            1 => (at.clone(), action()).prop_map(|(at, to)| Edit::Set(at, "Action", to)),
            1 => (at, condition()).prop_map(|(at, to)| Edit::Set(at, "Condition", to)),
        ]
    }

    fn edited(mut statements: Vec<Value>, edits: &[Edit]) -> Vec<Value> {
        for edit in edits {
            match edit {
                Edit::Add(statement) => statements.push(statement.clone()),
                Edit::Drop(at) if *at < statements.len() => drop(statements.remove(*at)),
                Edit::Set(at, member, to)
                    if *at < statements.len() && statements[*at].get(*member).is_some() =>
                {
                    statements[*at][*member] = to.clone();
                }
                Edit::Swap => statements.reverse(),
                Edit::Require => statements.extend(asked()),
                Edit::Drop(_) | Edit::Set(..) => {}
            }
        }
        statements
    }

    fn contexts() -> Vec<Context> {
        let values = |key: usize| if key == 0 { ["true", "false", "x"] } else { ["a", "b", "x"] };
        let settings = |key: usize| [None].into_iter().chain(values(key).map(Some));
        let both = settings(0).flat_map(|first| settings(1).map(move |second| [first, second]));
        both.map(|both| {
            let mut context = Context::complete();
            for (key, value) in CONDITION_KEYS.into_iter().zip(both) {
                context.set(key, value);
            }
            context
        })
        .collect()
    }

    /// A request for which the change gives or takes what nobody asked for.
    fn counterexample(
        before: &PolicyDocument,
        after: &PolicyDocument,
        asked: &PolicyDocument,
    ) -> Option<String> {
        let documents = [before, after, asked].map(Prepared::new);
        let everything = document(&[json!({"Effect": "Allow", "Action": "*", "Resource": "*"})]);
        let everything = Prepared::new(&everything);
        for who in WHO {
            let principal: Principal = who.parse().unwrap();
            for action in ACTIONS {
                let action: KmsAction = action.parse().unwrap();
                for context in contexts() {
                    for own in [&[&everything][..], &[]] {
                        let [before, after, asked] = documents.each_ref().map(|document| {
                            let policies = Policies {
                                key_policy: Some(document),
                                identity: Some(own),
                                ..Policies::default()
                            };
                            match evaluate(&Query::new(&principal, action, &key(), &context), &policies)
                                .outcome
                            {
                                Outcome::ExplicitDeny | Outcome::ImplicitDeny => 0,
                                Outcome::Unknown => 1,
                                Outcome::Allowed => 2,
                            }
                        });
                        if after < before || (after > before && asked < after) {
                            return Some(format!("{who} {action} {before} -> {after}: {context:?}"));
                        }
                    }
                }
            }
        }
        None
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn what_passes_gives_and_takes_nothing_else(
            before in proptest::collection::vec(statement(), 0..4),
            edits in proptest::collection::vec(edit(), 1..3),
        ) {
            let (before, after, asked) =
                (document(&before), document(&edited(before.clone(), &edits)), document(&asked()));
            let rewrite = Rewrite { before: &before, after: &after, asked: &asked };
            let checked = rewrite.check_key_policy(&key(), &BTreeSet::from([ROLE.to_owned()]), Some(ADMIN));
            if checked.is_ok() {
                prop_assert_eq!(counterexample(&before, &after, &asked), None, "{}\n{}", before.text(), after.text());
            }
        }

        #[test]
        fn what_was_asked_for_passes(before in proptest::collection::vec(statement(), 0..6), at in 0..4_usize) {
            let edits = [Edit::Require, Edit::Swap];
            let (before, after, asked) =
                (document(&before), document(&edited(before.clone(), &edits[..=at % 2])), document(&asked()));
            let rewrite = Rewrite { before: &before, after: &after, asked: &asked };
            let checked = rewrite.check_key_policy(&key(), &BTreeSet::from([ROLE.to_owned()]), Some(ADMIN));
            prop_assert_eq!(checked, Ok(()));
        }
    }
}

/// Conditions cost nothing: a policy of many conditioned statements is tried by what changed in it.
#[test]
fn the_cost_is_that_of_what_changed() {
    let conditioned = |number: usize| {
        let principal = format!("arn:aws:iam::777788889999:role/team-{number}");
        let mut statement = decrypt(&json!(principal));
        statement["Condition"] = json!({
            "StringEquals": {format!("aws:PrincipalTag/team-{number}"): ["a", "b", "c"]},
            "ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::777788889999:role/team-{number}*")},
        });
        statement
    };
    let tried = |statements: usize| {
        let before: Vec<Value> = [admin()].into_iter().chain((0..statements).map(conditioned)).collect();
        let after = [before.clone(), asked()].concat();
        let (before, after, asked) = (document(&before), document(&after), document(&asked()));
        let rewrite = Rewrite { before: &before, after: &after, asked: &asked };
        assert_eq!(rewrite.check_key_policy(&key(), &BTreeSet::from([ROLE.to_owned()]), Some(ADMIN)), Ok(()));
        rewrite.requests_tried(&key(), &BTreeSet::from([ROLE.to_owned()]), Some(ADMIN))
    };
    assert_eq!(tried(1), tried(200));
    assert!(tried(200) < 500, "{}", tried(200));
}
