//! The ledger of a fleet: each account's plan, where it stands, and its journals, in a folder or a bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use futures_util::future::ready;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::shard::{Division, Shard};
use super::standing::{AccountStanding, LeftLine, State};
use crate::apply::journal::{JournalError, Journals};
use crate::arn::{AccountId, ArnError};
use crate::cloud::store::{Store, StoreError};
use crate::plan::saved::PlanBackend;

/// The version of the ledger's format.
pub const FORMAT: u32 = 1;

/// How many accounts' standings are read at a time.
const SIDE_BY_SIDE: usize = 32;

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
    /// A record can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    /// It was shared out otherwise when the first worker began.
    #[error("`{step}` was begun {known} here, not {given}")]
    OtherShards {
        /// What is done.
        step: &'static str,
        /// How it is shared out.
        known: Division,
        /// How it is meant to be now.
        given: Division,
    },
    /// A plan's file is not the one that was made.
    #[error("the plan of account {0} is not the one that was made: its file says something else")]
    OtherPlan(AccountId),
}

/// The place of a fleet.
#[derive(Debug, Clone)]
pub struct Ledger {
    store: Store,
    head: Head,
}

impl Ledger {
    /// Begins a fleet in a place, or goes on with the same one.
    ///
    /// # Errors
    /// The place can't be written, or is of another fleet.
    pub async fn begin(store: &Store, head: Head) -> Result<Self, LedgerError> {
        store.prepare(&["plans", "plan", "apply", "rollback", "leases", "journals", "accounts", "lines"])?;
        store.make("fleet.json", &to_text(&head)).await?;
        let there = Self::open(store).await?;
        let differs = match (&there.head, &head) {
            (there, own) if there.manifest != own.manifest => Some("its manifest said something else"),
            (there, own) if there.backend != own.backend => Some("it was planned on another backend"),
            (there, own) if there.keymend_fleet != own.keymend_fleet => Some("its format is another one"),
            _ => None,
        };
        if let Some(differs) = differs {
            return Err(LedgerError::OtherFleet { folder: store.path(""), differs });
        }
        let further: Vec<AccountId> =
            head.accounts.into_iter().filter(|own| !there.head.accounts.contains(own)).collect();
        for account in &further {
            store.make(&format!("accounts/{account}.json"), &to_text(account)).await?;
        }
        if further.is_empty() { Ok(there) } else { Self::open(store).await }
    }

    /// The fleet that a place has.
    ///
    /// # Errors
    /// There is none, or its file can't be read.
    pub async fn open(store: &Store) -> Result<Self, LedgerError> {
        let head: Option<Head> = read_json(store, "fleet.json").await?;
        let mut head = head.ok_or_else(|| LedgerError::NoFleet(store.path("")))?;
        let accounts: BTreeSet<AccountId> = head.accounts.into_iter().chain(further(store).await?).collect();
        head.accounts = accounts.into_iter().collect();
        Ok(Self { store: store.clone(), head })
    }

    /// What the fleet is.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Where it is, as it is told.
    pub fn place(&self) -> String {
        self.store.path("")
    }

    /// Where leases are.
    pub fn leases(&self) -> Store {
        self.store.at("leases")
    }

    /// Where an account's journals are.
    pub fn journals(&self, account: AccountId) -> Store {
        self.store.at(&format!("journals/{account}"))
    }

    /// Holds that a step is shared out as it was begun.
    ///
    /// # Errors
    /// It was begun otherwise.
    pub async fn agree(&self, step: Step, shard: Shard) -> Result<(), LedgerError> {
        let given = shard.division();
        self.store.make(&format!("{}-shards.json", step.name()), &to_text(&given)).await?;
        let known = self.division(step).await?.unwrap_or(given);
        if known == given {
            return Ok(());
        }
        Err(LedgerError::OtherShards { step: step.name(), known, given })
    }

    /// How a step is shared out; none where it was not begun.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn division(&self, step: Step) -> Result<Option<Division>, LedgerError> {
        read_json(&self.store, &format!("{}-shards.json", step.name())).await
    }

    /// Each part that a step is shared out in; none where it was not begun.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn shards(&self, step: Step) -> Result<Vec<Shard>, LedgerError> {
        let division = self.division(step).await?;
        Ok(division.map_or(Vec::new(), |division| division.shards(&self.head.accounts)))
    }

    /// Keeps which lines of the manifest a shard had to leave out when it planned, in the place of what it said before.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn write_lines(&self, shard: Shard, lines: &[LeftLine]) -> Result<(), LedgerError> {
        Ok(self.store.write(&lines_file(shard), &to_text(&lines)).await?)
    }

    /// The lines that a shard had to leave out, or some shard, each once.
    ///
    /// # Errors
    /// A file can't be read.
    pub async fn lines(&self, of: Option<Shard>) -> Result<Vec<LeftLine>, LedgerError> {
        let one = async |shard: Shard| read_json::<Vec<LeftLine>>(&self.store, &lines_file(shard)).await;
        let shards = stream::iter(self.shards(Step::Plan).await?);
        let read = shards.filter(|shard| ready(of.is_none_or(|of| of == *shard))).map(one);
        let read: Vec<_> = read.buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
        let all: BTreeSet<LeftLine> = read.into_iter().flatten().flatten().collect();
        let mut lines: Vec<LeftLine> = all.into_iter().collect();
        lines.dedup_by_key(|left| left.line);
        Ok(lines)
    }

    /// Keeps an account's plan, and tells the SHA-256 of its file.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn write_plan(&self, account: AccountId, text: &str) -> Result<String, LedgerError> {
        self.store.write(&plan_file(account), text).await?;
        Ok(sha256(text.as_bytes()))
    }

    /// The text of an account's plan, which has to be the one that was made.
    ///
    /// # Errors
    /// It can't be read, or is another one.
    pub async fn plan(&self, account: AccountId, digest: &str) -> Result<String, LedgerError> {
        let text = self.store.read(&plan_file(account)).await?.ok_or_else(|| StoreError::Io {
            path: self.plan_path(account),
            what: "read",
            source: io::ErrorKind::NotFound.into(),
        })?;
        if sha256(text.as_bytes()) == digest { Ok(text) } else { Err(LedgerError::OtherPlan(account)) }
    }

    /// The file of an account's plan, as it is told.
    pub fn plan_path(&self, account: AccountId) -> String {
        self.store.path(&plan_file(account))
    }

    /// Keeps where an account stands after a step.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn write_standing(&self, step: Step, standing: &AccountStanding) -> Result<(), LedgerError> {
        Ok(self.store.write(&standing_file(step, standing.account), &to_text(standing)).await?)
    }

    /// Where an account stands after a step; none where no worker came to it.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn standing(
        &self,
        step: Step,
        account: AccountId,
    ) -> Result<Option<AccountStanding>, LedgerError> {
        let file = standing_file(step, account);
        match read_json::<AccountStanding>(&self.store, &file).await? {
            Some(standing) if standing.account != account => Err(LedgerError::Malformed {
                path: self.store.path(&file),
                reason: format!("it is about account {}", standing.account),
            }),
            standing => Ok(standing),
        }
    }

    /// Where every account stands after a step, whether a worker came to it or not.
    ///
    /// # Errors
    /// A file can't be read.
    pub async fn standings(&self, step: Step) -> Result<BTreeMap<AccountId, AccountStanding>, LedgerError> {
        let one = async |account: AccountId| {
            let standing = self.standing(step, account).await?;
            Ok((account, standing.unwrap_or_else(|| AccountStanding::new(account, State::NotStarted))))
        };
        let accounts = stream::iter(self.head.accounts.iter().copied());
        accounts.map(one).buffer_unordered(SIDE_BY_SIDE).try_collect().await
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
}

/// The accounts that a line was found to be about after the fleet was begun.
async fn further(store: &Store) -> Result<BTreeSet<AccountId>, LedgerError> {
    let accounts = store.at("accounts");
    let names = match accounts.names().await {
        // A fleet that was begun by an earlier version has no such folder.
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names?,
    };
    // What has another ending was cut while it was written.
    let named = names.iter().filter_map(|name| Some((name, name.strip_suffix(".json")?)));
    let account = |(name, id): (&String, &str)| {
        let unread =
            |error: ArnError| LedgerError::Malformed { path: accounts.path(name), reason: error.to_string() };
        id.parse().map_err(unread)
    };
    named.map(account).collect()
}

fn lines_file(shard: Shard) -> String {
    format!("lines/{}.json", shard.in_a_name())
}

fn plan_file(account: AccountId) -> String {
    format!("plans/{account}.json")
}

fn standing_file(step: Step, account: AccountId) -> String {
    format!("{}/{account}.json", step.name())
}

/// The SHA-256 of a run's journal and of those before it in the same place, which it may go on from.
///
/// # Errors
/// One of them can't be read.
pub fn digest_of_journals(journals: &Journals, run: &str) -> Result<String, JournalError> {
    let last = format!("{run}.json");
    let mut digests = BTreeMap::new();
    for journal in journals.texts() {
        let (name, text) = journal?;
        if *name <= *last {
            digests.insert(name, sha256(&text));
        }
    }
    let mut told = String::new();
    for (name, digest) in digests {
        told.extend([&*name, " ", &digest, "\n"]);
    }
    Ok(sha256(told.as_bytes()))
}

/// The SHA-256 of bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
}

fn to_text(value: &impl Serialize) -> String {
    // None of these types fails to serialise.
    serde_json::to_string_pretty(value).map_or_else(|error| error.to_string(), |text| text + "\n")
}

/// What a file says; none where there is no file.
async fn read_json<T: for<'de> Deserialize<'de>>(
    store: &Store,
    file: &str,
) -> Result<Option<T>, LedgerError> {
    let Some(text) = store.read(file).await? else { return Ok(None) };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| LedgerError::Malformed { path: store.path(file), reason: error.to_string() })
}
