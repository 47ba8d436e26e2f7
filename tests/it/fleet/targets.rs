//! Lines that name what leads to keys: what comes of them is what `keymend fix` makes of the same.

use std::fs;

use serde_json::{Value, json};

use super::{CLEAR, Fleet, digest, states};
use crate::fleet_world::{SMALL, fix};
use crate::scene::{Ran, Scene};

const ROLE: &str = "arn:aws:iam::444455556666:role/app-instances";

#[test]
fn what_leads_to_keys_is_asked_as_fix_is_asked() {
    for (world, line, asked) in [
        (
            "default-ebs-key",
            json!({"amis": ["ami-0123456789abcdef0"], "principals": [ROLE]}),
            format!("--ami ami-0123456789abcdef0 --principal {ROLE}"),
        ),
        (
            "terminated-instance",
            json!({"instances": ["i-0123456789abcdef0"], "accounts": ["444455556666"]}),
            "--instance i-0123456789abcdef0 --account 444455556666".to_owned(),
        ),
    ] {
        let scene = Scene::of(world);
        let fix = format!("--dry-run --detailed-exitcode {asked}");
        assert_eq!(scene.fix(&fix).status, 3, "{world}: there is something to do");
        fs::write(scene.path("fleet.jsonl"), format!("{line}\n")).unwrap();
        let on = "--dir fleet --sandbox=world.json";
        let planned = scene.run(&format!("fleet plan --manifest fleet.jsonl {on}"));
        assert_eq!(planned.status, 0, "{world}: {planned}");
        let applied = scene.run(&format!("fleet apply --yes --digest {} {on}", digest(&planned)));
        assert_eq!(applied.status, 0, "{world}: {applied}");
        let states = states(&scene.run("fleet status --dir fleet -o json"));
        assert!(states.values().all(|state| ["done", "nothing"].contains(&state.as_str())), "{states:?}");
        let left = scene.fix(&fix);
        assert_eq!(left.status, 0, "{world}: {left}");
    }
}

/// Keys of one account may be asked for in different ways, and one role may need keys of each: what is written for a line is
/// what `keymend fix` would write for it.
#[test]
fn each_line_is_helped_in_its_own_way() {
    let fleet = Fleet::small();
    let manifest = fleet.scene.path("world.jsonl");
    let ways = [
        json!({}),
        json!({"profile": "least_privilege"}),
        json!({"coverage": "effective"}),
        json!({"purpose": "start"}),
    ];
    let text = fs::read_to_string(&manifest).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (line, way) in lines.iter_mut().zip(ways.iter().cycle()) {
        line.as_object_mut().unwrap().extend(way.as_object().unwrap().clone());
    }
    let texts: Vec<String> = lines.iter().map(Value::to_string).collect();
    fs::write(&manifest, texts.join("\n")).unwrap();
    let planned = fleet.plan("");
    assert_eq!(planned.status, 0, "{planned}");
    let applied = fleet.approved("apply");
    assert_eq!(applied.status, 0, "{applied}");
    let written = fleet.world().to_string();
    assert!(written.contains("kms:ViaService") && written.contains("kms:ListGrants"), "{written}");
    for (line, way) in lines.iter().zip(ways.iter().cycle()) {
        let options = [
            ("profile", "--least-privilege"),
            ("coverage", "--coverage effective"),
            ("purpose", "--purpose start"),
        ];
        let options = options.iter().filter(|(member, _)| way.get(member).is_some());
        let options = options.map(|(_, option)| format!(" {option}")).collect::<Vec<_>>().concat();
        let left = fix(&fleet.scene, line, &format!("--dry-run --detailed-exitcode{options}"));
        assert_eq!(left.status, 0, "{line}: {left}");
    }
}

/// An image of the world, and the key that its snapshot is encrypted under.
fn image_and_key(fleet: &Fleet) -> (String, String) {
    let owner =
        fleet.documents().into_keys().find_map(|name| Some(name.split(':').nth(4)?.to_owned())).unwrap();
    let text = fs::read_to_string(fleet.scene.path(&format!("world/{owner}.json"))).unwrap();
    let world: Value = serde_json::from_str(&text).unwrap();
    let (id, image) = world["images"].as_object().unwrap().iter().next().unwrap();
    let snapshot = image["snapshots"][0].as_str().unwrap();
    (id.clone(), world["snapshots"][snapshot]["key"].as_str().unwrap().to_owned())
}

/// What can't be looked up ends its own line, which is told with its number; the same command goes on where it can be.
#[test]
fn what_a_line_names_and_cannot_be_looked_up_ends_that_line_alone() {
    let fleet = Fleet::of(&format!("{SMALL} {CLEAR} --images"));
    let before = fleet.documents();
    let manifest = fleet.scene.path("world.jsonl");
    let text = fs::read_to_string(&manifest).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (image, key) = &image_and_key(&fleet);
    let by_image = lines.iter().position(|line| line["keys"][0] == json!(key)).unwrap();
    let asked = lines[by_image].clone();
    let grantees = asked["principals"].clone();
    lines[by_image] = json!({"amis": [image], "region": "eu-west-1", "principals": grantees});
    let owner = key.split(':').nth(4).unwrap();
    let alias = format!("arn:aws:kms:eu-west-1:{owner}:alias/gone");
    lines.push(json!({"keys": [alias], "principals": grantees}));
    lines.push(json!({"amis": ["ami-00000000000000000"], "region": "eu-west-1", "organizations": ["o-exampleorgid"]}));
    let texts: Vec<String> = lines.iter().map(Value::to_string).collect();
    fs::write(&manifest, texts.join("\n")).unwrap();
    let [by_image, by_alias, by_no_image] = [by_image + 1, lines.len() - 1, lines.len()];
    let left = |status: &Ran| -> Vec<(u64, String)> {
        let told = status.json()["lines"].as_array().cloned().unwrap_or_default();
        let told = told
            .iter()
            .map(|left| (left["line"].as_u64().unwrap(), left["state"].as_str().unwrap().to_owned()));
        told.collect()
    };
    let number = |line: usize| u64::try_from(line).unwrap();
    let refused = [(number(by_alias), "refused".to_owned()), (number(by_no_image), "refused".to_owned())];
    let throttled: Vec<_> =
        [(number(by_image), "unreachable".to_owned())].into_iter().chain(refused.clone()).collect();

    fleet.set_faults(
        json!([{"operation": "ec2:DescribeImages", "resource": image, "times": 100_000, "fault": "error",
        "code": "RequestLimitExceeded", "message": "Request limit exceeded."}]),
    );
    for shard in ["1/2", "2/2"] {
        let planned = fleet.plan(&format!("--shard {shard}"));
        assert_eq!(planned.status, 7, "{planned}");
        for told in [
            format!("{by_image}  unreachable: "),
            format!("{by_alias}  refused: "),
            "ami-00000000000000000".to_owned(),
        ] {
            assert!(planned.stdout.contains(&told), "{told}: {planned}");
        }
    }
    let status = fleet.status();
    assert_eq!((status.status, left(&status)), (7, throttled.clone()), "{status}");
    let report = fleet.scene.run("fleet status --dir fleet --report fleet.html");
    let page = fs::read_to_string(fleet.scene.path("fleet.html")).unwrap();
    assert!(page.contains("Lines of the manifest that are left out") && page.contains(image), "{report}");
    let applied = fleet.approved("apply");
    assert_eq!(applied.status, 3, "{applied}");
    let states = fleet.states();
    assert!(states.values().all(|state| ["done", "nothing"].contains(&state.as_str())), "{states:?}");
    let partly = fleet.documents();
    assert!(partly[key] == before[key] && partly != before, "only the line's key is as it was");

    // The account whose plan lacked it is planned anew, and applied once more.
    fleet.set_faults(json!([]));
    let digests: String = ["1/2", "2/2"]
        .map(|shard| {
            let planned = fleet.plan(&format!("--shard {shard}"));
            assert_eq!(planned.status, 3, "{planned}");
            format!(" --digest {}", digest(&planned))
        })
        .concat();
    let status = fleet.status();
    assert_eq!(
        (status.status, left(&status)),
        (7, refused.to_vec()),
        "what is planned anew is not applied: {status}"
    );
    assert_eq!(fleet.states()[owner], "not_started", "{status}");
    let applied = fleet.run(&format!("apply --yes{digests}"));
    assert_eq!(applied.status, 3, "{applied}");
    assert_ne!(fleet.documents()[key], before[key]);
    let options = "--dry-run --detailed-exitcode";
    assert_eq!(fix(&fleet.scene, &asked, options).status, 0, "{}", fix(&fleet.scene, &asked, options));

    let back = fleet.approved("rollback");
    assert_eq!(back.status, 0, "{back}");
    assert_eq!(fleet.documents(), before);
}

/// Which accounts a line is about may be known only once it can be looked up: they join the fleet then.
#[test]
fn an_account_that_is_found_later_joins_the_fleet() {
    let fleet = Fleet::of(&format!("{SMALL} {CLEAR} --images"));
    let (image, key) = image_and_key(&fleet);
    let owner = key.split(':').nth(4).unwrap();
    let manifest = fleet.scene.path("world.jsonl");
    let text = fs::read_to_string(&manifest).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_owner = |line: &&Value| line["keys"][0].as_str().unwrap().contains(&format!(":{owner}:"));
    let others = lines.iter().filter(|line| !of_owner(line)).map(Value::to_string);
    let by_image = json!({"amis": [image], "region": "eu-west-1", "accounts": ["500000000000"]}).to_string();
    fs::write(&manifest, others.chain([by_image]).collect::<Vec<_>>().join("\n")).unwrap();
    fleet.set_faults(json!([{"operation": "ec2:DescribeImages", "times": 100_000, "fault": "no_answer"}]));
    let unknown = fleet.plan("");
    assert_eq!(unknown.status, 7, "{unknown}");
    let early = digest(&fleet.status());
    assert!(!fleet.states().contains_key(owner), "nobody knows of it");
    fleet.set_faults(json!([]));
    let planned = fleet.plan("");
    assert_eq!((planned.status, &*fleet.states()[owner]), (0, "planned"), "{planned}");
    // What was approved without it does not approve it.
    let refused = fleet.run(&format!("apply --yes --digest {early}"));
    assert_eq!(refused.status, 2, "{refused}");
    let applied = fleet.approved("apply");
    assert_eq!((applied.status, &*fleet.states()[owner]), (0, "done"), "{applied}");
}

#[test]
fn a_line_that_leads_to_no_key_is_told() {
    let scene = Scene::of("ami-not-encrypted");
    let line = json!({"amis": ["ami-0123456789abcdef0"], "accounts": ["444455556666"]});
    fs::write(scene.path("fleet.jsonl"), line.to_string()).unwrap();
    let planned = scene.run("fleet plan --manifest fleet.jsonl --dir fleet --sandbox=world.json");
    assert_eq!(planned.status, 0, "{planned}");
    assert!(planned.stderr.contains("hint: what line 1 asks about is under no key"), "{planned}");
}

/// A line is told as left out whose image has a snapshot that nobody was shown, also where its others lead to keys; and it is
/// looked up again.
#[test]
fn an_image_of_which_a_snapshot_is_not_shown_is_planned_in_part_and_told() {
    let (hidden, owner) = ("snap-0bbbbbbbbbbbbbbbb", "111122223333");
    let mut its_caller = Value::Null;
    let scene = Scene::changed("ami-with-two-keys", |world| {
        world["snapshots"][hidden]["shared_with"] = json!([]);
        its_caller = world["callers"].as_object_mut().unwrap().shift_remove(owner).unwrap();
        world["default_caller"] = json!("444455556666");
        world.as_object_mut().unwrap().shift_remove("defaults");
    });
    let line = json!({"amis": ["ami-0123456789abcdef0"], "principals": [ROLE]});
    fs::write(scene.path("fleet.jsonl"), line.to_string()).unwrap();
    let plan = "fleet plan --manifest fleet.jsonl --dir fleet --sandbox=world.json";
    let planned = scene.run(plan);
    assert_eq!(planned.status, 3, "{planned}");
    let left = scene.run("fleet status --dir fleet -o json").json()["lines"][0].clone();
    assert_eq!((&left["line"], &left["state"]), (&json!(1), &json!("refused")), "{left}");
    assert!(
        left["cause"]
            .as_str()
            .unwrap()
            .starts_with(&format!("the key of its snapshot `{hidden}` is not known"))
    );
    assert!(planned.stderr.contains("1 keys, 1 pairs"), "the other key is planned: {planned}");

    scene.change(|world| world["callers"][owner] = its_caller);
    let planned = scene.run(plan);
    assert_eq!(planned.status, 0, "{planned}");
    assert!(planned.stderr.contains("2 keys, 2 pairs") && !planned.stdout.contains(hidden), "{planned}");
}
