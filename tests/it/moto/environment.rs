//! The virtual environment that moto is installed in.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

const REQUIREMENTS: &str = include_str!("../../moto/requirements.txt");

/// The interpreter of an environment that has what the lock names, made where it is missing or outdated.
///
/// Other processes wait meanwhile.
pub(super) fn python() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let environment = directory.join("moto-venv");
    let python = environment.join("bin").join("python");
    let lock = File::create(directory.join("moto-venv.lock")).unwrap();
    lock.lock().unwrap();
    let marker = environment.join("keymend-lock");
    if fs::read_to_string(&marker).is_ok_and(|made_of| made_of == fingerprint()) && finds_moto(&python) {
        return python;
    }
    run(
        Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment),
        "the wire tests need Python 3.11 or newer with its venv module (`python3-venv` on Debian and Ubuntu)",
    );
    run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/requirements.txt")),
        "the wire tests need moto, which pip could not install (Python 3.11 or newer and access to a package \
         index are needed the first time)",
    );
    fs::write(&marker, fingerprint()).unwrap();
    python
}

/// A program of the environment, such as the AWS CLI.
pub(crate) fn program(name: &str) -> PathBuf {
    python().with_file_name(name)
}

fn fingerprint() -> String {
    let mut hasher = DefaultHasher::new();
    REQUIREMENTS.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Not so where the system's Python has been replaced since.
fn finds_moto(python: &Path) -> bool {
    let find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('moto') is None)";
    Command::new(python).args(["-c", find]).status().is_ok_and(|status| status.success())
}

fn run(command: &mut Command, need: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{need}: {error}"));
    assert!(
        output.status.success(),
        "{need}:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
