//! Launch templates and Auto Scaling groups, from which keys and who needs them are told.

use serde_json::{Value, json};

use super::launch::story;
use crate::scene::{Ran, Scene};

const WORLD: &str = "auto-scaling-group";
const TEMPLATE: &str = "lt-0123456789abcdef0";
const IMAGE: &str = "ami-0123456789abcdef0";
/// The key of the shared image's snapshot.
const SHARED: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
/// The key that the template's second version names for its volume.
const NAMED: &str = "5678abcd-12ab-34cd-56ef-1234567890ab";

fn template(world: &mut Value) -> &mut Value {
    &mut world["launch_templates"][TEMPLATE]["versions"]["2"]
}

/// The ids of the keys that a run is about.
fn keys(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    let keys = report["request"]["keys"].as_array().unwrap_or_else(|| panic!("{ran}")).clone();
    let id = |key: &Value| key.as_str().unwrap().rsplit_once('/').unwrap().1.to_owned();
    keys.iter().map(id).collect()
}

fn planned(scene: &Scene, asked: &str) -> Ran {
    scene.run(&format!("fix --sandbox=world.json --dry-run --output json {asked}"))
}

#[test]
fn auto_scaling_group() {
    insta::assert_snapshot!(story(WORLD));
}

#[test]
fn a_template_is_named_by_id_or_name_with_a_version() {
    let scene = Scene::of(WORLD);
    for (template, expected) in [
        (TEMPLATE, vec![SHARED]),
        ("web", vec![SHARED]),
        ("web:1", vec![SHARED]),
        ("web:default", vec![SHARED]),
        ("web:2", vec![SHARED, NAMED]),
        ("web:latest", vec![SHARED, NAMED]),
        ("web:$Latest", vec![SHARED, NAMED]),
    ] {
        let ran = planned(&scene, &format!("--launch-template {template} --autoscaling 444455556666"));
        assert_eq!(keys(&ran), expected, "{template}");
    }
}

/// The account's default key is none of the launch's where the launch names another one.
#[test]
fn a_named_key_takes_the_place_of_the_default_key() {
    const DEFAULT: &str = "arn:aws:kms:eu-west-1:444455556666:key/9999abcd-12ab-34cd-56ef-1234567890ab";
    let with_default = |change: fn(&mut Value)| {
        Scene::changed(WORLD, |world| {
            let own = world["keys"].as_object().unwrap().values().next_back().unwrap().clone();
            world["keys"][DEFAULT] = json!({"policy": own["policy"]});
            world["accounts"]["444455556666"]["default_ebs_key"] = json!(DEFAULT);
            change(world);
        })
    };
    let scene = with_default(|_| {});
    let id = DEFAULT.rsplit_once('/').unwrap().1;
    let asked = |template: &str| format!("--launch-template {template} --autoscaling 444455556666");
    assert_eq!(keys(&planned(&scene, &asked("web:1"))), [SHARED, id]);
    assert_eq!(keys(&planned(&scene, &asked("web:2"))), [SHARED, NAMED]);
    let both = format!("{} --ami {IMAGE}", asked("web:2"));
    assert_eq!(
        keys(&planned(&scene, &both)),
        [SHARED, NAMED, id],
        "the image is launched without the template too"
    );
    let unnamed = with_default(|world| {
        world["auto_scaling_groups"]["web"] = json!({"owner": "444455556666", "images": [IMAGE]});
    });
    assert_eq!(keys(&planned(&unnamed, "--auto-scaling-group web")), [SHARED, id]);
    scene.change(|world| template(world)["devices"][0]["name"] = json!("/dev/sdz"));
    assert_eq!(keys(&planned(&scene, &asked("web:2"))), [SHARED, NAMED, id], "the key is another device's");
}

#[test]
fn whatever_a_group_launches_by_is_followed() {
    const OTHER: &str = "ami-0fedcba9876543210";
    let scene = Scene::changed(WORLD, |world| {
        world["launch_configurations"] =
            json!({"old": {"owner": "444455556666", "launch": {"image": IMAGE}}});
        world["images"][OTHER] = json!({"owner": "444455556666", "snapshots": ["snap-0fedcba9876543210"]});
        let key = world["keys"].as_object().unwrap().keys().next_back().unwrap().clone();
        world["snapshots"]["snap-0fedcba9876543210"] = json!({"owner": "444455556666", "key": key});
        let group = &mut world["auto_scaling_groups"]["web"];
        group["templates"] = json!([]);
        group["launch_configuration"] = json!("old");
        group["images"] = json!([OTHER]);
        group["role"] = json!(
            "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_web"
        );
        let roles = world["accounts"]["444455556666"]["roles"].as_object_mut().unwrap();
        let role = roles.remove("AWSServiceRoleForAutoScaling").unwrap();
        roles.insert("AWSServiceRoleForAutoScaling_web".to_owned(), role);
    });
    let ran = planned(&scene, "--auto-scaling-group web");
    assert_eq!(keys(&ran), [SHARED, NAMED]);
    let report = ran.json();
    assert!(
        report["request"]["grantees"].to_string().contains("AWSServiceRoleForAutoScaling_web"),
        "{report}"
    );
    assert_eq!(report["chain"]["launch_templates"][0]["asked"], "old");
}

#[test]
fn what_was_not_looked_at_is_told_and_is_not_done() {
    let scene = Scene::changed(WORLD, |world| template(world)["image"] = json!("resolve:ssm:/golden"));
    let ran = scene.run("fix --sandbox=world.json --yes");
    assert_eq!(ran.status, 3, "{ran}");
    assert!(ran.stdout.contains("`resolve:ssm:/golden` in the place of an image"), "{ran}");
    scene.change(|world| template(world)["devices"] = json!([]));
    let ran = scene.run("fix --sandbox=world.json --dry-run");
    assert_eq!(ran.status, 3, "{ran}");
    assert!(ran.stdout.contains("image resolve:ssm:/golden (not looked at)"), "{ran}");
    scene.change(|world| _ = template(world).as_object_mut().unwrap().remove("image"));
    for command in ["fix --dry-run", "check"] {
        let ran = scene.run(&format!("{command} --sandbox=world.json"));
        assert_eq!(ran.status, 3, "{ran}");
        assert!(ran.stdout.contains("the launch template names no image"), "{ran}");
    }
    let ran = planned(&scene, &format!("--launch-template web:2 --ami {IMAGE} --autoscaling 444455556666"));
    assert_eq!((ran.status, keys(&ran)), (0, vec![SHARED.to_owned()]), "{ran}");
}

#[test]
fn mistakes_are_told_with_the_way_out() {
    let scene = Scene::of(WORLD);
    for (asked, status, message, hint) in [
        ("--launch-template ami-0123456789abcdef0", 2, "is the id of an AMI", "give --ami"),
        ("--launch-template web:new", 2, "names no launch template", "a number, default or latest"),
        (
            "--auto-scaling-group arn:aws:autoscaling:eu-west-1:444455556666:autoScalingGroup:u:autoScalingGroupName/web",
            2,
            "is an ARN",
            "give --auto-scaling-group web",
        ),
        (
            "--launch-template web:7 --autoscaling 444455556666",
            1,
            "the launch template `web:7` does not exist",
            "--region",
        ),
        ("--auto-scaling-group api", 1, "the Auto Scaling group `api` does not exist", "--region"),
        ("--launch-template web", 2, "no grantee", "--account"),
    ] {
        let ran = scene.run(&format!("fix --sandbox=world.json --dry-run {asked}"));
        assert_eq!(ran.status, status, "{asked}: {ran}");
        assert!(ran.stderr.contains(message) && ran.stderr.contains(hint), "{asked}: {ran}");
    }
    scene.change(|world| template(world)["devices"][0]["key"] = json!("${KEY}"));
    let ran = scene.run("fix --sandbox=world.json --dry-run");
    assert_eq!(ran.status, 1, "{ran}");
    assert!(ran.stderr.contains("names the key `${KEY}`, which is no key"), "{ran}");
}
