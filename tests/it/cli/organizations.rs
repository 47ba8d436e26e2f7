//! Organizations and OUs as grantees: what they are let in by, who stays out, and what is no name of one.

use std::fs;

use serde_json::{Value, json};

use crate::scene::{Ran, Scene};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const UNIT: &str = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/";

fn check(scene: &Scene, arguments: &str) -> Ran {
    scene.run(&format!("check --sandbox=world.json {arguments}"))
}

/// A member's role can launch afterwards; the same role of another organization can't, nor can one of the key's account.
#[test]
fn members_are_let_in_and_nobody_else() {
    let scene = Scene::of("organization");
    let role = |account: &str, name: &str| format!("--principal arn:aws:iam::{account}:role/{name}");
    let member = role("444455556666", "app-instances");
    let stranger = role("777788889999", "app-instances");
    assert_eq!(check(&scene, "").status, 3);
    assert_eq!(check(&scene, &member).status, 3);
    assert_eq!(scene.fix("--yes").status, 0);
    assert_eq!(check(&scene, "").status, 0);
    assert_eq!(check(&scene, &format!("--ou {UNIT}")).status, 0);
    assert_eq!(check(&scene, "--organization o-z9y8x7w6v5").status, 4, "the key is of another one");
    assert_eq!(check(&scene, &member).status, 0);
    let out = check(&scene, &stranger);
    assert_eq!(out.status, 3, "{out}");
    // The key's account has its own way in, by IAM, and none by the statement.
    scene.change(|world| {
        let statements = world["keys"][KEY]["policy"]["Statement"].as_array_mut().unwrap();
        statements.retain(|statement| statement["Sid"] == "Allow attachment of persistent resources");
        assert_eq!(statements.len(), 1);
        let managed = world["accounts"]["444455556666"]["policies"].clone();
        world["accounts"]["111122223333"]["policies"] =
            serde_json::from_str(&managed.to_string().replace("444455556666", "111122223333")).unwrap();
        world["accounts"]["111122223333"]["roles"]["KeyAdmin"]["attached"] =
            json!(["arn:aws:iam::111122223333:policy/KmsKeyUsagePolicy"]);
    });
    let at_home = check(&scene, &format!("--all --output json {}", role("111122223333", "KeyAdmin"))).json();
    let outcomes = at_home["checks"][0]["actions"].as_array().unwrap();
    assert!(
        outcomes.len() > 6 && outcomes.iter().all(|action| action["decision"] == "implicit_deny"),
        "{at_home:#}"
    );
}

/// One of them may be denied, or all: the first is told, the second blocks.
#[test]
fn whoever_is_denied_in_the_organization_is_told() {
    let scene = Scene::changed("organization", |world| {
        let statements = world["keys"][KEY]["policy"]["Statement"].as_array_mut().unwrap();
        statements.push(json!({
            "Sid": "Only this OU", "Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
            "Condition": {"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/ou-ab12-99999999/*"}},
        }));
    });
    let whole = scene.fix("--dry-run");
    let unit = scene.fix(&format!("--dry-run --ou {UNIT}"));
    insta::assert_snapshot!(format!("{whole}\n{unit}"));
}

#[test]
fn a_saved_plan_has_them_and_another_organization_blocks() {
    let scene = Scene::of("organization");
    let both = format!("--organization o-a1b2c3d4e5 --ou {UNIT}");
    assert_eq!(scene.fix(&format!("--dry-run --out plan.json {both}")).status, 0);
    let plan: Value = serde_json::from_slice(&fs::read(scene.path("plan.json")).unwrap()).unwrap();
    assert_eq!(plan["request"]["grantees"], json!(["o-a1b2c3d4e5", UNIT]));
    assert_eq!(scene.run("apply plan.json --sandbox=world.json --yes").status, 0);
    let before = scene.content();
    let foreign = scene.fix("--yes --organization o-z9y8x7w6v5");
    assert_eq!((foreign.status, scene.content()), (4, before));
    insta::assert_snapshot!(foreign);
    assert_eq!(scene.fix("--yes --allow-blocked --organization o-z9y8x7w6v5").status, 4);
}

#[test]
fn a_policy_in_a_file_keeps_its_own_account_out() {
    let scene = Scene::with_text("");
    let root = |account: &str| {
        format!(
            r#"{{"Effect": "Allow", "Principal": {{"AWS": "arn:aws:iam::{account}:root"}}, "Action": "kms:*", "Resource": "*"}}"#
        )
    };
    let policy = |statements: &[String]| {
        format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(", "))
    };
    fs::write(scene.path("own.json"), policy(&[root("111122223333")])).unwrap();
    fs::write(scene.path("whose.json"), policy(&[root("111122223333"), root("444455556666")])).unwrap();
    let patched = |ran: Ran| -> Value { serde_json::from_str(&ran.stdout).unwrap() };
    let told = patched(scene.run("patch --organization o-a1b2c3d4e5 own.json"));
    let keyed = patched(scene.run(&format!("patch --organization o-a1b2c3d4e5 --key {KEY} whose.json")));
    for statements in [&told["Statement"], &keyed["Statement"]].map(|list| list.as_array().unwrap()) {
        let added: Vec<&Value> =
            statements.iter().filter(|statement| statement["Principal"]["AWS"] == "*").collect();
        assert_eq!(added.len(), 2);
        for statement in added {
            let condition = &statement["Condition"];
            assert_eq!(condition["StringNotEquals"], json!({"aws:PrincipalAccount": "111122223333"}));
            assert_eq!(condition["StringEquals"], json!({"aws:PrincipalOrgID": "o-a1b2c3d4e5"}));
        }
    }
    let untold = scene.run("patch --organization o-a1b2c3d4e5 whose.json");
    let china = "arn:aws-cn:organizations::111122223333:organization/o-a1b2c3d4e5";
    let elsewhere = scene.run(&format!("patch --organization {china} own.json"));
    let identity = scene.run(&format!("patch --kind identity --key {KEY} --ou {UNIT} own.json"));
    let of_files = |members: &str| {
        scene.run(&format!("check --key {KEY} --key-policy own.json --organization {members}"))
    };
    assert_eq!(of_files("o-a1b2c3d4e5").status, 3);
    let checked = of_files(china);
    insta::assert_snapshot!(format!("{untold}\n{elsewhere}\n{identity}\n{checked}"));
    // Whoever asks may know where a member stands.
    let statement = r#"{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/*"}}}"#;
    fs::write(scene.path("own.json"), policy(&[root("111122223333"), statement.to_owned()])).unwrap();
    let decided = |context: &str| {
        let check = format!(
            "check --key {KEY} --key-policy own.json --organization o-a1b2c3d4e5 --output json {context}"
        );
        scene.run(&check).json()["checks"][0]["actions"][0]["decision"].clone()
    };
    assert_eq!(decided(""), "unknown");
    assert_eq!(decided("--context aws:PrincipalOrgPaths=o-a1b2c3d4e5/r-ab12/"), "allowed");
    assert_eq!(decided("--context aws:PrincipalOrgID=o-z9y8x7w6v5"), "unknown");
}

/// One message for each, with the option that is meant.
#[test]
fn what_is_no_name_of_one_is_told_with_the_right_option() {
    let scene = Scene::of("copied-ami");
    fs::write(scene.path("grantees.txt"), "o-a1b2c3d4e5\no-a1b2c3d4e5/r-ab12/ou-ab12-11111111\n").unwrap();
    let runs = [
        "--account o-a1b2c3d4e5".to_owned(),
        format!("--account {UNIT}"),
        "--principal arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5".to_owned(),
        "--organization 444455556666".to_owned(),
        "--organization o-A1B2C3D4E5".to_owned(),
        format!("--organization {UNIT}"),
        "--ou ou-ab12-11111111".to_owned(),
        "--ou o-a1b2c3d4e5".to_owned(),
        "--ou o-a1b2c3d4e5/r-ab12/".to_owned(),
        "--ou o-a1b2c3d4e5/r-ab12/ou-ab12-11111111".to_owned(),
        "--ou arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5".to_owned(),
        "--organization arn:aws-cn:organizations::111122223333:organization/o-a1b2c3d4e5".to_owned(),
        "--grantees grantees.txt".to_owned(),
    ]
    .map(|arguments| scene.fix(&format!("--dry-run {arguments}")));
    assert!(runs.iter().all(|ran| ran.stdout.is_empty() && ran.status != 0));
    insta::assert_snapshot!(runs.map(|ran| ran.to_string()).join("\n"));
}

/// No call more where nothing that was read, and nobody who was named, has to do with organizations.
#[test]
fn membership_is_read_where_something_needs_it() {
    let reads = |scene: &Scene, asked: &str| {
        let ran = scene.run(&format!("check --sandbox=world.json -v {asked}"));
        ran.stderr.matches("read organization of account").count()
    };
    let plain = Scene::of("copied-ami");
    assert_eq!(reads(&plain, ""), 0);
    assert_eq!(reads(&plain, "--organization o-a1b2c3d4e5"), 1, "the key's account");
    let speaking = Scene::changed("copied-ami", |world| {
        let key = world["keys"].as_object_mut().unwrap().values_mut().next().unwrap();
        key["policy"]["Statement"][0]["Condition"] =
            json!({"StringEquals": {"AWS:principalOrgId": "o-a1b2c3d4e5"}});
    });
    assert_eq!(reads(&speaking, ""), 2, "the key's account and the grantee's");
}

/// Who may not ask knows nothing, and nothing else fails for that: what depends on it is told with the call and AWS's code.
#[test]
fn membership_that_may_not_be_read_is_unknown() {
    let told = |denied: &str| {
        let scene = Scene::changed("organization", |world| {
            world["accounts"]["111122223333"]["organization"] = json!({"id": "o-a1b2c3d4e5"});
            world["callers"]["111122223333"]["denied"] = json!([denied]);
        });
        let ran = scene.fix("--organization o-zzzzzzzzzz --dry-run --output json");
        found(&ran, &["foreign_organization", "membership_unknown"])
    };
    let codes = |found: Vec<Value>| found.iter().map(|one| one["code"].clone()).collect::<Vec<_>>();
    assert_eq!(codes(told("organizations:ListParents")), ["foreign_organization"]);
    let unknown = told("organizations:*");
    assert_eq!(codes(unknown.clone()), ["membership_unknown"]);
    let message = unknown[0]["message"].as_str().unwrap();
    assert!(message.contains(
        "organizations:DescribeOrganization with credentials of account 111122223333: AccessDenied"
    ));
}

const MEMBERS: &str = "organization-members";

/// The findings of these codes, as programs read them.
fn found(ran: &Ran, codes: &[&str]) -> Vec<Value> {
    let report = ran.json();
    super::json::assert_valid(&report);
    let checks = report["checks"].as_array().cloned().unwrap_or_default();
    let of_checks = checks.iter().flat_map(|check| check["findings"].as_array().unwrap().clone());
    let found = report["findings"].as_array().unwrap().iter().cloned().chain(of_checks);
    found.filter(|one| codes.contains(&one["code"].as_str().unwrap())).collect()
}

fn launcher(account: &str) -> String {
    format!("--principal arn:aws:iam::{account}:role/app-instances")
}

#[test]
fn the_story_of_an_ou() {
    let scene = Scene::of(MEMBERS);
    let dry = scene.fix("--dry-run");
    let applied = scene.fix("--yes");
    assert_eq!(scene.fix("--yes --output json").json()["changes"], json!([]));
    insta::assert_snapshot!(format!("{dry}\n{}", applied.after(&dry)));
}

/// An account that is of no organization lacks the key: what asks for it denies, and nothing is left open.
#[test]
fn whoever_is_of_no_organization_is_denied_and_not_unknown() {
    let scene = Scene::of(MEMBERS);
    let decision = |account: &str| {
        let ran = check(&scene, &format!("--output json {}", launcher(account)));
        assert_eq!(found(&ran, &["membership_unknown"]), Vec::<Value>::new(), "{ran}");
        ran.json()["checks"][0]["actions"][0]["decision"].clone()
    };
    assert_eq!(decision("444455556666"), "allowed");
    assert_eq!(decision("777788889999"), "allowed");
    assert_eq!(decision("222233334444"), "implicit_deny");
    let foreign = Scene::changed(MEMBERS, |world| {
        world["accounts"]["111122223333"].as_object_mut().unwrap().remove("organization");
    });
    let before = foreign.content();
    let ran = foreign.fix("--yes --organization o-a1b2c3d4e5");
    assert_eq!((ran.status, foreign.content()), (4, before));
    assert!(ran.stdout.contains("is a member of no organization"), "{ran}");
}

/// Of an account that nobody's credentials serve, the management account or a delegated administrator tells it.
#[test]
fn other_accounts_are_told_by_those_who_may_list_them() {
    let without = |callers: &[&str], delegated: Value| {
        Scene::changed(MEMBERS, |world| {
            for account in callers {
                world["callers"].as_object_mut().unwrap().remove(*account);
            }
            world["organizations"]["o-a1b2c3d4e5"]["delegated_administrators"] = delegated;
        })
    };
    let decided = |scene: &Scene, account: &str| {
        let ran = check(scene, &format!("--output json --account {account}"));
        let codes = found(&ran, &["membership_unknown"]);
        (ran.json()["checks"][0]["actions"][0]["decision"].clone(), codes)
    };
    let managed = without(&["444455556666"], json!([]));
    assert_eq!(decided(&managed, "444455556666"), (json!("allowed"), vec![]));
    let delegated = without(&["444455556666", "999988887777"], json!(["111122223333"]));
    assert_eq!(decided(&delegated, "444455556666"), (json!("allowed"), vec![]));
    let nobody = without(&["444455556666", "999988887777"], json!([]));
    let (decision, told) = decided(&nobody, "444455556666");
    assert_eq!((decision, told.len()), (json!("unknown"), 1));
    let message = told[0]["message"].as_str().unwrap();
    assert!(message.contains("organizations:ListAccounts with credentials of account"), "{message}");
    assert!(message.ends_with(": AccessDeniedException"), "{message}");
    let (decision, told) = decided(&managed, "555566667777");
    assert_eq!((decision, told.len()), (json!("unknown"), 1), "it is of another one, or of none");
    assert!(
        told[0]["message"].as_str().unwrap().ends_with("account 555566667777 is no member of o-a1b2c3d4e5")
    );
    insta::assert_snapshot!(check(&nobody, "--account 444455556666"));
}

/// Whatever the reason is, it is told with AWS's code, and only where something depends on it.
#[test]
fn why_membership_is_not_known_is_told_where_something_depends_on_it() {
    let failing = |operation: &str, code: &str| {
        Scene::changed(MEMBERS, |world| {
            let fault = |operation: &str| json!({"operation": operation, "times": 99, "fault": "error", "code": code});
            world["faults"] = json!([fault(operation), fault("organizations:ListAccounts")]);
        })
    };
    let describe = "organizations:DescribeOrganization";
    for code in ["AccessDeniedException", "TooManyRequestsException", "ServiceException"] {
        let ran = check(&failing(describe, code), &format!("--output json {}", launcher("444455556666")));
        let told = found(&ran, &["membership_unknown"]);
        assert_eq!((ran.status, told.len()), (3, 1), "{ran}");
        let expected = format!("{describe} with credentials of account 444455556666: {code}");
        assert!(told[0]["message"].as_str().unwrap().ends_with(&expected), "{told:?}");
        assert!(told[0]["hint"].as_str().unwrap().contains("organizations:ListAccounts"), "{told:?}");
    }
    let none = check(
        &failing(describe, "AWSOrganizationsNotInUseException"),
        &format!("--output json {}", launcher("444455556666")),
    );
    assert_eq!(none.json()["checks"][0]["actions"][0]["decision"], "implicit_deny", "{none}");
    // The key's own account decides by its delegation, whatever its organization is.
    let own = check(&failing(describe, "AccessDeniedException"), "--output json --account 111122223333");
    assert_eq!((own.status, found(&own, &["membership_unknown"])), (0, vec![]), "{own}");
    // Paths are another matter than the organization.
    let scene = Scene::changed(MEMBERS, |world| {
        let statement = &mut world["keys"][KEY]["policy"]["Statement"][1];
        statement["Condition"] = json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"}});
        world["callers"]["999988887777"]["denied"] = json!(["organizations:ListParents"]);
    });
    let ran = check(&scene, &launcher("444455556666"));
    assert_eq!(ran.status, 3);
    insta::assert_snapshot!(ran);
    scene.change(|world| world["callers"]["999988887777"]["denied"] = json!([]));
    assert_eq!(check(&scene, &launcher("444455556666")).status, 0);
    assert_eq!(check(&scene, &launcher("222233334444")).status, 3);
}

/// An ARN tells no path: it is read where somebody may, and else `*` stands there, with the reason.
#[test]
fn an_ou_that_an_arn_tells_is_looked_up() {
    const ARN: &str = "arn:aws:organizations::999988887777:ou/o-a1b2c3d4e5/ou-ab12-22222222";
    let asked = |scene: &Scene, unit: &str| {
        let ran = scene.fix(&format!("--dry-run --output json --ou {unit}"));
        let told = found(&ran, &["ou_path_unknown"]);
        (ran.json()["request"]["grantees"][0].clone(), told)
    };
    let scene = Scene::of(MEMBERS);
    let exact = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/";
    assert_eq!(asked(&scene, ARN), (json!(exact), vec![]));
    // Whoever writes the wildcard means it.
    let wildcard = "o-a1b2c3d4e5/*/ou-ab12-22222222/";
    assert_eq!(asked(&scene, wildcard), (json!(wildcard), vec![]));
    let (unit, told) = asked(&scene, &ARN.replace("22222222", "99999999"));
    assert_eq!((unit, told.len()), (json!("o-a1b2c3d4e5/*/ou-ab12-99999999/"), 1));
    scene.change(|world| _ = world["callers"].as_object_mut().unwrap().remove("999988887777"));
    let (unit, told) = asked(&scene, ARN);
    assert_eq!((unit, told.len()), (json!(wildcard), 1));
    let message = told[0]["message"].as_str().unwrap();
    assert!(message.contains("`o-a1b2c3d4e5/*/ou-ab12-22222222/*`"), "{message}");
    assert!(
        message.contains("organizations:ListParents with credentials of account 111122223333: AccessDenied")
    );
}

/// Policies that are given rather than read speak of organizations too.
#[test]
fn given_policies_have_membership_read() {
    let scene = Scene::of("copied-ami");
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
         "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}},
    ]});
    fs::write(
        scene.path("rcp.json"),
        policy.to_string().replace(r#""Effect":"Allow","#, r#""Effect":"Allow","Principal":"*","#),
    )
    .unwrap();
    let reads = |arguments: &str| {
        let ran = scene.run(&format!("fix --dry-run --sandbox=world.json -v {arguments}"));
        ran.stderr.matches("read organization of account").count()
    };
    assert_eq!((reads(""), reads("--rcp rcp.json")), (0, 2));
}

/// An image that is shared with an organization or OU is for its members, and for nobody else.
#[test]
fn members_see_what_is_shared_with_their_organization() {
    let check = |scene: &Scene, account: &str| {
        let ran = check(scene, &format!("--ami ami-0123456789abcdef0 --output json {}", launcher(account)));
        !found(&ran, &["launch_permission"]).is_empty()
    };
    let scene = Scene::of(MEMBERS);
    let is_kept_out =
        |scene: &Scene| ["444455556666", "777788889999", "222233334444"].map(|account| check(scene, account));
    assert_eq!(is_kept_out(&scene), [false, true, true]);
    scene.change(|world| {
        world["images"]["ami-0123456789abcdef0"]["shared_with"] =
            json!(["arn:aws:organizations::999988887777:organization/o-a1b2c3d4e5"]);
    });
    assert_eq!(is_kept_out(&scene), [false, false, true]);
    scene.change(|world| {
        world["images"]["ami-0123456789abcdef0"]["shared_with"] =
            json!(["arn:aws:organizations::999988887777:organization/o-zzzzzzzzzz"]);
    });
    assert_eq!(is_kept_out(&scene), [true, true, true]);
}

/// What the members' accounts need stands in the document for programs, whole, and that it is too large for IAM is told.
#[test]
fn the_members_policy_is_given_to_programs_and_its_size_is_told() {
    let scene = Scene::of(MEMBERS);
    let planned = scene.fix("--dry-run --output json --policy-name Odd.name").json();
    super::json::assert_valid(&planned);
    let members = &planned["members"];
    assert_eq!(members["members"], json!(["o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/"]));
    assert_eq!((&members["policy_name"], &members["is_too_large"]), (&json!("Odd.name"), &json!(false)));
    let document: Value = serde_json::from_str(members["document"].as_str().unwrap()).unwrap();
    assert_eq!(document["Statement"][0]["Sid"], "AllowUseOfTheKey");
    assert_eq!(document["Statement"][0]["Resource"], json!([KEY]));
    let nobody = scene.fix("--dry-run --output json --account 444455556666").json();
    assert_eq!(nobody.get("members"), None);

    let ids: Vec<String> =
        (10..60).map(|index| KEY.replace("1234567890ab", &format!("1234567890{index}"))).collect();
    scene.change(|world| {
        let key = world["keys"][KEY].clone();
        for id in &ids {
            world["keys"][id] = json!({"policy": key["policy"]});
        }
    });
    let asked: Vec<String> = ids.iter().map(|id| format!("--key {id}")).collect();
    let ran = scene.fix(&format!("--dry-run --organization o-a1b2c3d4e5 {}", asked.join(" ")));
    let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("for all 50 keys would have "), "{ran}");
    assert!(text.contains("IAM takes 6144") && text.contains("give fewer keys at once"), "{ran}");
}

const OWN_ROLES: &str = "--autoscaling o-a1b2c3d4e5";

/// One statement for all accounts; each makes its own role's grant then, and an account of another organization none.
#[test]
fn accounts_make_the_grants_of_their_own_auto_scaling_roles() {
    let scene = Scene::of("autoscaling-organization");
    let mut before = Value::Null;
    scene.change(|world| before = world["keys"][KEY]["policy"].clone());
    assert_eq!(check(&scene, "").status, 3);
    let fixed = scene.fix("--yes");
    assert_eq!(fixed.status, 0, "{fixed}");
    assert_eq!(scene.fix("--dry-run --detailed-exitcode").status, 0, "nothing is planned again");
    let checked = check(&scene, "");
    assert_eq!(checked.status, 0, "{checked}");
    // Of a member nothing but the grant is planned, of a stranger the key policy has to change.
    let changes = |account: &str| -> Vec<String> {
        let plan = scene.fix(&format!("--dry-run --output json --autoscaling {account}")).json();
        let changes = plan["changes"].as_array().unwrap().iter();
        changes.map(|change| change["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(changes("444455556666"), ["create_grant"]);
    assert_eq!(changes("777788889999"), ["update_key_policy", "create_grant"]);
    assert_eq!(scene.fix("--yes --autoscaling 444455556666").status, 0);
    assert_eq!(check(&scene, "--autoscaling 444455556666").status, 0);
    assert_eq!(check(&scene, "--autoscaling 777788889999").status, 3);
    let journals = fs::read_dir(scene.path("world.json.journal")).unwrap();
    let first = journals.map(|journal| journal.unwrap().path()).filter(|path| path.is_file()).min().unwrap();
    let first = first.file_stem().unwrap().to_str().unwrap();
    for run in ["", first] {
        let undone = scene.run(&format!("rollback {run} --sandbox=world.json --yes"));
        assert_eq!(undone.status, 0, "{undone}");
    }
    scene.change(|world| assert_eq!(world["keys"][KEY]["policy"], before));
    insta::assert_snapshot!(format!("{fixed}\n{checked}"));
}

/// Where variables are plain text nothing is written; the accounts one by one are.
#[test]
fn a_policy_of_an_older_version_is_left_alone() {
    let scene = Scene::changed("autoscaling-organization", |world| {
        world["keys"][KEY]["policy"].as_object_mut().unwrap().remove("Version");
    });
    let before = scene.content();
    let refused = scene.fix("--yes");
    assert_eq!((refused.status, scene.content()), (4, before));
    assert_eq!(check(&scene, "").status, 4);
    assert_eq!(scene.fix("--yes --autoscaling 444455556666").status, 0);
    insta::assert_snapshot!(refused);
}

/// What is saved, emitted and patched has the variable as it stands, and no tool's language takes it for its own.
#[test]
fn the_variable_stays_what_it_is_in_every_form() {
    const VARIABLE: &str = "arn:aws:iam::${aws:PrincipalAccount}:role/";
    let scene = Scene::of("autoscaling-organization");
    let saved = scene.fix(&format!("--dry-run --out plan.json {OWN_ROLES}:blue --autoscaling {UNIT}"));
    assert_eq!(saved.status, 0, "{saved}");
    let plan: Value = serde_json::from_slice(&fs::read(scene.path("plan.json")).unwrap()).unwrap();
    assert_eq!(
        plan["request"]["grantees"],
        json!(["autoscaling:o-a1b2c3d4e5:blue", format!("autoscaling:{UNIT}")])
    );
    for form in ["terraform", "cloudformation", "cli"] {
        assert_eq!(scene.fix(&format!("--dry-run --emit {form} --emit-dir {form}")).status, 0);
        let files = fs::read_dir(scene.path(&format!("{form}/111122223333"))).unwrap();
        let mut stands = 0;
        for file in files.map(|file| file.unwrap().path()) {
            let text = fs::read_to_string(&file).unwrap();
            let is_code = file.extension().is_some_and(|end| end == "tf" || end == "sh");
            assert!(!(is_code && text.contains("aws:PrincipalAccount")), "{}", file.display());
            assert!(!text.contains("Fn::Sub") && !text.contains("!Sub"));
            stands += text.matches(VARIABLE).count();
        }
        assert_eq!(stands, 1, "{form}");
    }
    assert_eq!(scene.run("apply plan.json --sandbox=world.json --yes").status, 0);
    assert_eq!(check(&scene, &format!("{OWN_ROLES}:blue")).status, 0);
    assert_eq!(check(&scene, OWN_ROLES).status, 3, "the default role is another one");
    assert_eq!(check(&scene, &format!("--autoscaling {UNIT}")).status, 0);
    // Without AWS.
    let root = r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"}"#;
    let policy = |version: &str| format!(r#"{{{version} "Statement": [{root}]}}"#);
    fs::write(scene.path("new.json"), policy(r#""Version": "2012-10-17","#)).unwrap();
    fs::write(scene.path("old.json"), policy("")).unwrap();
    let patched = scene.run(&format!("patch {OWN_ROLES} --autoscaling 444455556666 new.json"));
    assert_eq!((patched.status, patched.stdout.matches(VARIABLE).count()), (0, 1), "{patched}");
    assert!(patched.stdout.contains("arn:aws:iam::444455556666:root"));
    let old = scene.run(&format!("patch {OWN_ROLES} old.json"));
    assert_eq!(old.status, 4);
    insta::assert_snapshot!(old);
}
