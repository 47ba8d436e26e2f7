//! What is not begun, and what is not believed.

use std::fs;

use serde_json::{Value, json};

use super::{Fleet, change_json, count, digest, states};
use crate::fleet_world::SMALL;

#[test]
fn a_wrong_digest_writes_nothing() {
    let fleet = Fleet::small();
    let planned = fleet.plan("");
    let before = fleet.documents();
    let wrong = "0".repeat(64);
    let refused = fleet.run(&format!("apply --yes --digest {wrong}"));
    assert_eq!(refused.status, 2, "{refused}");
    assert!(refused.stderr.contains("it is not what was approved"), "{refused}");
    let unasked = fleet.run("apply");
    assert_eq!(unasked.status, 5, "{unasked}");
    assert!(unasked.stderr.contains(&digest(&planned)), "{unasked}");
    assert_eq!(fleet.run("apply --yes").status, 2, "without a digest");
    assert_eq!(fleet.documents(), before);
}

#[test]
fn an_edited_plan_is_refused_and_the_others_are_done() {
    let fleet = Fleet::small();
    fleet.plan("");
    let before = fleet.documents();
    let account = fleet.states().into_keys().next().unwrap();
    let file = format!("fleet/plans/{account}.json");
    let text = fs::read_to_string(fleet.scene.path(&file)).unwrap();
    let edited = text.replace("kms:Decrypt", "kms:*");
    assert_ne!(text, edited);
    fs::write(fleet.scene.path(&file), edited).unwrap();
    let applied = fleet.approved("apply");
    assert_eq!(applied.status, 6, "{applied}");
    let states = fleet.states();
    assert_eq!(states[&account], "stale");
    assert_eq!(count(&states, "done") + count(&states, "nothing") + 1, states.len(), "{states:?}");
    let own = |(name, _): &(&String, &String)| name.contains(&format!(":{account}:key/"));
    let after = fleet.documents();
    assert!(before.iter().filter(own).count() > 0);
    assert!(before.iter().filter(own).eq(after.iter().filter(own)));
    assert_ne!(before, after);
}

#[test]
fn what_was_edited_since_is_not_gone_by() {
    type Edit = fn(&Fleet, &str);
    let edits: [(&str, Edit, i32); 2] = [
        (
            "apply",
            |fleet, account| {
                change_json(&fleet.scene, &format!("fleet/apply/{account}.json"), |standing| {
                    standing["journal"] = json!("0".repeat(64));
                });
            },
            2,
        ),
        (
            "journal",
            |fleet, account| {
                let folder = fleet.scene.path(&format!("fleet/journals/{account}"));
                let file = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
                let text = fs::read_to_string(&file).unwrap();
                fs::write(file, text.replace("kms:DescribeKey", "kms:*")).unwrap();
            },
            6,
        ),
    ];
    for (what, edit, status) in edits {
        let fleet = Fleet::small();
        fleet.plan("");
        fleet.approved("apply");
        let (approved, applied) = (digest(&fleet.status()), fleet.documents());
        let account = fleet.states().into_keys().next().unwrap();
        edit(&fleet, &account);
        let ran = fleet.run(&format!("rollback --yes --digest {approved}"));
        assert_eq!(ran.status, status, "{what}: {ran}");
        let own = |(name, _): &(&String, &String)| name.contains(&account) && name.starts_with("arn:");
        let now = fleet.documents();
        assert!(now.iter().filter(own).eq(applied.iter().filter(own)), "{what}");
        if status == 2 {
            assert_eq!(now, applied, "{what}");
        } else {
            let states = fleet.states();
            assert_eq!(states[&account], "stale", "{what}");
            assert_eq!(count(&states, "stale"), 1, "{what}: {states:?}");
        }
    }
}

#[test]
fn what_aws_refuses_to_show_is_left_out_alone_and_told() {
    let fleet = Fleet::small();
    let keys: Vec<String> = fleet.documents().into_keys().filter(|name| name.contains(":key/")).collect();
    let key = &keys[0];
    let owner = key.split(':').nth(4).unwrap();
    fleet.set_faults(json!([
        {"operation": "kms:GetKeyPolicy", "resource": key, "times": 100_000, "fault": "error",
         "code": "AccessDeniedException", "message": "User: a is not authorized"},
        {"operation": "iam:GetRole", "resource": "*-1", "times": 100_000, "fault": "error", "code": "AccessDenied"}
    ]));
    let before = fleet.documents();
    let planned = fleet.plan("");
    assert_eq!(planned.status, 3, "{planned}");
    let plan = fs::read_to_string(fleet.scene.path(&format!("fleet/plans/{owner}.json"))).unwrap();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let found =
        plan["plan"]["findings"].as_array().unwrap().iter().find(|found| found["subject"] == json!(key));
    let told = found.unwrap()["message"].as_str().unwrap();
    for part in ["kms:GetKeyPolicy", "as `arn:aws:", "AccessDeniedException", "not authorized", "request id"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(planned.stdout.contains("left out: kms:GetKeyPolicy as"), "{planned}");

    let applied = fleet.approved("apply");
    assert_eq!(applied.status, 3, "{applied}");
    let after = fleet.documents();
    assert_eq!(after[key], before[key]);
    assert!(keys.iter().any(|name| name.contains(owner) && after[name] != before[name]), "{applied}");
    let states = fleet.states();
    assert_eq!(states[owner], "left", "{states:?}");
    assert!(applied.stdout.contains("left out: kms:GetKeyPolicy as"), "{applied}");

    // Where it can be looked at, another fleet finishes it.
    fleet.set_faults(json!([]));
    let other = fleet.scene.run("fleet plan --manifest world.jsonl --dir other --sandbox=world");
    assert_eq!(other.status, 0, "{other}");
    let states = self::states(&fleet.scene.run("fleet status --dir other -o json"));
    assert_eq!(states[owner], "planned", "{states:?}");
}

#[test]
fn a_folder_is_of_one_manifest_and_one_number_of_shards() {
    let fleet = Fleet::small();
    assert_eq!(fleet.plan("--shard 1/2").status, 0);
    assert_eq!(fleet.status().status, 7, "the other shard is not planned yet");
    let before = fleet.scene.content();
    let told = |ran: &crate::scene::Ran, text: &str| {
        assert_ne!(ran.status, 0, "{ran}");
        assert!(ran.stderr.contains(text), "{ran}");
    };
    told(&fleet.plan("--shard 1/4"), "was begun with 2 shards here, not with 4");
    told(&fleet.plan(""), "was begun with 2 shards here, not with 1");
    let manifest = fleet.scene.path("world.jsonl");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.split_once('\n').unwrap().1).unwrap();
    told(&fleet.plan("--shard 1/2"), "is of another fleet: its manifest said something else");
    let after = fleet.scene.content();
    let is_fleet = |path: &std::path::Path| path.starts_with(fleet.scene.path("fleet"));
    for (path, text) in before.iter().filter(|(path, _)| is_fleet(path)) {
        assert_eq!(after.get(path), Some(text), "{}", path.display());
    }
}

#[test]
fn a_manifest_with_a_mistake_starts_nothing_and_tells_its_line() {
    let fleet = Fleet::small();
    let manifest = fleet.scene.path("world.jsonl");
    let text = fs::read_to_string(&manifest).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let with = |number: usize, change: fn(&mut Value)| {
        let mut line: Value = serde_json::from_str(lines[0]).unwrap();
        change(&mut line);
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines.insert(number - 1, line.to_string());
        lines.join("\n")
    };
    let mistakes = [
        (with(3, |line| line["surprise"] = json!(1)), "line 3"),
        (with(4, |line| line["keys"] = json!(["nonsense"])), "line 4"),
        (with(13, |line| line["principals"] = json!([])), "line 13"),
        (
            with(2, |line| line["profile"] = json!("least_privilege")),
            "lines 1 and 2 disagree about the key `arn:aws:kms:",
        ),
        (format!("{text}{{\"keys\": "), "line 13"),
        (String::new(), "asks for nothing"),
    ];
    for (text, told) in mistakes {
        fs::write(&manifest, text).unwrap();
        let ran = fleet.plan("");
        assert_eq!(ran.status, 2, "{told}: {ran}");
        assert!(ran.stderr.contains(told), "{told}: {ran}");
        assert!(!fleet.scene.path("fleet").exists(), "{told}");
    }
    let status = fleet.status();
    assert_ne!(status.status, 0, "{status}");
    assert!(status.stderr.contains("there is no fleet"), "{status}");
    fs::write(&manifest, text).unwrap();
    fleet.plan("");
    assert!(count(&states(&fleet.status()), "planned") > 0);
}

#[test]
fn what_is_blocked_is_written_only_where_that_is_allowed() {
    let fleet = Fleet::of(&format!("{SMALL} --denied 60 --gone 0"));
    let planned = fleet.plan("");
    assert_eq!(planned.status, 4, "{planned}");
    let blocked: Vec<String> = fleet
        .states()
        .into_iter()
        .filter(|(_, state)| state == "blocked")
        .map(|(account, _)| account)
        .collect();
    assert!(!blocked.is_empty());
    let approved = digest(&planned);
    // What the ledger says of a plan is not what decides.
    for account in &blocked {
        change_json(&fleet.scene, &format!("fleet/plan/{account}.json"), |standing| {
            standing["state"] = json!("planned");
        });
    }
    let is_key = |(name, _): &(&String, &String)| name.contains(":key/");
    let before = fleet.documents();
    let refused = fleet.run(&format!("apply --yes --digest {approved}"));
    assert_eq!(refused.status, 4, "{refused}");
    assert!(blocked.iter().all(|account| fleet.states()[account] == "blocked"), "{refused}");
    let after = fleet.documents();
    assert!(before.iter().filter(is_key).eq(after.iter().filter(is_key)), "a blocked policy was written");
    let allowed = fleet.run(&format!("apply --yes --digest {approved} --allow-blocked"));
    assert_eq!(allowed.status, 4, "{allowed}");
    let written = fleet.documents();
    assert!(!before.iter().filter(is_key).eq(written.iter().filter(is_key)), "{allowed}");
    let journals = |account: &String| {
        fs::read_dir(fleet.scene.path(&format!("fleet/journals/{account}"))).unwrap().count()
    };
    let runs: Vec<usize> = blocked.iter().map(journals).collect();
    fleet.run(&format!("apply --yes --digest {approved} --allow-blocked"));
    assert_eq!(blocked.iter().map(journals).collect::<Vec<_>>(), runs, "it is done");
    let back = fleet.approved("rollback");
    assert_eq!(back.status, 0, "{back}");
    assert_eq!(fleet.documents(), before);
}
