//! What AWS itself is asked after the writes; here the sandbox answers in its place.

use serde_json::json;

use crate::scene::Scene;

#[test]
fn by_dry_runs() {
    let scene = Scene::of("copied-ami");
    let dry = scene.fix("--dry-run");
    let applied = scene.fix("--yes --verify dry-run");
    assert_eq!(applied.status, 0, "what is not proven is no failure");
    let again = scene.fix("--yes --verify dry-run");
    insta::assert_snapshot!(format!("{}\n{again}", applied.after(&dry)));
}

#[test]
fn by_simulation() {
    let scene = Scene::of("copied-ami");
    let dry = scene.fix("--dry-run");
    let applied = scene.fix("--yes --verify simulate").after(&dry);
    insta::assert_snapshot!(applied);
}

#[test]
fn least_privilege_can_be_shown_by_a_simulation_alone() {
    let scene = Scene::of("copied-ami");
    let dry = scene.fix("--yes --least-privilege --verify dry-run");
    assert!(dry.stdout.contains("a direct call is refused, as expected"), "{dry}");
    assert_eq!(dry.status, 0);
    let simulated = scene.fix("--yes --least-privilege --verify simulate");
    assert!(simulated.stdout.contains("\n    allowed kms:CreateGrant"), "{simulated}");
}

#[test]
fn a_refusal_is_told() {
    let scene = Scene::changed("boundary", |world| {
        world["accounts"]["444455556666"]["roles"]["app-instances"]["attached"] = json!([]);
    });
    let ran = scene.fix("--yes --allow-blocked --verify simulate --output json");
    let trials = ran.json()["trials"].clone();
    assert_eq!(trials[0]["method"], "simulation", "{trials:#}");
    assert_eq!(trials[0]["rulings"][0]["standing"], "refused", "{trials:#}");
    assert_eq!(ran.status, 4, "the boundary still blocks");
}

#[test]
fn a_dry_run_of_the_plan_proves_nothing() {
    let ran = Scene::of("already-mended").fix("--dry-run --verify simulate");
    assert!(!ran.stdout.contains("simulation"), "{ran}");
    assert!(
        ran.stderr.ends_with(
            "hint: --verify has no effect on a dry run: nothing is written that could be proven\n"
        ),
        "{ran}"
    );
}
