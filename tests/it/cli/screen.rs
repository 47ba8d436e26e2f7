//! What a user sees first.

use serde_json::json;

use crate::scene::{Ran, Scene};

/// What is shown of a world at a width, as a dry run.
fn shown(scene: &Scene, columns: usize, arguments: &str) -> Ran {
    let mut command = scene.command(&format!("fix --sandbox=world.json --dry-run {arguments}"));
    scene.run_command(command.env("COLUMNS", columns.to_string()), "")
}

/// The lines before the first difference, those of the talk included.
fn first_screen(ran: &Ran) -> Vec<String> {
    let plan = ran.stdout.lines().take_while(|line| !line.starts_with("1. "));
    ran.stderr.lines().take_while(|line| !line.starts_with("hint: ")).chain(plan).map(str::to_owned).collect()
}

#[test]
fn it_tells_what_matters_at_any_width() {
    let scene = Scene::of("copied-ami");
    for columns in [60, 100, 160] {
        let ran = shown(&scene, columns, "");
        insta::assert_snapshot!(format!("first_screen_{columns}"), first_screen(&ran).join("\n"));
    }
    let first = first_screen(&shown(&scene, 100, "")).len();
    assert!(first < 30, "{first} rows before the differences");
}

#[test]
fn what_blocks_comes_before_the_changes() {
    let ran = shown(&Scene::of("disabled-key"), 100, "");
    let place = |text: &str| ran.stdout.find(text).unwrap_or_else(|| panic!("{text}: {ran}"));
    assert!(place("After:  something stands in the way") < place("\nblocked: the key's state is Disabled"));
    assert!(place("\nblocked: ") < place("\nPlan: "));
    assert_eq!(ran.stdout.matches("blocked: ").count(), 1, "and is told once");
}

#[test]
fn nobody_can_launch_while_something_else_stands_in_the_way() {
    let scene = Scene::changed("already-mended", |world| {
        let keys = world["keys"].as_object_mut().unwrap();
        keys.values_mut().for_each(|key| key["state"] = json!("Disabled"));
    });
    let ran = shown(&scene, 160, "");
    assert_eq!(ran.status, 4);
    assert!(ran.stdout.contains("\nNow:    2 of 2 can launch, as far as policies go; "), "{ran}");
    assert!(ran.stdout.contains("; something else stands in the way\n"), "{ran}");
}

/// The copied AMI's world with so many roles of the other account among those who were asked for.
fn with_roles(count: usize) -> Scene {
    Scene::changed("copied-ami", |world| {
        let names = (0..count).map(|number| format!("app-{number:02}"));
        let arn = |name: &String| json!(format!("arn:aws:iam::444455556666:role/{name}"));
        world["defaults"]["grantees"] = names.clone().map(|name| arn(&name)).collect();
        let roles = world["accounts"]["444455556666"]["roles"].as_object_mut().unwrap();
        roles.extend(names.map(|name| (name, json!({}))));
    })
}

#[test]
fn many_grantees_are_counted_and_named_where_details_are_asked_for() {
    let scene = with_roles(60);
    let ran = shown(&scene, 100, "");
    insta::assert_snapshot!(first_screen(&ran).iter().take(20).cloned().collect::<Vec<_>>().join("\n"));
    assert!(ran.stdout.contains("... 54 more"), "{ran}");
    assert_eq!(ran.stdout.matches("attach the policy").count(), 60, "a row each: {ran}");
    assert!(!ran.stdout.contains("+           \"arn:aws:iam::444455556666:role/app-59\""), "{ran}");
    let whole = shown(&scene, 100, "--details");
    assert!(whole.stdout.contains("+           \"arn:aws:iam::444455556666:role/app-59\""), "{whole}");
    assert!(!whole.stdout.contains(" more\n"), "{whole}");
    assert_eq!(whole.stdout.matches("attach the policy").count(), 120, "a row and a part each");
}

#[test]
fn every_end_tells_the_next_step() {
    let scene = Scene::of("copied-ami");
    let planned = scene.fix("--dry-run");
    assert!(
        planned
            .stderr
            .contains("without --dry-run, applies it; --out PLAN saves it for `keymend apply PLAN`"),
        "{planned}"
    );
    let saved = scene.fix("--dry-run --out plan.json");
    assert!(saved.stderr.contains("\nApply it: keymend apply plan.json --sandbox=world.json\n"), "{saved}");
    let applied = scene.run("apply plan.json --sandbox=world.json --yes");
    let last = applied.stdout.lines().last().unwrap();
    assert_eq!(last, "Undo: keymend rollback RUN-1 --sandbox=world.json", "{applied}");
    let again = scene.run("apply plan.json --sandbox=world.json --yes");
    assert!(again.stdout.starts_with("\nEverything was so already."), "{again}");
    assert_eq!(again.status, 0);
    let run = scene.journals().remove(0);
    let run = run.file_stem().unwrap().to_str().unwrap();
    let undone = scene.run(&format!("rollback {run} --sandbox=world.json --yes"));
    assert_eq!(undone.status, 0, "{undone}");
    assert_eq!(scene.fix("--dry-run").stdout, planned.stdout, "everything is as it was");
}
