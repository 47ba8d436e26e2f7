//! Emitted HCL as Terraform itself loads and formats it, and as its provider's resources take it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::moto;
use crate::scene::Scene;
use crate::wire_emit::{hostile, parsed, told};

/// What each resource has to be given, and what it may be given besides, with 4.59.0 of the provider: the arguments of the
/// prebuilt bindings of cdktf for that version (cdktf-cdktf-provider-aws 12.0.10), which are made of the provider's schema.
const RESOURCES: [(&str, &[&str], &[&str]); 6] = [
    ("aws_iam_group_policy_attachment", &["group", "policy_arn"], &[]),
    ("aws_iam_policy", &["policy"], &["description", "name", "name_prefix", "path", "tags"]),
    ("aws_iam_role_policy_attachment", &["policy_arn", "role"], &[]),
    ("aws_iam_user_policy_attachment", &["policy_arn", "user"], &[]),
    (
        "aws_kms_grant",
        &["grantee_principal", "key_id", "operations"],
        &["constraints", "grant_creation_tokens", "name", "retire_on_delete", "retiring_principal"],
    ),
    ("aws_kms_key_policy", &["key_id", "policy"], &["bypass_policy_lockout_safety_check"]),
];

/// What Terraform says of a folder.
fn said(folder: &Path) -> Value {
    let mut command = Command::new(moto::terraform());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/terraform.py")).arg(folder);
    // Without a configuration of whoever runs the tests, and without a question whether there is a newer one.
    command.env("TF_CLI_CONFIG_FILE", "/dev/null").env("CHECKPOINT_DISABLE", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn folders(scene: &Scene) -> Vec<PathBuf> {
    let folders = fs::read_dir(scene.path("out")).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<PathBuf> = folders.collect();
    assert!(!folders.is_empty());
    folders
}

/// The resources of a folder: the type, the name, and what it is given.
fn resources(folder: &Path) -> Vec<(String, String, BTreeMap<String, Value>)> {
    let bare = |text: &str| text.trim_matches('"').to_owned();
    let files = parsed(folder);
    let all = files.iter().filter_map(|file| file["resource"].as_array()).flatten();
    let typed = all.flat_map(|resource| resource.as_object().unwrap());
    let named =
        typed.flat_map(|(kind, named)| named.as_object().unwrap().iter().map(move |named| (kind, named)));
    named
        .map(|(kind, (name, given))| {
            let given = given.as_object().unwrap().iter().map(|(name, value)| (bare(name), value.clone()));
            (bare(kind), bare(name), given.filter(|(name, _)| !name.starts_with("__")).collect())
        })
        .collect()
}

fn wrong(kind: &str, given: &BTreeMap<String, Value>) -> Vec<String> {
    let Some((_, required, optional)) = RESOURCES.iter().find(|(known, ..)| *known == kind) else {
        return vec![format!("nobody knows {kind}")];
    };
    let missing =
        required.iter().filter(|name| !given.contains_key(**name)).map(|name| format!("{kind} lacks {name}"));
    let known = |name: &&String| {
        required.contains(&name.as_str())
            || optional.contains(&name.as_str())
            || ["provider", "lifecycle"].contains(&name.as_str())
    };
    let surplus = given.keys().filter(|name| !known(name)).map(|name| format!("{kind} has no {name}"));
    missing.chain(surplus).collect()
}

/// Worlds that have every resource among them, and what is asked of each.
fn scenes() -> Vec<(Scene, &'static str)> {
    let of = |name: &str| Scene::of(name);
    vec![
        (of("copied-ami"), ""),
        (of("five-versions"), ""),
        (of("group-grantee"), ""),
        (of("no-requester-credentials"), ""),
        (of("autoscaling-across-accounts"), ""),
        (of("organization"), ""),
        (of("copied-ami"), "--principal arn:aws:iam::444455556666:user/deployer"),
        (hostile(), ""),
    ]
}

#[test]
fn terraform_loads_what_is_emitted_and_would_not_lay_it_out_otherwise() {
    let mut met = BTreeSet::new();
    for (scene, options) in scenes() {
        let ran = scene.fix(&format!("--dry-run --emit terraform --emit-dir out {options}"));
        assert!([0, 3].contains(&ran.status), "{ran}");
        for folder in folders(&scene) {
            let said = said(&folder);
            assert_eq!(
                (&said["diagnostics"], &said["unformatted"]),
                (&Value::from(Vec::<Value>::new()), &Value::from(Vec::<Value>::new())),
                "{said:#}"
            );
            let resources = resources(&folder);
            let loaded: BTreeSet<&str> =
                said["resources"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let read: BTreeSet<String> =
                resources.iter().map(|(kind, name, _)| format!("{kind}.{name}")).collect();
            assert_eq!(loaded, read.iter().map(String::as_str).collect(), "both read the same");
            for (kind, _, given) in resources {
                assert_eq!(wrong(&kind, &given), Vec::<String>::new(), "{given:#?}");
                met.insert(kind);
            }
        }
    }
    assert_eq!(met.iter().map(String::as_str).collect::<Vec<_>>(), RESOURCES.map(|(kind, ..)| kind));
}

#[test]
fn each_folder_says_once_which_versions_it_takes() {
    for name in ["copied-ami", "organization"] {
        let scene = Scene::of(name);
        assert_eq!(scene.fix("--dry-run --emit terraform --emit-dir out").status, 0);
        for folder in folders(&scene) {
            let files = parsed(&folder);
            let blocks: Vec<&Value> =
                files.iter().filter_map(|file| file["terraform"].as_array()).flatten().collect();
            let [block] = blocks.as_slice() else { panic!("{files:#?}") };
            let provider = &block["required_providers"][0]["aws"];
            assert_eq!(
                (&block["required_version"], &provider["source"], &provider["version"]),
                (&"\">= 1.5\"".into(), &"\"hashicorp/aws\"".into(), &"\">= 4.59.0\"".into()),
                "{block:#}"
            );
        }
    }
}

#[test]
fn mistakes_are_seen() {
    let scene = Scene::of("copied-ami");
    assert_eq!(scene.fix("--dry-run --emit terraform --emit-dir out").status, 0);
    let folder = scene.path("out/111122223333");
    let text = fs::read_to_string(folder.join("versions.tf")).unwrap();
    fs::write(folder.join("twice.tf"), text.replace("  source ", "source")).unwrap();
    let said = said(&folder);
    assert!(said["diagnostics"].to_string().contains("only one required providers"), "{said:#}");
    assert_eq!(said["unformatted"], serde_json::json!(["twice.tf"]), "{said:#}");
    let given = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    assert_eq!(
        wrong("aws_kms_key_policy", &given(&["key_id", "policy_document"])),
        ["aws_kms_key_policy lacks policy", "aws_kms_key_policy has no policy_document"]
    );
    assert_eq!(wrong("aws_kms_alias", &given(&[])), ["nobody knows aws_kms_alias"]);
}
