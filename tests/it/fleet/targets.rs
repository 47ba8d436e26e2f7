//! Lines that name what leads to keys: what comes of them is what `keymend fix` makes of the same.

use std::fs;

use serde_json::{Value, json};

use super::{Fleet, digest, states};
use crate::fleet_world::fix;
use crate::scene::Scene;

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
