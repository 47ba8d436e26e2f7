//! Assessments: who is asked about, by which documents, and what their names are.

mod instance;

use super::{Evidence, Extras};
use crate::access::assessment::{Assessment, Verdict, documented_actions, needed_actions};
use crate::access::{Grantee, Purpose};
use crate::arn::KeyArn;
use crate::observation::{
    Entity, IamObservation, IamQuotas, IdentityPolicies, KeyGrant, KeyObservation, NamedDocument,
    Observation, OrganizationPolicies, RamPolicy, Reading,
};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROLE: &str = "arn:aws:iam::444455556666:role/app";
const GROUP: &str = "arn:aws:iam::444455556666:group/ops";
const USER: &str = "arn:aws:iam::111122223333:user/jo";
const ALL: &str = r#"{"Statement": {"Sid": "all", "Effect": "Allow", "Action": "kms:*", "Resource": "*"}}"#;
const LETS_IN: &str = r#"{"Statement": [
    {"Sid": "iam", "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"},
    {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "kms:*", "Resource": "*"}]}"#;

fn key() -> KeyArn {
    KEY.parse().unwrap()
}

fn named(name: &str, text: &str) -> NamedDocument {
    NamedDocument { name: name.to_owned(), text: text.to_owned() }
}

/// Whatever the grantee is, it has these policies.
fn observed(key_policy: &str, grantee: &str, identity: Reading<IdentityPolicies>) -> Observation {
    let key_observation = KeyObservation {
        metadata: Reading::default(),
        policy: Reading::Read(key_policy.to_owned()),
        ram_policy: RamPolicy::Absent,
        grants: Reading::Read(Vec::new()),
    };
    let mut observation = Observation { keys: [(key(), key_observation)].into(), ..Observation::default() };
    if let Some(arn) = grantee.parse::<Grantee>().ok().as_ref().and_then(Grantee::as_entity) {
        let entity = Entity { arn: arn.clone(), attached: Vec::new(), identity };
        let iam = IamObservation {
            quotas: IamQuotas::default(),
            policies: [].into(),
            entities: [(arn.clone(), Some(entity))].into(),
            caller: Reading::default(),
        };
        observation.accounts.insert(arn.account, Reading::Read(iam));
    }
    observation
}

fn with_policies(documents: &[(&str, &str)]) -> Reading<IdentityPolicies> {
    let documents = documents.iter().map(|(name, text)| named(name, text)).collect();
    Reading::Read(IdentityPolicies { documents, boundary: None })
}

fn assess(observation: &Observation, grantee: &str, extras: &Extras) -> Assessment {
    Evidence::new(observation, extras).assess(
        &key(),
        &grantee.parse().unwrap(),
        needed_actions(Purpose::Launch),
    )
}

fn deciding(assessment: &Assessment) -> Vec<String> {
    let mut statements: Vec<String> = assessment
        .actions
        .iter()
        .flat_map(|action| action.statements.iter())
        .map(ToString::to_string)
        .collect();
    statements.sort();
    statements.dedup();
    statements
}

fn obstacles(assessment: &Assessment) -> Vec<String> {
    let mut obstacles: Vec<String> =
        assessment.actions.iter().flat_map(|action| &action.obstacles).map(ToString::to_string).collect();
    obstacles.sort();
    obstacles.dedup();
    obstacles
}

#[test]
fn a_launch_needs_six_actions_and_the_documented_remedy_gives_twelve() {
    assert_eq!(needed_actions(Purpose::Launch).len(), 6);
    assert_eq!(documented_actions(Purpose::Launch).len(), 12);
    assert!(
        needed_actions(Purpose::Launch)
            .iter()
            .all(|action| documented_actions(Purpose::Launch).contains(action))
    );
}

#[test]
fn both_sides_decide_and_are_named() {
    let policies = with_policies(&[("arn:aws:iam::aws:policy/Power", ALL)]);
    let assessment = assess(&observed(LETS_IN, ROLE, policies), ROLE, &Extras::default());
    assert_eq!(assessment.verdict(), Verdict::Able);
    assert_eq!(
        deciding(&assessment),
        [
            "statement \"all\" of the managed policy `arn:aws:iam::aws:policy/Power`".to_owned(),
            format!("statement 2 of the key policy of `{KEY}`"),
        ]
    );
    assert_eq!(assessment.not_considered, ["service control policies", "resource control policies"]);
}

#[test]
fn one_side_is_not_enough() {
    let assessment = assess(&observed(LETS_IN, ROLE, with_policies(&[])), ROLE, &Extras::default());
    assert_eq!(assessment.verdict(), Verdict::Missing);
    assert_eq!(obstacles(&assessment), ["its IAM policies do not allow it"]);
    let closed = r#"{"Statement": []}"#;
    let policies = with_policies(&[("inline policy keys of role app", ALL)]);
    let assessment = assess(&observed(closed, ROLE, policies), ROLE, &Extras::default());
    assert_eq!(assessment.verdict(), Verdict::Missing);
    assert_eq!(obstacles(&assessment), [format!("the key policy of `{KEY}` does not allow it")]);
}

#[test]
fn what_is_unread_is_unknown_and_said() {
    let unread = Reading::Unread("iam:GetRolePolicy is not allowed".to_owned().into());
    let assessment = assess(&observed(LETS_IN, ROLE, unread), ROLE, &Extras::default());
    assert_eq!(assessment.verdict(), Verdict::Unknown);
    assert_eq!(
        assessment.not_considered.first().map(String::as_str),
        Some("the IAM policies of role app (iam:GetRolePolicy is not allowed)")
    );
    let broken = with_policies(&[("arn:aws:iam::444455556666:policy/broken", "{")]);
    assert_eq!(
        assess(&observed(LETS_IN, ROLE, broken), ROLE, &Extras::default()).verdict(),
        Verdict::Unknown
    );
}

#[test]
fn an_account_is_its_root_and_a_group_a_user_of_it() {
    let account = "arn:aws:iam::444455556666:root";
    let assessment = assess(&observed(LETS_IN, account, Reading::default()), account, &Extras::default());
    assert_eq!(assessment.verdict(), Verdict::Able);
    let policies = with_policies(&[("arn:aws:iam::aws:policy/Power", ALL)]);
    let assessment = assess(&observed(LETS_IN, GROUP, policies), GROUP, &Extras::default());
    assert_eq!(assessment.verdict(), Verdict::Able);
    assert!(
        assessment.not_considered.contains(&"the permissions boundaries of the group's users".to_owned())
    );
}

#[test]
fn a_grant_allows_beside_the_policies() {
    let linked = "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    let mut observation = observed(r#"{"Statement": []}"#, linked, with_policies(&[]));
    let operations =
        ["CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom"];
    let grant = |operations: &[&str]| KeyGrant {
        id: "0c23".to_owned(),
        name: None,
        grantee: linked.to_owned(),
        operations: operations.iter().map(|operation| (*operation).to_owned()).collect(),
        context_equals: [].into(),
        context_subset: [].into(),
        source_arn: None,
        unknown_constraints: Vec::new(),
    };
    observation.keys.get_mut(&key()).unwrap().grants = Reading::Read(vec![grant(&operations)]);
    let assessment = assess(&observation, linked, &Extras::default());
    assert_eq!(assessment.verdict(), Verdict::Missing, "ReEncryptTo is not granted");
    assert_eq!(deciding(&assessment), ["the grant `0c23`"]);
    let all = [&operations[..], &["ReEncryptTo"]].concat();
    observation.keys.get_mut(&key()).unwrap().grants = Reading::Read(vec![grant(&all)]);
    let assessment = assess(&observation, linked, &Extras::default());
    assert_eq!(assessment.verdict(), Verdict::Able);
    assert_eq!(
        assessment.not_considered,
        ["service control policies", "resource control policies"],
        "they do not limit it, but the instance's own role"
    );
}

#[test]
fn the_policy_of_resource_access_manager_stands_beside_the_key_policy() {
    const NOBODY: &str = r#"{"Statement": []}"#;
    let denies = LETS_IN.replace("Allow", "Deny");
    let cases: [(&str, &str, RamPolicy, Verdict, &str); 7] = [
        ("absent", LETS_IN, RamPolicy::Absent, Verdict::Able, ""),
        ("not looked at", LETS_IN, RamPolicy::NotLookedAt, Verdict::Able, "(not looked at)"),
        ("unread", LETS_IN, RamPolicy::Unread("denied".to_owned().into()), Verdict::Unknown, "(denied)"),
        ("unread", NOBODY, RamPolicy::Unread("denied".to_owned().into()), Verdict::Unknown, "(denied)"),
        ("lets in", NOBODY, RamPolicy::Read(LETS_IN.to_owned()), Verdict::Able, ""),
        ("lets nobody in", NOBODY, RamPolicy::Read(NOBODY.to_owned()), Verdict::Missing, ""),
        ("denies", LETS_IN, RamPolicy::Read(denies), Verdict::Blocked, ""),
    ];
    for (name, policy, ram_policy, verdict, gap) in cases {
        let policies = with_policies(&[("arn:aws:iam::aws:policy/Power", ALL)]);
        let mut observation = observed(policy, ROLE, policies);
        observation.keys.get_mut(&key()).unwrap().ram_policy = ram_policy;
        let assessment = assess(&observation, ROLE, &Extras::default());
        assert_eq!(assessment.verdict(), verdict, "{name}");
        let gaps =
            assessment.not_considered.iter().find_map(|gap| gap.strip_prefix("the key's policy AWS_RAM "));
        assert_eq!(gaps.unwrap_or_default(), gap, "{name}");
        let told = [deciding(&assessment), obstacles(&assessment)].concat().join(" ");
        assert_eq!(
            told.contains("AWS_RAM"),
            !matches!(name, "absent" | "not looked at" | "lets nobody in"),
            "{told}"
        );
    }
}

#[test]
fn a_constraint_is_about_its_own_grant_alone() {
    type Case<'c> = (&'c str, Vec<KeyGrant>, Extras, Verdict, &'c [&'c str]);
    const SOURCE: &str = "arn:aws:quantum:eu-west-1:444455556666:lattice/1";
    let role = "arn:aws:iam::444455556666:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot";
    let granted = |id: &str| KeyGrant {
        id: id.to_owned(),
        name: None,
        grantee: role.to_owned(),
        operations: crate::access::grant::OPERATIONS.map(str::to_owned).to_vec(),
        context_equals: [].into(),
        context_subset: [].into(),
        source_arn: None,
        unknown_constraints: Vec::new(),
    };
    let sourced = KeyGrant { source_arn: Some(SOURCE.to_owned()), ..granted("sourced") };
    let newer = KeyGrant { unknown_constraints: vec!["NotAfter".to_owned()], ..granted("newer") };
    let service = KeyGrant { grantee: "quantum.amazonaws.com".to_owned(), ..sourced.clone() };
    let from = |source: &str| Extras {
        context: vec![("aws:SourceArn".to_owned(), vec![source.to_owned()])],
        ..Extras::default()
    };
    let others = from("arn:aws:quantum:eu-west-1:444455556666:lattice/2");
    let gap = "what the grant `newer` asks of a request besides (NotAfter, which keymend does not know)";
    let cases: [Case<'_>; 6] = [
        ("a service's grant", vec![service.clone()], from(SOURCE), Verdict::Missing, &[]),
        (
            "beside others",
            vec![service, newer.clone(), granted("plain")],
            others.clone(),
            Verdict::Able,
            &[gap],
        ),
        ("from elsewhere", vec![sourced.clone()], others, Verdict::Missing, &[]),
        // A grant that EC2 makes under it would have to have the constraint too.
        ("from there", vec![sourced.clone()], from(SOURCE), Verdict::Unknown, &[]),
        ("newer", vec![newer.clone()], Extras::default(), Verdict::Unknown, &[gap]),
        ("newer and from elsewhere", vec![newer, sourced], from("x"), Verdict::Unknown, &[gap]),
    ];
    for (name, grants, extras, verdict, gaps) in cases {
        let mut observation = observed(r#"{"Statement": []}"#, role, with_policies(&[]));
        observation.keys.get_mut(&key()).unwrap().grants = Reading::Read(grants);
        observation.organization = OrganizationPolicies { scps: Some(Vec::new()), rcps: Some(Vec::new()) };
        let assessment = assess(&observation, role, &extras);
        assert_eq!(assessment.verdict(), verdict, "{name}");
        assert_eq!(assessment.not_considered, gaps, "{name}");
        let missed = assessment.actions[0].near_misses.iter();
        let unmet: Vec<String> = missed.map(|missed| missed.statement.to_string()).collect();
        let expected: &[&str] = if name == "from elsewhere" { &["the grant `sourced`"] } else { &[] };
        assert_eq!(unmet, expected, "{name}");
    }
}

#[test]
fn a_boundary_blocks_all_but_users_who_can_be_named_at_home() {
    let limited = |grantee: &str| {
        let identity = IdentityPolicies {
            documents: vec![named("arn:aws:iam::aws:policy/Power", ALL)],
            boundary: Some(named("arn:aws:iam::444455556666:policy/limit", r#"{"Statement": []}"#)),
        };
        assess(&observed(LETS_IN, grantee, Reading::Read(identity)), grantee, &Extras::default())
    };
    assert_eq!(limited(ROLE).verdict(), Verdict::Blocked);
    assert_eq!(
        obstacles(&limited(ROLE)),
        ["the permissions boundary `arn:aws:iam::444455556666:policy/limit` does not allow it"]
    );
    assert_eq!(limited(USER).verdict(), Verdict::Missing);
}

#[test]
fn what_is_given_counts() {
    let policies = with_policies(&[("arn:aws:iam::aws:policy/Power", ALL)]);
    let mut observation = observed(LETS_IN, ROLE, policies);
    let denies = r#"{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-ours"}}}}"#;
    observation.organization = OrganizationPolicies {
        scps: Some(vec![vec![named("scp.json", ALL)]]),
        rcps: Some(vec![vec![named("rcp.json", denies)]]),
    };
    let mut extras = Extras::default();
    let unknown = assess(&observation, ROLE, &extras);
    assert_eq!(unknown.verdict(), Verdict::Unknown);
    assert_eq!(unknown.not_considered, Vec::<String>::new());
    assert!(unknown.actions.iter().any(|action| action.unknown_keys.contains("aws:PrincipalOrgID")));
    extras.context = vec![("aws:PrincipalOrgID".to_owned(), vec!["o-theirs".to_owned()])];
    let denied = assess(&observation, ROLE, &extras);
    assert_eq!(denied.verdict(), Verdict::Blocked);
    assert!(
        deciding(&denied)
            .contains(&"statement 1 of the resource control policy `rcp.json` of level 1".to_owned())
    );
    extras.context = vec![("aws:PrincipalOrgID".to_owned(), vec!["o-ours".to_owned()])];
    assert_eq!(assess(&observation, ROLE, &extras).verdict(), Verdict::Able);
    observation.organization.scps = Some(vec![vec![named("scp.json", r#"{"Statement": []}"#)]]);
    assert_eq!(
        obstacles(&assess(&observation, ROLE, &extras)),
        ["the service control policies of level 1 do not allow it"]
    );
}

#[test]
fn what_is_given_and_is_no_policy_was_not_considered() {
    let mut observation = observed(LETS_IN, ROLE, with_policies(&[("p", ALL)]));
    observation.organization.scps = Some(vec![vec![named("full.json", ALL)], vec![named("scp.json", "{")]]);
    let gaps = assess(&observation, ROLE, &Extras::default()).not_considered;
    let [scps, rcps] = gaps.as_slice() else { panic!("{gaps:?}") };
    assert!(scps.starts_with("service control policies (`scp.json`: "), "{scps}");
    assert_eq!(rcps, "resource control policies");
}

#[test]
fn documents_can_be_taken_for_what_they_will_be() {
    let policy = "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy".parse().unwrap();
    let observation = observed(r#"{"Statement": []}"#, ROLE, with_policies(&[]));
    let grantee: Grantee = ROLE.parse().unwrap();
    let Grantee::Entity(role) = &grantee else { panic!("a role") };
    let mut evidence = Evidence::new(&observation, &Extras::default());
    let verdict =
        |evidence: &Evidence| evidence.assess(&key(), &grantee, needed_actions(Purpose::Launch)).verdict();
    evidence.rewrite_key_policy(&key(), LETS_IN);
    assert_eq!(verdict(&evidence), Verdict::Missing);
    evidence.attach(&policy, ALL, &[role]);
    assert_eq!(verdict(&evidence), Verdict::Able);
    evidence.rewrite_policy(&policy, r#"{"Statement": []}"#);
    assert_eq!(verdict(&evidence), Verdict::Missing);
    evidence.rewrite_policy(&policy, "no policy");
    assert_eq!(verdict(&evidence), Verdict::Unknown);
}

#[test]
fn a_grant_that_can_not_be_passed_on_starts_nothing() {
    const ROOT: &str = r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "kms:*", "Resource": "*"}}"#;
    let role = "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    for (operations, verdict) in [
        (&["CreateGrant", "Decrypt"][..], Verdict::Able),
        (&["CreateGrant"], Verdict::Missing),
        (&["Decrypt"], Verdict::Missing),
    ] {
        let mut observation = observed(ROOT, role, with_policies(&[]));
        let grant = KeyGrant {
            id: "a1".to_owned(),
            name: None,
            grantee: role.to_owned(),
            operations: operations.iter().map(|operation| (*operation).to_owned()).collect(),
            context_equals: [].into(),
            context_subset: [].into(),
            source_arn: None,
            unknown_constraints: Vec::new(),
        };
        observation.keys.get_mut(&key()).unwrap().grants = Reading::Read(vec![grant]);
        let evidence = Evidence::new(&observation, &Extras::default());
        let assessed = evidence.assess(&key(), &role.parse().unwrap(), needed_actions(Purpose::Start));
        assert_eq!(assessed.verdict(), verdict, "{operations:?}");
    }
}
