//! Lines that name what leads to keys: what comes of them is what `keymend fix` makes of the same.

use std::fs;

use serde_json::json;

use super::{digest, states};
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
