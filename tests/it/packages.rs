//! What a release consists of: the script that packs it, `cargo binstall`'s names of its files, and what the README says of both.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

pub(crate) const TAG: &str = "v9.8.7";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// What stands in a text between each sign and the next end.
fn all_between<'t>(text: &'t str, sign: &'t str, end: &'t [char]) -> impl Iterator<Item = &'t str> {
    text.split(sign).skip(1).filter_map(move |rest| rest.split(end).next())
}

/// The targets that the workflow builds for.
fn targets() -> BTreeSet<String> {
    let workflow = read(".github/workflows/release.yml");
    all_between(&workflow, "target: ", &[',', ' ', '\n'])
        .filter(|target| !target.contains('$'))
        .map(str::to_owned)
        .collect()
}

/// A release of this program for every target, as the workflow's last job packs it.
pub(crate) fn packed(folder: &Path) -> PathBuf {
    let tree = folder.join("tree");
    fs::create_dir_all(tree.join("scripts")).unwrap();
    for name in ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "scripts/pack.sh"] {
        fs::copy(root().join(name), tree.join(name)).unwrap();
    }
    let changes =
        format!("# Changelog\n\n## [{}]\n\n- Something is new.\n\n## [0.0.1]\n\n- All of it.\n", &TAG[1..]);
    fs::write(tree.join("CHANGELOG.md"), changes).unwrap();
    for target in targets() {
        let built = folder.join(format!("built/keymend-{target}"));
        fs::create_dir_all(&built).unwrap();
        // By way of a script: the test's own program is too large to be packed again and again.
        let program = format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_keymend"));
        fs::write(built.join("keymend"), program).unwrap();
    }
    fs::create_dir(folder.join("images")).unwrap();
    fs::write(folder.join("images/image-amd64.tar"), "an image").unwrap();
    let output = Command::new("bash")
        .arg(tree.join("scripts/pack.sh"))
        .args([TAG, "built", "dist", "images"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder.join("dist")
}

fn listed(archive: &Path) -> Vec<String> {
    let output = Command::new("tar").arg("-tzf").arg(archive).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What the manifest tells `cargo binstall`.
fn binstall() -> Value {
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version=1"];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"][0]["metadata"]["binstall"].take()
}

/// A template of `cargo binstall`, filled in.
fn filled(template: &Value, target: &str) -> String {
    let filled = [
        ("{ repo }", "REPOSITORY"),
        ("{ name }", "keymend"),
        ("{ bin }", "keymend"),
        ("{ version }", &TAG[1..]),
        ("{ target }", target),
        ("{ binary-ext }", ""),
    ];
    filled.iter().fold(template.as_str().unwrap().to_owned(), |text, (name, value)| text.replace(name, value))
}

#[test]
fn each_target_is_packed_where_binstall_looks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let dist = packed(folder.path());
    let binstall = &binstall();
    assert!(targets().len() >= 4, "{:?}", targets());
    let overrides = binstall["overrides"].as_object().unwrap();
    let asked = targets().into_iter().map(|target| (target, binstall));
    let asked = asked.chain(overrides.iter().map(|(target, own)| (target.clone(), own)));
    for (target, names) in asked {
        let url = filled(&names["pkg-url"], &target);
        let (release, archive) = url.rsplit_once('/').unwrap();
        assert_eq!(release, format!("REPOSITORY/releases/download/{TAG}"));
        let files = listed(&dist.join(archive));
        let program = filled(&names["bin-dir"], &target);
        assert!(files.contains(&program), "{target}: {program} is not among {files:?}");
        for name in ["README.md", "man/keymend.1", "completions/_keymend"] {
            assert!(files.iter().any(|file| file.ends_with(name)), "{target}: {name}");
        }
    }
    let check =
        Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(&dist).output().unwrap();
    let told = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success(), "{told}");
    assert_eq!(told.lines().count(), targets().len() + 1, "{told}");
    assert_eq!(fs::read_to_string(dist.join("NOTES.md")).unwrap().trim(), "- Something is new.");
}

#[test]
fn the_readme_names_what_the_workflow_makes() {
    let architectures: BTreeSet<String> =
        all_between(&read(".github/workflows/release.yml"), "architecture: ", &[','])
            .map(|name| format!("keymend-vVERSION-image-{name}.tar"))
            .collect();
    let archives = targets().into_iter().map(|target| format!("keymend-vVERSION-{target}.tar.gz"));
    let made: BTreeSet<String> = archives.chain(architectures).collect();
    for readme in ["README.md", "README.ja.md"] {
        let text = read(readme);
        let named =
            all_between(&text, "`keymend-vVERSION", &['`']).map(|rest| format!("keymend-vVERSION{rest}"));
        assert_eq!(named.collect::<BTreeSet<_>>(), made, "{readme}");
    }
}
