//! The program in a folder of its own, on a copy of a world.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use keymend::apply::journal::{Backend, History, Record};
use serde_json::Value;
use tempfile::TempDir;

/// The text of a world under fixtures/worlds.
pub(crate) fn fixture(name: &str) -> String {
    let worlds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/worlds");
    fs::read_to_string(worlds.join(name).with_extension("json")).unwrap()
}

/// The folder of a situation from the field, under fixtures/field.
pub(crate) fn field(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/field").join(name)
}

/// A folder with a world in it, where runs find nothing else.
pub(crate) struct Scene {
    _folder: TempDir,
    root: PathBuf,
}

impl Scene {
    /// With a copy of a fixture.
    pub(crate) fn of(name: &str) -> Self {
        Self::with_text(fixture(name))
    }

    /// With a fixture in which something is different.
    pub(crate) fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Self {
        let scene = Self::of(name);
        scene.change(change);
        scene
    }

    /// With any text for a world.
    pub(crate) fn with_text(world: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir(root.join("home")).unwrap();
        fs::write(root.join("world.json"), world).unwrap();
        Self { _folder: folder, root }
    }

    /// With a world from the field and all that lies beside it.
    pub(crate) fn of_field(folder: &str, world: &str) -> Self {
        let from = field(folder);
        let scene = Self::with_text(fs::read(from.join(world)).unwrap());
        for file in fs::read_dir(&from).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.file_name().unwrap().to_str().unwrap();
            if name != "world.json" {
                fs::copy(&file, scene.path(name)).unwrap();
            }
        }
        scene
    }

    /// A file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Changes the world behind the program's back.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Value)) {
        let file = self.path("world.json");
        let mut world = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        change(&mut world);
        fs::write(file, serde_json::to_string_pretty(&world).unwrap()).unwrap();
    }

    /// Every file and folder, with its content.
    pub(crate) fn content(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut content = BTreeMap::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                content.insert(path.clone(), path.is_file().then(|| fs::read(&path).unwrap()));
                folders.extend(path.is_dir().then_some(path));
            }
        }
        content
    }

    /// Where the records of runs are.
    fn journal(&self) -> PathBuf {
        let world = self.path("world.json");
        if world.is_dir() { world.join("journal") } else { self.path("world.json.journal") }
    }

    /// The records of runs, oldest first.
    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        let folder = self.journal();
        let is_record = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
        self.content().into_keys().filter(|path| path.parent() == Some(&folder) && is_record(path)).collect()
    }

    /// What the record of a run says by now.
    pub(crate) fn record(&self, index: usize) -> Record {
        let backend = Backend::World(self.path("world.json"));
        let history = History::read(&self.journal(), &backend).unwrap();
        let run = self.journals()[index].file_stem().unwrap().to_str().unwrap().to_owned();
        history.run(&run).unwrap().clone()
    }

    /// Puts a journal beside the world as keymend would: nobody else may write to it, whatever the umask is.
    pub(crate) fn keep_journal(&self, run: &str, text: &str) {
        let folder = self.path("world.json.journal");
        if !folder.is_dir() {
            fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
        }
        let path = folder.join(format!("{run}.json"));
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// The program, told to work here: nothing of the environment that the tests run in reaches it.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        command
            .args(arguments.split_whitespace())
            .current_dir(&self.root)
            .env_clear()
            .env("HOME", self.path("home"))
            .env("XDG_STATE_HOME", self.path("home/state"))
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// Runs it to its end, without a terminal.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        self.run_command(&mut self.command(arguments), arguments)
    }

    /// Runs `fix` on the world.
    pub(crate) fn fix(&self, arguments: &str) -> Ran {
        self.run(&format!("fix --sandbox=world.json {arguments}"))
    }

    /// Runs a command of [`Scene::command`] that was changed.
    pub(crate) fn run_command(&self, command: &mut Command, arguments: &str) -> Ran {
        self.ran(command.stdin(Stdio::null()).output().unwrap(), arguments)
    }

    /// What came of a command that was run here.
    pub(crate) fn ran(&self, output: Output, arguments: &str) -> Ran {
        Ran {
            arguments: arguments.trim_end().to_owned(),
            status: output.status.code().unwrap(),
            stdout: self.shown(output.stdout),
            stderr: self.shown(output.stderr),
        }
    }

    /// Output without what differs from run to run.
    pub(crate) fn shown(&self, output: Vec<u8>) -> String {
        let text = String::from_utf8(output).unwrap().replace(self.root.to_str().unwrap(), "FOLDER");
        let names = self.journals();
        names.iter().enumerate().fold(text, |text, (index, path)| {
            text.replace(path.file_stem().unwrap().to_str().unwrap(), &format!("RUN-{}", index + 1))
        })
    }
}

/// What came of a run.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    arguments: String,
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The document on standard output, where nothing else may be.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// The run without a start of standard output that another run showed too.
    pub(crate) fn after(self, other: &Self) -> Self {
        let rest = self.stdout.strip_prefix(&other.stdout).expect("what is applied is what was shown");
        Self { stdout: format!("(as above)\n{rest}"), ..self }
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arguments, status, stdout, stderr } = self;
        writeln!(f, "$ keymend {arguments}")?;
        for (stream, text) in [("stdout", stdout), ("stderr", stderr)] {
            if !text.is_empty() {
                write!(f, "-- {stream}\n{text}")?;
                if !text.ends_with('\n') {
                    writeln!(f, "(no line end)")?;
                }
            }
        }
        writeln!(f, "-- exit status {status}")
    }
}
