//! Text from AWS or a file that would like to drive the terminal.

use std::fs;

use serde_json::{Value, json};

use super::launch::a_bad_day;
use crate::scene::{Ran, Scene};

/// Clears the screen, colours, rings, overrides directions, breaks lines, hides.
const EVIL: &str =
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}live\u{2066}\u{200b}\r\n\nPlan: 0 to create.\u{2028}\u{7f}";

/// A world with such text wherever a world takes any text.
fn tampered() -> Scene {
    Scene::changed("five-versions", |world| {
        let key = world["keys"].as_object_mut().unwrap().values_mut().next().unwrap();
        let allow = json!({
            "Sid": EVIL, "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::444455556666:role/app-instances", "Service": "ec2.amazonaws.com"},
            "Action": [EVIL, "kms:Decrypt"], "Resource": "*", "Condition": {"StringEquals": {(EVIL): EVIL}},
        });
        let deny = json!({
            "Sid": EVIL, "Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceVpc": EVIL}},
        });
        let statements = key["policy"]["Statement"].as_array_mut().unwrap();
        statements.insert(0, allow);
        statements.push(deny);
        world["story"] = json!(EVIL);
        let policy = &mut world["accounts"]["444455556666"]["policies"]["KmsKeyUsagePolicy"];
        policy["description"] = json!(EVIL);
        policy["versions"]["v3"]["Id"] = json!(EVIL);
    })
}

/// The same in the characters that AWS takes: everything else as JSON escapes.
fn tampered_as_aws_has_it() -> Scene {
    let scene = tampered();
    let text = fs::read_to_string(scene.path("world.json")).unwrap();
    let escaped = |c: char| {
        if c.is_ascii() && c != '\u{7f}' { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) }
    };
    fs::write(scene.path("world.json"), text.chars().map(escaped).collect::<String>()).unwrap();
    scene
}

fn raw(text: &str) -> Vec<char> {
    let is_harmful = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(is_harmful).collect()
}

const NONE: [char; 0] = [];

fn assert_harmless(ran: &Ran) {
    assert_eq!(raw(&ran.stdout), NONE, "{ran:?}");
    assert_eq!(raw(&ran.stderr), NONE, "{ran:?}");
    let forged =
        ran.stdout.lines().chain(ran.stderr.lines()).filter(|line| line.starts_with("Plan: 0 to create."));
    assert_eq!(forged.count(), 0, "{ran}");
}

#[test]
fn nothing_in_a_world_drives_the_terminal() {
    for arguments in ["--dry-run", "--yes", "--dry-run --allow-blocked", ""] {
        for scene in [tampered(), tampered_as_aws_has_it()] {
            let ran = scene.fix(arguments);
            assert_harmless(&ran);
            assert!(ran.stdout.contains("\\u{1b}[2J"), "it is shown, not left out: {ran}");
        }
    }
    let applied = tampered_as_aws_has_it().fix("--yes");
    assert!(applied.stdout.contains("\nApplied 3 changes."), "{applied}");
}

#[test]
fn nor_does_anything_in_json() {
    for arguments in ["--dry-run", "--yes"] {
        assert_harmless(&tampered().fix(&format!("{arguments} --output json")));
        let ran = tampered_as_aws_has_it().fix(&format!("{arguments} --output json"));
        assert_harmless(&ran);
        let before = ran.json()["changes"][0]["before"].clone();
        let text = before.as_str().map_or_else(|| before.to_string(), str::to_owned);
        let policy: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(policy["Statement"][0]["Sid"], EVIL, "the text arrives as it is");
    }
}

#[test]
fn nor_does_it_in_what_is_handed_over() {
    let scene = tampered_as_aws_has_it();
    assert_harmless(&scene.fix("--dry-run --out plan.json --report plan.html --report plan.md"));
    for emit in ["terraform", "cli", "cloudformation"] {
        assert_harmless(&scene.fix(&format!("--dry-run --emit {emit} --emit-dir {emit}")));
    }
    for name in ["plan.html", "plan.md", "terraform/444455556666/keymend.tf", "cli/111122223333/apply.sh"] {
        let text = fs::read_to_string(scene.path(name)).unwrap();
        assert_eq!(raw(&text), NONE, "{name}: {text}");
    }
    let html = fs::read_to_string(scene.path("plan.html")).unwrap();
    assert!(html.contains("\\u{1b}[2J") || html.contains("\\u001b[2J"), "it is shown, not left out");
    assert_harmless(&scene.run("apply plan.json --sandbox=world.json --dry-run"));
    let applied = scene.run("apply plan.json --sandbox=world.json --yes --report done.html");
    assert_harmless(&applied);
    assert_eq!(applied.status, 3, "a Deny of theirs leaves it open: {applied}");
    assert_eq!(raw(&fs::read_to_string(scene.path("done.html")).unwrap()), NONE);
}

#[test]
fn nor_does_what_is_patched() {
    let policy = json!({"Statement": [{
        "Sid": EVIL, "Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
        "Condition": {"StringEquals": {(EVIL): EVIL}},
    }]});
    let scene = tampered();
    fs::write(scene.path("key.json"), policy.to_string()).unwrap();
    for arguments in ["--check", "--check --diff", "--diff", "--in-place"] {
        assert_harmless(&scene.run(&format!("patch --account 444455556666 {arguments} key.json")));
    }
}

#[test]
fn nor_does_what_is_typed_or_wrong() {
    let scene = tampered();
    let mut command = scene.command("fix --sandbox=world.json --dry-run --principal");
    assert_harmless(&scene.run_command(command.arg(format!("arn:aws:iam::444455556666:role/{EVIL}")), ""));
    for flag in ["--account", "--key", "--group", "--grantees", "--policy-name"] {
        let mut command = scene.command("fix --dry-run --sandbox=world.json");
        assert_harmless(&scene.run_command(command.arg(flag).arg(EVIL), ""));
    }
    let mistaken = Scene::changed("copied-ami", |world| world["region"] = json!(EVIL));
    assert_harmless(&mistaken.fix("--dry-run"));
    let unknown = Scene::changed("copied-ami", |world| world[EVIL] = json!(EVIL));
    assert_harmless(&unknown.fix("--dry-run --output json"));
    let not_a_policy = Scene::changed("copied-ami", |world| {
        let key = world["keys"].as_object_mut().unwrap().values_mut().next().unwrap();
        key["policy"] = json!(format!("{{\"{EVIL}\": 1, \"{EVIL}\": 2}}"));
    });
    assert_harmless(&not_a_policy.fix("--dry-run"));
}

/// Names, tags and reasons come from whoever made the image or launched the instance.
#[test]
fn nor_does_what_ec2_tells() {
    let encrypted = a_bad_day(EVIL, EVIL);
    let not_encrypted = a_bad_day(EVIL, EVIL);
    not_encrypted.change(|world| world["snapshots"]["snap-0aaaaaaaaaaaaaaaa"]["key"] = json!(null));
    let managed = Scene::changed("ami-under-aws-ebs", |world| {
        world["images"]["ami-0123456789abcdef0"]["name"] = json!(EVIL);
    });
    for scene in [&encrypted, &not_encrypted] {
        scene.change(|world| world["instances"]["i-0123456789abcdef0"]["auto_scaling_group"] = json!(EVIL));
    }
    for scene in [&encrypted, &not_encrypted, &managed] {
        for arguments in ["fix --dry-run", "fix --dry-run --output json", "check", "check --output json"] {
            let ran = scene.run(&format!("{arguments} --sandbox=world.json"));
            assert_harmless(&ran);
            assert!(ran.stdout.contains("live"), "it is shown, not left out: {ran}");
        }
    }
}
