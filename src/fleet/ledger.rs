//! The ledger of a fleet: a folder with each account's plan, where it stands, and its journals.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::shard::Shard;
use super::standing::{AccountStanding, State};
use crate::arn::AccountId;
use crate::files::{self, Unnamed};
use crate::plan::saved::PlanBackend;

/// The version of the folder's format.
pub const FORMAT: u32 = 1;

const PRIVATE: u32 = 0o600;

/// What a fleet is: the same for all its workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The version of the folder's format.
    pub keymend_fleet: u32,
    /// The SHA-256 of the manifest.
    pub manifest: String,
    /// What it is planned on.
    pub backend: PlanBackend,
    /// The accounts that are planned.
    pub accounts: Vec<AccountId>,
}

/// What is done with all accounts of a fleet, by as many shards as its first worker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Each account is planned.
    Plan,
    /// Each account's plan is applied.
    Apply,
    /// What was applied is taken back.
    Rollback,
}

impl Step {
    /// Its name, in files too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Rollback => "rollback",
        }
    }
}

/// Why a ledger can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A file or folder can't be read or written.
    #[error("`{path}` can't be {what}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// `read` or `written`.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A file does not say what it is to say.
    #[error("`{path}` is not what keymend writes there: {reason}")]
    Malformed {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// There is no fleet in the folder.
    #[error("there is no fleet in `{0}`")]
    NoFleet(String),
    /// The folder is of another fleet.
    #[error("`{folder}` is of another fleet: {differs}")]
    OtherFleet {
        /// The folder.
        folder: String,
        /// What differs.
        differs: &'static str,
    },
    /// The shards were counted otherwise when the first one began.
    #[error("`{step}` was begun with {known} shards here, not with {given}")]
    OtherShards {
        /// What is done.
        step: &'static str,
        /// How many there are.
        known: u32,
        /// How many are meant now.
        given: u32,
    },
    /// A plan's file is not the one that was made.
    #[error("the plan of account {0} is not the one that was made: its file says something else")]
    OtherPlan(AccountId),
}

/// The folder of a fleet.
#[derive(Debug, Clone)]
pub struct Ledger {
    folder: PathBuf,
    head: Head,
}

impl Ledger {
    /// Begins a fleet in a folder, or goes on with the same one.
    ///
    /// # Errors
    /// The folder can't be written, or is of another fleet.
    pub fn begin(folder: &Path, head: Head) -> Result<Self, LedgerError> {
        for name in ["plans", "plan", "apply", "rollback", "leases", "journals"] {
            let folder = folder.join(name);
            make_private(&folder).map_err(|source| written(&folder, source))?;
        }
        let ledger = Self { folder: folder.to_owned(), head };
        ledger.make_once("fleet.json", &to_text(&ledger.head))?;
        let there = Self::open(folder)?;
        let differs = match (&there.head, &ledger.head) {
            (there, own) if there == own => return Ok(ledger),
            (there, own) if there.manifest != own.manifest => "its manifest said something else",
            (there, own) if there.backend != own.backend => "it was planned on another backend",
            _ => "it is about other accounts",
        };
        Err(LedgerError::OtherFleet { folder: folder.display().to_string(), differs })
    }

    /// The fleet that a folder has.
    ///
    /// # Errors
    /// There is none, or its file can't be read.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        let file = folder.join("fleet.json");
        let head = read_json(&file)?.ok_or_else(|| LedgerError::NoFleet(folder.display().to_string()))?;
        Ok(Self { folder: folder.to_owned(), head })
    }

    /// What the fleet is.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where leases are.
    pub fn leases(&self) -> PathBuf {
        self.folder.join("leases")
    }

    /// Where an account's journals are.
    pub fn journals(&self, account: AccountId) -> PathBuf {
        self.folder.join("journals").join(account.to_string())
    }

    /// Holds that a step has as many shards as it was begun with.
    ///
    /// # Errors
    /// It was begun with another number.
    pub fn agree(&self, step: Step, shard: Shard) -> Result<(), LedgerError> {
        let given = shard.count();
        self.make_once(&format!("{}-shards.json", step.name()), &to_text(&given))?;
        let known = self.shards(step)?.unwrap_or(given);
        if known == given {
            return Ok(());
        }
        Err(LedgerError::OtherShards { step: step.name(), known, given })
    }

    /// How many shards a step has; none where it was not begun.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn shards(&self, step: Step) -> Result<Option<u32>, LedgerError> {
        read_json(&self.folder.join(format!("{}-shards.json", step.name())))
    }

    /// Keeps an account's plan, and tells the SHA-256 of its file.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write_plan(&self, account: AccountId, text: &str) -> Result<String, LedgerError> {
        let file = self.plan_file(account);
        files::write(&file, text, PRIVATE).map_err(|source| written(&file, source))?;
        Ok(sha256(text.as_bytes()))
    }

    /// The text of an account's plan, which has to be the one that was made.
    ///
    /// # Errors
    /// It can't be read, or is another one.
    pub fn plan(&self, account: AccountId, digest: &str) -> Result<String, LedgerError> {
        let file = self.plan_file(account);
        let text = fs::read_to_string(&file).map_err(|source| read(&file, source))?;
        if sha256(text.as_bytes()) == digest { Ok(text) } else { Err(LedgerError::OtherPlan(account)) }
    }

    /// The file of an account's plan.
    pub fn plan_file(&self, account: AccountId) -> PathBuf {
        self.folder.join("plans").join(format!("{account}.json"))
    }

    /// Keeps where an account stands after a step.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write_standing(&self, step: Step, standing: &AccountStanding) -> Result<(), LedgerError> {
        let file = self.standing_file(step, standing.account);
        files::write(&file, &to_text(standing), PRIVATE).map_err(|source| written(&file, source))
    }

    /// Where an account stands after a step; none where no worker came to it.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn standing(&self, step: Step, account: AccountId) -> Result<Option<AccountStanding>, LedgerError> {
        let file = self.standing_file(step, account);
        match read_json::<AccountStanding>(&file)? {
            Some(standing) if standing.account != account => Err(LedgerError::Malformed {
                path: file.display().to_string(),
                reason: format!("it is about account {}", standing.account),
            }),
            standing => Ok(standing),
        }
    }

    /// Where every account stands after a step, whether a worker came to it or not.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn standings(&self, step: Step) -> Result<BTreeMap<AccountId, AccountStanding>, LedgerError> {
        let accounts = self.head.accounts.iter();
        let one = |account: &AccountId| {
            let standing = self.standing(step, *account)?;
            Ok((*account, standing.unwrap_or_else(|| AccountStanding::new(*account, State::NotStarted))))
        };
        accounts.map(one).collect()
    }

    /// What a shard's part of a step comes to, as one digest: of the fleet, and of each account's plan or journal.
    pub fn digest(&self, shard: Shard, standings: &BTreeMap<AccountId, AccountStanding>) -> String {
        let mut told = format!("{} {shard}\n", sha256(to_text(&self.head).as_bytes()));
        for standing in standings.values().filter(|standing| shard.has(standing.account)) {
            let AccountStanding { account, plan, journal, .. } = standing;
            let [plan, journal] = [plan, journal].map(|digest| digest.as_deref().unwrap_or("-"));
            told.extend([&account.to_string(), " ", plan, " ", journal, "\n"]);
        }
        sha256(told.as_bytes())
    }

    fn standing_file(&self, step: Step, account: AccountId) -> PathBuf {
        self.folder.join(step.name()).join(format!("{account}.json"))
    }

    /// Makes a file that nobody made yet; where it is there already, it stays.
    fn make_once(&self, name: &str, text: &str) -> Result<(), LedgerError> {
        let file = self.folder.join(name);
        let made = Unnamed::private(&file, text).and_then(|new| new.name_new(&file));
        match made {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(written(&file, error)),
            _ => Ok(()),
        }
    }
}

/// The SHA-256 of a run's journal and of those before it in the same folder, which it may go on from.
///
/// # Errors
/// One of them can't be read.
pub fn digest_of_journals(folder: &Path, run: &str) -> Result<String, LedgerError> {
    let last = format!("{run}.json");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|source| read(folder, source))? {
        let name = entry.map_err(|source| read(folder, source))?.file_name();
        let is_journal = |name: &String| Path::new(name).extension().is_some_and(|end| end == "json");
        names.extend(name.into_string().ok().filter(|name| is_journal(name) && *name <= last));
    }
    names.sort();
    let mut told = String::new();
    for name in names {
        let file = folder.join(&name);
        let text = fs::read(&file).map_err(|source| read(&file, source))?;
        told.extend([&name, " ", &sha256(&text), "\n"]);
    }
    Ok(sha256(told.as_bytes()))
}

/// The SHA-256 of bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
}

fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn to_text(value: &impl Serialize) -> String {
    // None of these types fails to serialise.
    serde_json::to_string_pretty(value).map_or_else(|error| error.to_string(), |text| text + "\n")
}

/// What a file says; none where there is no file.
fn read_json<T: for<'de> Deserialize<'de>>(file: &Path) -> Result<Option<T>, LedgerError> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(read(file, source)),
    };
    serde_json::from_str(&text).map(Some).map_err(|error| LedgerError::Malformed {
        path: file.display().to_string(),
        reason: error.to_string(),
    })
}

fn read(path: &Path, source: io::Error) -> LedgerError {
    LedgerError::Io { path: path.display().to_string(), what: "read", source }
}

fn written(path: &Path, source: io::Error) -> LedgerError {
    LedgerError::Io { path: path.display().to_string(), what: "written", source }
}
