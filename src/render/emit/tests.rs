use super::*;
use crate::access::{Profile, Request};
use crate::arn::{EntityArn, KeyArn, PolicyArn};
use crate::plan::{Change, Operation, Plan};
use crate::render::testing;

fn request() -> Request {
    testing::request(&[testing::ROLE])
}

/// Every kind of change and of hand-over.
fn everything() -> Plan {
    Plan {
        changes: testing::every_operation(),
        coverage: vec![testing::covered(testing::ROLE, &[], None)],
        handovers: vec![testing::key_policy_handover(), testing::identity_handover()],
        ..testing::empty_plan()
    }
}

/// A plan in which everything that people and files can name tries to leave its place.
fn hostile() -> Plan {
    const EVIL: &str = "$(touch x)`id`${path.root}%{if}'\"\\<b>";
    let mut plan = testing::hostile_plan();
    let path = format!("/{}/", EVIL.replace(' ', "_"));
    let policy = PolicyArn { path: path.clone(), ..testing::POLICY.parse().unwrap() };
    let entity = EntityArn { path, ..testing::ROLE.parse().unwrap() };
    let document = testing::key_policy(&[(EVIL, &[EVIL])]);
    let meaning = crate::policy::PolicyDocument::parse(document.as_str()).unwrap();
    let document_meaning = meaning.fingerprint(policy.partition);
    let operations = [
        Operation::CreatePolicy {
            policy: policy.clone(),
            description: format!("{EVIL}\nrm -rf x"),
            after: document.clone(),
        },
        Operation::CreatePolicyVersion {
            policy: policy.clone(),
            base_version: format!("v1{EVIL}\n"),
            before: document.clone(),
            after: document,
            serves: Vec::new(),
        },
        Operation::AttachPolicy { policy, entity, document: document_meaning },
    ];
    let change = |operation| Change { operation, reason: format!("{EVIL}\nrm -rf x"), gains: Vec::new() };
    plan.changes.extend(operations.into_iter().map(change));
    plan
}

fn shown(files: &[EmittedFile]) -> String {
    let one = |file: &EmittedFile| {
        let mode = if file.is_executable { " (executable)" } else { "" };
        format!("== {}{mode}\n{}\n", file.path, file.text.trim_end())
    };
    files.iter().map(one).collect()
}

#[test]
fn every_kind_as_terraform() {
    insta::assert_snapshot!(shown(&terraform(&request(), &everything())));
}

#[test]
fn every_kind_as_commands() {
    insta::assert_snapshot!(shown(&cli(&request(), &everything())));
}

#[test]
fn every_kind_as_cloudformation() {
    let plan = everything();
    insta::assert_snapshot!(shown(&cloudformation(&request(), &plan).unwrap()));
}

/// An organization as a whole, of which a unit was named too, and two units of another one.
#[test]
fn what_members_need() {
    const UNITS: [&str; 2] = ["o-b1b2c3d4e5/r-ab12/ou-ab12-11111111/", "o-b1b2c3d4e5/*/ou-ab12-22222222/"];
    let whole = "o-a1b2c3d4e5";
    let part = "o-a1b2c3d4e5/r-cd34/ou-cd34-33333333/";
    let plan = testing::empty_plan();
    let request = testing::request(&[part, UNITS[0], whole, UNITS[1]]);
    insta::assert_snapshot!(
        "what_members_need_as_cloudformation",
        shown(&cloudformation(&request, &plan).unwrap())
    );
    let request = Request {
        profile: Profile::LeastPrivilege,
        policy_name: "_=Odd".parse().unwrap(),
        ..testing::request(&[whole])
    };
    let files = [cli(&request, &plan), terraform(&request, &plan), cloudformation(&request, &plan).unwrap()];
    insta::assert_snapshot!("what_members_need_in_every_form", shown(&files.concat()));
}

#[test]
fn a_policy_that_iam_would_refuse_is_not_emitted() {
    let mut request = testing::request(&["o-a1b2c3d4e5"]);
    let key = |number: usize| KeyArn { id: format!("{number:036}"), ..testing::key() };
    let mut of = |count: usize| {
        request.keys = (0..count).map(key).collect();
        cloudformation(&request, &testing::empty_plan())
    };
    assert!(of(36).is_ok());
    let error = of(37).unwrap_err().to_string();
    assert!(error.ends_with(" characters without white space, and IAM takes 6144"), "{error}");
}

#[test]
fn what_cloudformation_would_replace_is_not_emitted() {
    let resolved = testing::key_policy(&[("{{resolve:ssm:x}}", &[testing::USER])]);
    let change = testing::update_key_policy(testing::key_policy(&[]), resolved);
    let plan = Plan { changes: vec![change], ..testing::empty_plan() };
    let error = cloudformation(&request(), &plan).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`{}` has `{{{{resolve:ssm:x}}}}`, which CloudFormation would replace with something else",
            testing::KEY
        )
    );
}

#[test]
fn the_ways_back() {
    let plan = Plan { changes: testing::every_way_back(), ..everything() };
    let plan = Plan { handovers: Vec::new(), ..plan };
    let code = |files: Vec<EmittedFile>| -> Vec<EmittedFile> {
        files.into_iter().filter(|file| file.is_executable || file.path.ends_with("keymend.tf")).collect()
    };
    insta::assert_snapshot!(
        shown(&code(cli(&request(), &plan))) + &shown(&code(terraform(&request(), &plan)))
    );
}

#[test]
fn the_least_privilege_is_patched_as_it_was_asked_for() {
    let request = Request { profile: Profile::LeastPrivilege, ..request() };
    let files = cli(&request, &everything());
    let patches =
        files.iter().flat_map(|file| file.text.lines()).filter(|line| line.starts_with("keymend patch"));
    let patches: Vec<&str> = patches.collect();
    assert!(
        !patches.is_empty() && patches.iter().all(|line| line.contains(" --least-privilege ")),
        "{patches:?}"
    );
}

#[test]
fn what_is_hostile_stays_text() {
    let code = |files: Vec<EmittedFile>| -> Vec<EmittedFile> {
        files.into_iter().filter(|file| file.text.starts_with(['#', 't', 'p'])).collect()
    };
    insta::assert_snapshot!(
        shown(&code(cli(&request(), &hostile()))) + &shown(&code(terraform(&request(), &hostile())))
    );
}

#[test]
fn what_is_hostile_stays_text_in_templates() {
    let code = cloudformation(&request(), &hostile()).unwrap();
    insta::assert_snapshot!(shown(&code));
}

#[test]
fn files_stay_in_their_folder() {
    let files = [
        cli(&request(), &hostile()),
        terraform(&request(), &hostile()),
        cloudformation(&request(), &hostile()).unwrap(),
    ];
    for file in files.concat() {
        let (folder, name) = file.path.split_once('/').unwrap();
        assert!(folder.bytes().all(|byte| byte.is_ascii_digit()), "{}", file.path);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        assert!(name.chars().all(is_plain), "{}", file.path);
    }
}

#[test]
fn nothing_is_emitted_for_nothing() {
    assert_eq!(cli(&request(), &testing::empty_plan()), []);
    assert_eq!(cloudformation(&request(), &testing::empty_plan()), Ok(Vec::new()));
    assert_eq!(terraform(&request(), &testing::empty_plan()), []);
}
