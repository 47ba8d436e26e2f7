//! `keymend survey`: all that is shared in several accounts and regions, who can't launch it and why, and what was not
//! looked at.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::json::assert_valid;
use crate::fleet_world::made;
use crate::scene::{Ran, Scene};

const WORLD: &str = "survey";
const OWNER: &str = "111122223333";
const SECOND: &str = "222233334444";
const REQUESTER: &str = "444455556666";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1111aaaa-12ab-34cd-56ef-1234567890ab";
const MENDED: &str = "arn:aws:kms:us-east-1:111122223333:key/3333cccc-12ab-34cd-56ef-1234567890ab";
const OTHER_MENDED: &str = "arn:aws:kms:us-east-1:111122223333:key/9999cccc-12ab-34cd-56ef-1234567890ab";
const DISABLED: &str = "arn:aws:kms:eu-west-1:222233334444:key/4444dddd-12ab-34cd-56ef-1234567890ab";
const MENDED_AMI: &str = "ami-000000000000000a4";

/// The survey of a scene's world, as wide as a terminal of 100 columns.
fn survey(scene: &Scene, arguments: &str) -> Ran {
    let line = format!("survey --sandbox=world.json {arguments}");
    let mut command = scene.command(&line);
    scene.run_command(command.env("COLUMNS", "100"), &line)
}

/// The world in which nothing but what can be launched is left, and one account may be read.
fn mended(change: impl FnOnce(&mut Value)) -> Scene {
    Scene::changed(WORLD, |world| {
        let images = world["images"].as_object_mut().unwrap();
        images.retain(|id, _| id == MENDED_AMI);
        world["callers"].as_object_mut().unwrap().remove("333344445555");
        change(world);
    })
}

/// A fault of a call, by its number.
fn fault(operation: &str, call: usize, code: &str) -> Value {
    json!({"operation": operation, "call": call, "fault": "error", "code": code})
}

/// The lines of a survey that are of a kind.
fn records(ran: &Ran, kind: &str) -> Vec<Value> {
    let lines = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["record"] == kind).collect()
}

fn member<'v>(record: &'v Value, name: &str) -> &'v str {
    record[name].as_str().unwrap()
}

#[test]
fn what_is_shared_and_who_can_not_launch_it() {
    let scene = Scene::of(WORLD);
    let before = scene.content();
    let ran = survey(&scene, "--organization");
    assert_eq!(ran.status, 3);
    insta::assert_snapshot!(ran);
    insta::assert_snapshot!("details", survey(&scene, "--organization=o-a1b2c3d4e5 --details --quiet"));
    assert_eq!(scene.content(), before, "nothing is written");
}

#[test]
fn lines_for_programs() {
    let scene = Scene::of(WORLD);
    for form in ["jsonl", "csv"] {
        let ran = survey(&scene, &format!("--organization --quiet -o {form}"));
        insta::assert_snapshot!(form, ran);
    }
}

#[test]
fn one_document_for_programs() {
    let ran = survey(&Scene::of(WORLD), "--organization -o json");
    let document = ran.json();
    assert_valid(&document);
    assert_eq!((document["exit_status"].as_i64(), member(&document, "outcome")), (Some(3), "access_missing"));
    let found = &document["survey"];
    let count = |list: &str| found[list].as_array().unwrap().len();
    assert_eq!([count("looked_at"), count("pairs"), count("causes"), count("not_looked_at")], [6, 12, 5, 3]);
    let lacking = &found["causes"][0];
    assert_eq!(
        lacking["causes"][0],
        json!({"kind": "lacks", "statement": "Allow attachment of persistent resources"})
    );
    assert_eq!(lacking["keys"].as_array().unwrap().len(), 2);
}

/// There is one evaluation: of each AMI `check --shared` concludes the same.
#[test]
fn it_concludes_what_check_concludes() {
    let scene = Scene::of(WORLD);
    let pairs = records(&survey(&scene, "-o jsonl"), "pair");
    let world: Value = serde_json::from_slice(&fs::read(scene.path("world.json")).unwrap()).unwrap();
    let mut checked = 0;
    for (ami, image) in world["images"].as_object().unwrap() {
        let own = |pair: &&Value| member(pair, "ami") == ami && member(pair, "grantee") != "*";
        let found: BTreeSet<[String; 4]> = pairs
            .iter()
            .filter(own)
            .map(|pair| ["key", "grantee", "conclusion", "remedy"].map(|name| member(pair, name).to_owned()))
            .collect();
        // What lives in another region has no option in a world.
        scene.change(|world| world["region"] = image.get("region").cloned().unwrap_or(json!("eu-west-1")));
        let check = scene.run(&format!("check --sandbox=world.json --ami {ami} --shared -o json")).json();
        scene.change(|world| world["region"] = json!("eu-west-1"));
        let expected: BTreeSet<[String; 4]> = check["checks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|check| {
                ["key", "grantee", "conclusion", "remedy"].map(|name| member(check, name).to_owned())
            })
            .collect();
        assert_eq!(found, expected, "{ami}");
        checked += found.len();
    }
    assert_eq!(checked, 11);
}

#[test]
fn exit_statuses() {
    const THROTTLED: &str = "RequestLimitExceeded";
    let nobody = |world: &mut Value| world["callers"][OWNER]["denied"] = json!(["ec2:DescribeImages"]);
    for (what, scene, arguments, status, outcome) in [
        ("all can launch", mended(|_| {}), "", 0, "can_launch"),
        ("nothing is shared", mended(|world| world["images"] = json!({})), "", 0, "can_launch"),
        (
            "one can't",
            mended(|world| world["keys"][MENDED]["policy"]["Statement"] = json!([])),
            "",
            3,
            "access_missing",
        ),
        ("an account has no credentials", mended(|_| {}), "--organization", 3, "unknown"),
        (
            "a region is throttled",
            mended(|world| world["faults"] = json!([fault("ec2:DescribeImages", 1, THROTTLED)])),
            "",
            7,
            "incomplete",
        ),
        (
            "one can't, and a region is throttled",
            Scene::changed(WORLD, |world| {
                world["faults"] = json!([fault("ec2:DescribeImages", 1, THROTTLED)]);
            }),
            "",
            7,
            "incomplete",
        ),
        (
            "nobody answers for an AMI",
            mended(|world| {
                world["faults"] = json!([{"operation": "ec2:DescribeImageAttribute", "fault": "no_answer"}]);
            }),
            "",
            7,
            "incomplete",
        ),
        (
            "nothing may be read",
            mended(|world| {
                world["callers"].as_object_mut().unwrap().retain(|account, _| account == OWNER);
                nobody(world);
            }),
            "",
            1,
            "failed",
        ),
        (
            "nothing could be read, and may be another time",
            mended(|world| {
                world["callers"].as_object_mut().unwrap().retain(|account, _| account == OWNER);
                world["faults"] = json!([
                    {"operation": "ec2:DescribeImages", "times": 2, "fault": "error", "code": THROTTLED}
                ]);
            }),
            "",
            7,
            "incomplete",
        ),
        ("another organization", Scene::of(WORLD), "--organization=o-zzzzzzzzzz", 2, "failed"),
    ] {
        let ran = survey(&scene, &format!("{arguments} -o json"));
        let document = ran.json();
        assert_valid(&document);
        assert_eq!((ran.status, member(&document, "outcome")), (status, outcome), "{what}: {ran}");
        assert_eq!(document["exit_status"], status, "{what}");
    }
}

/// What fails is told, and is all that is missing.
#[test]
fn a_failure_ends_nothing_but_itself() {
    let all = records(&survey(&Scene::of(WORLD), "-o jsonl"), "pair");
    let without = |left_out: &dyn Fn(&Value) -> bool| -> Vec<Value> {
        all.iter().filter(|pair| !left_out(pair)).cloned().collect()
    };
    let denied = |permission: &str| json!([permission]);
    for (what, scene, left_out, gap) in [
        (
            "an account that nobody may look into",
            Scene::changed(WORLD, |world| world["callers"][SECOND]["denied"] = denied("ec2:DescribeImages")),
            Box::new(|pair: &Value| member(pair, "account") == SECOND) as Box<dyn Fn(&Value) -> bool>,
            json!([SECOND, "eu-west-1", null, "access_denied"]),
        ),
        (
            "a region that is throttled",
            Scene::changed(WORLD, |world| {
                world["faults"] = json!([fault("ec2:DescribeImages", 1, "Throttling")]);
            }),
            Box::new(|pair| member(pair, "account") == OWNER && member(pair, "region") == "eu-west-1"),
            json!([OWNER, "eu-west-1", null, "throttled"]),
        ),
        (
            "a region that is not enabled",
            Scene::changed(WORLD, |world| {
                world["faults"] = json!([fault("ec2:DescribeImages", 1, "AuthFailure")]);
            }),
            Box::new(|pair| member(pair, "account") == OWNER && member(pair, "region") == "eu-west-1"),
            json!([OWNER, "eu-west-1", null, "region_not_enabled"]),
        ),
        (
            "whom one AMI is shared with",
            Scene::changed(WORLD, |world| {
                world["faults"] = json!([fault("ec2:DescribeImageAttribute", 1, "UnauthorizedOperation")]);
            }),
            Box::new(|pair| member(pair, "ami") == "ami-000000000000000a1"),
            json!([OWNER, "eu-west-1", "ami-000000000000000a1", "access_denied"]),
        ),
        (
            "the keys of an account",
            Scene::changed(WORLD, |world| world["callers"][SECOND]["denied"] = denied("kms:GetKeyPolicy")),
            Box::new(|pair| member(pair, "account") == SECOND),
            json!([SECOND, "eu-west-1", DISABLED, "access_denied"]),
        ),
    ] {
        let ran = survey(&scene, "-o jsonl");
        let gaps: Vec<Value> = records(&ran, "gap")
            .iter()
            .filter(|gap| member(gap, "account") != "333344445555")
            .map(|gap| json!([gap["account"], gap["region"], gap["resource"], gap["reason"]]))
            .collect();
        assert_eq!(gaps.first(), Some(&gap), "{what}: {ran}");
        assert_eq!(records(&ran, "pair"), without(&left_out), "{what}");
        // Whatever the form, it is said.
        let said = |form: &str| survey(&scene, form).stdout;
        let (text, account) = (said(""), gap[0].as_str().unwrap());
        assert!(text.split_once("Not looked at").unwrap().1.contains(account), "{what}: {text}");
        assert!(said("-o csv").lines().any(|line| line.starts_with(&format!("gap,{account}"))), "{what}");
    }
}

/// One key of an AMI's two that can't be read leaves what is concluded of the other one.
#[test]
fn a_key_that_can_not_be_read_is_left_out_alone() {
    const BOTH: &str = "ami-000000000000000a2";
    let scene = Scene::changed(WORLD, |world| {
        // The second call is about the first of the two keys, and ends what is read for both; the third is about it
        // alone.
        world["faults"] = json!([
            {"operation": "kms:DescribeKey", "call": 2, "times": 2, "fault": "error", "code": "ThrottlingException"}
        ]);
    });
    let (ran, whole) = (survey(&scene, "-o jsonl"), survey(&Scene::of(WORLD), "-o jsonl"));
    let gap = &records(&ran, "gap")[0];
    assert_eq!((member(gap, "resource"), member(gap, "reason")), (KEY, "throttled"), "{ran}");
    let mut expected = records(&whole, "pair");
    expected.retain(|pair| (member(pair, "ami"), member(pair, "key")) != (BOTH, KEY));
    assert_eq!(records(&ran, "pair"), expected);
    assert_eq!(ran.status, 7);
    // The other one's launch is no launch of the AMI.
    let scene = mended(|world| {
        let (ami, both) = (MENDED_AMI, json!(["snap-00000000000000a40", "snap-00000000000000a41"]));
        world["images"][ami]["snapshots"] = both;
        let key = OTHER_MENDED;
        world["snapshots"]["snap-00000000000000a41"] =
            json!({"owner": OWNER, "region": "us-east-1", "key": key});
        world["keys"][key] = world["keys"][MENDED].clone();
        world["faults"] = json!([
            {"operation": "kms:DescribeKey", "call": 1, "times": 2, "fault": "error", "code": "ThrottlingException"}
        ]);
    });
    let text = survey(&scene, "").stdout.replace('\n', " ");
    assert!(text.contains("0 can be made, 0 can't, and of 2 nobody can tell"), "{text}");
}

#[test]
fn what_to_mend_is_saved_a_key_a_line() {
    let scene = Scene::of(WORLD);
    for _ in 0..2 {
        let ran = survey(&scene, "--out mend.jsonl --quiet");
        assert_eq!(ran.status, 3, "{ran}");
        let file = scene.path("mend.jsonl");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(file).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let key = |account: &str, id: &str| {
            format!("arn:aws:kms:eu-west-1:{account}:key/{id}-12ab-34cd-56ef-1234567890ab")
        };
        assert_eq!(
            lines,
            [
                json!({"keys": [KEY], "accounts": [REQUESTER, "777788889999"]}),
                json!({"keys": [key(OWNER, "2222bbbb")], "accounts": [REQUESTER]}),
                json!({"keys": [key(SECOND, "5555eeee")], "organizations": ["o-a1b2c3d4e5"]}),
            ],
            "{text}"
        );
    }
    // What can't be written is told before anything is read, and leaves what is there.
    let refused = survey(&scene, "--out no/such/folder/mend.jsonl");
    assert_eq!((refused.status, refused.stdout.as_str()), (1, ""), "{refused}");
    let scene = mended(|_| {});
    assert_eq!(survey(&scene, "--out mend.jsonl").status, 0);
    assert_eq!(fs::read_to_string(scene.path("mend.jsonl")).unwrap(), "", "nothing is to be mended");
}

#[test]
fn accounts_of_a_file_are_those_that_are_looked_at() {
    let scene = Scene::of(WORLD);
    fs::write(scene.path("accounts.txt"), "# ours\n9999-8888-7777\n555566667777 # new\n").unwrap();
    let ran = survey(&scene, "--accounts accounts.txt -o jsonl");
    let missing: Vec<String> = records(&ran, "gap")
        .iter()
        .filter(|gap| gap["reason"] == "no_credentials")
        .map(|gap| member(gap, "account").to_owned())
        .collect();
    assert_eq!(missing, ["555566667777", "999988887777"]);
    fs::write(scene.path("accounts.txt"), "111122223333\nprod\n").unwrap();
    let ran = survey(&scene, "--accounts accounts.txt");
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("the file `accounts.txt`, line 2: `prod` is not an account id"), "{ran}");
}

/// What the account has set for itself has a say: its Allowed AMIs, and the key that it encrypts with.
#[test]
fn what_a_requester_has_set_for_itself_is_looked_at_where_credentials_serve_it() {
    let allowed = |world: &mut Value| {
        world["accounts"][REQUESTER]["allowed_images"] =
            json!({"state": "enabled", "criteria": [{"providers": ["amazon"]}]});
    };
    let ran = survey(&mended(allowed), "-o jsonl");
    let pairs = records(&ran, "pair");
    let own = pairs.iter().find(|pair| member(pair, "grantee").contains(REQUESTER)).unwrap();
    assert_eq!(
        (member(own, "conclusion"), &own["causes"][0]["code"]),
        ("missing", &json!("image_not_allowed")),
        "{ran}"
    );
    assert!(own["causes"][0]["message"].as_str().unwrap().contains("ACCOUNT"), "the same for every account");

    let scene = mended(|world| {
        allowed(world);
        world["faults"] = json!([fault("ec2:GetAllowedImagesSettings", 1, "RequestLimitExceeded")]);
    });
    let ran = survey(&scene, "-o jsonl");
    assert_eq!(ran.status, 7, "{ran}");
    let gaps = records(&ran, "gap");
    assert_eq!((member(&gaps[0], "account"), member(&gaps[0], "reason")), (REQUESTER, "throttled"));
    assert_eq!(records(&ran, "pair").len(), 2, "whoever has said nothing is judged without it");
}

#[test]
fn whatever_names_say_is_text() {
    const NAME: &str = "=cmd|' /C calc'!A0\u{1b}[2J<script>alert(1)</script>\u{202e}";
    let scene = Scene::changed(WORLD, |world| {
        world["images"]["ami-000000000000000a1"]["name"] = json!(NAME);
    });
    for form in ["text", "json", "jsonl", "csv"] {
        let ran = survey(&scene, &format!("--details -o {form} --report survey.html"));
        assert!(!ran.stdout.contains(['\u{1b}', '\u{202e}']), "{form}");
        if form == "csv" {
            assert!(ran.stdout.contains(",\"'=cmd|"), "{ran}");
        }
    }
    let page = fs::read_to_string(scene.path("survey.html")).unwrap();
    assert!(!page.contains("<script") && !page.contains('\u{1b}') && page.contains("default-src 'none'"));
}

#[test]
fn a_report_has_what_the_text_has() {
    let scene = Scene::of(WORLD);
    let ran = survey(&scene, "--organization --report survey.html --quiet");
    assert_eq!(ran.status, 3);
    let page = fs::read_to_string(scene.path("survey.html")).unwrap();
    let mut missing = String::new();
    for told in [
        "2 accounts and 1 organization lack &quot;Allow use of the key&quot;",
        "account 444455556666",
        "ami-000000000000000b1",
        "Not looked at",
        "account 555566667777",
        "account 333344445555 (eu-west-1, us-east-1)",
        "assumed-role/Auditor/survey",
    ] {
        if !page.contains(told) {
            writeln!(missing, "{told}").unwrap();
        }
    }
    assert_eq!(missing, "", "{page}");
    let refused = survey(&scene, "--report no/such/folder/survey.html");
    assert_eq!(refused.status, 1);
    assert!(refused.stdout.is_empty(), "it is told before anything is read: {refused}");
}

#[test]
fn the_parts_of_1_4_and_16_shards_are_together_the_whole() {
    const IMAGES: &str =
        "--seed 5 --key-accounts 3 --keys 6 --accounts 8 --shares 3 --roles 1 --no-credentials 2 --images";
    let scene = Scene::with_text("");
    made(&scene, "world", IMAGES);
    let [whole, four, sixteen] = [1, 4, 16].map(|shards| {
        let (mut lines, mut manifest, mut statuses) = (Vec::new(), String::new(), BTreeSet::new());
        for shard in 1..=shards {
            let options = format!("--shard {shard}/{shards} -o jsonl --out mend.jsonl");
            let ran = scene.run(&format!("survey --sandbox=world {options}"));
            assert!([0, 3].contains(&ran.status), "{ran}");
            statuses.insert(ran.status);
            lines.extend(ran.stdout.lines().map(str::to_owned));
            manifest.push_str(&fs::read_to_string(scene.path("mend.jsonl")).unwrap());
        }
        let pairs: Vec<&String> = lines.iter().filter(|line| line.contains("\"record\":\"pair\"")).collect();
        assert_eq!(pairs.iter().collect::<BTreeSet<_>>().len(), pairs.len(), "a pair is there twice");
        let mut mend: Vec<&str> = manifest.lines().collect();
        mend.sort_unstable();
        let mend: Vec<String> = mend.into_iter().map(str::to_owned).collect();
        (lines.into_iter().collect::<BTreeSet<_>>(), mend, statuses.last().copied())
    });
    assert_eq!((whole.1.len(), whole.2), (18, Some(3)), "{:?}", whole.1);
    assert!(whole.0.len() > 18 * 3, "{:?}", whole.0);
    assert_eq!(whole, four);
    assert_eq!(whole, sixteen);
    let unsharded = scene.run("survey --sandbox=world -o jsonl");
    assert_eq!(unsharded.stdout.lines().map(str::to_owned).collect::<BTreeSet<_>>(), whole.0);
    let wrong = scene.run("survey --sandbox=world --shard 5/4");
    assert_eq!(wrong.status, 2, "{wrong}");
}
