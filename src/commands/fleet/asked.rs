//! What a manifest asks for: read line by line, with every key and grantee known by its ARN.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::access::{Grantee, KeyRef, Terms};
use crate::arn::{AccountId, KeyArn, Partition};
use crate::cli::settings::fleet::AskedLine;
use crate::cli::settings::is_piped;
use crate::cloud::Observe;
use crate::cloud::ec2::ObserveEc2;
use crate::commands::chain;
use crate::error::{Error, UsageError};
use crate::fleet::asks::Asks;
use crate::fleet::manifest;
use crate::fleet::standing::{LeftLine, State};
use crate::observation::KeyManager;

/// What is asked for, and the SHA-256 of what says so.
pub(super) struct Asked {
    pub(super) asks: Asks,
    pub(super) manifest: String,
    /// Lines that name what could not be looked up.
    pub(super) left_lines: Vec<LeftLine>,
    /// Lines that lead to no key, since nothing is encrypted or AWS manages the key.
    pub(super) keyless: Vec<usize>,
}

/// Reads a manifest to its end. A mistake is told with its line, and nothing else is done; what a line names and can't be
/// looked up ends that line alone.
pub(super) async fn read(file: &Path, cloud: &(impl Observe + ObserveEc2)) -> Result<Asked, Error> {
    let name = if is_piped(file) {
        "standard input".to_owned()
    } else {
        format!("the manifest `{}`", file.display())
    };
    let opened: Box<dyn Read> = if is_piped(file) {
        Box::new(io::stdin())
    } else {
        let unreadable = |error| UsageError::new(format!("{name} can't be read: {error}"));
        Box::new(File::open(file).map_err(unreadable)?)
    };
    let mut source = BufReader::new(Digesting { source: opened, digest: Sha256::new() });
    let mut asks = Asks::default();
    let (mut left_lines, mut keyless) = (Vec::new(), Vec::new());
    for read in manifest::read(&mut source) {
        let (number, line) = read.map_err(|error| UsageError::new(format!("{name}: {error}")).hint(FORM))?;
        let place = format!("{name}, line {number}");
        let asked_line = AskedLine::resolve(&line).map_err(|error| error.within(&place))?;
        let Resolved { asked, terms, unseen } = match resolve(&asked_line, cloud, &place).await {
            Ok(resolved) => resolved,
            Err(error) => {
                left_lines.push(left_out(number, error)?);
                continue;
            }
        };
        left_lines.extend(unseen.map(|cause| LeftLine { line: number, state: State::Refused, cause }));
        if asked.iter().all(|(keys, _)| keys.is_empty()) {
            keyless.push(number);
        }
        for (keys, grantees) in asked {
            asks.add(number, (&keys, &grantees), terms, &asked_line.policy_name)
                .map_err(|error| UsageError::new(format!("{name}: {error}")).hint(ONE_WAY))?;
        }
    }
    if asks.keys() == 0 && left_lines.is_empty() && keyless.is_empty() {
        return Err(UsageError::new(format!("{name} asks for nothing")).hint(FORM).into());
    }
    // What a reader stopped at, at the end of the file, belongs to it all the same.
    io::copy(&mut source, &mut io::sink())?;
    Ok(Asked { asks, manifest: hexadecimal(source.into_inner().digest), left_lines, keyless })
}

const FORM: &str = "a line is a JSON object such as {\"keys\": [\"KEY ARN\"], \"principals\": [\"ROLE ARN\"]}; `keymend schema manifest` \
                    tells all of it";

const ONE_WAY: &str = "in one fleet all lines ask for a key in one way, and for an account's IAM by one name: make two manifests of \
                       them, with a folder each";

/// A line whose keys can't be looked up. What is wrong with its text is a mistake in the manifest.
fn left_out(line: usize, error: Error) -> Result<LeftLine, Error> {
    let state = match (error.cloud_error(), &error) {
        (Some(error), _) => State::of_error(error),
        (None, Error::Launch(_)) => State::Refused,
        (None, _) => return Err(error),
    };
    Ok(LeftLine { line, state, cause: error.to_string() })
}

/// What a line comes to.
struct Resolved {
    /// Keys with those who need them, by their ARNs.
    asked: Vec<(Vec<KeyArn>, Vec<Grantee>)>,
    /// How these are helped.
    terms: Terms,
    /// What besides may lead to a key, and is not shown.
    unseen: Option<String>,
}

async fn resolve(
    line: &AskedLine,
    cloud: &(impl Observe + ObserveEc2),
    place: &str,
) -> Result<Resolved, Error> {
    let (mut asked, mut unseen) = (line.unresolved(), None);
    if !line.targets.is_empty() {
        let found = chain::find(asked, &line.targets, cloud).await?;
        let hidden = found.1.all_snapshots().find(|found| found.snapshot.is_none());
        unseen = hidden.map(|found| {
            format!(
                "the key of its snapshot `{}` is not known: it is not shown to the accounts that asked",
                found.id
            )
        });
        asked = found.0;
    }
    let mut keys = Vec::new();
    for key in asked.keys {
        let key = match key {
            KeyRef::Arn(key) => key,
            KeyRef::AliasArn { .. } | KeyRef::Name(_) => cloud.describe_key(&key).await?.arn,
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let default_keys = default_keys(&asked.default_keys, cloud).await?;
    let mut all = keys.iter().chain(default_keys.iter().map(|(_, key)| key));
    let partition = all.next().map_or(Partition::Aws, |key| key.partition);
    let mut known = BTreeSet::new();
    let mut grantees = Vec::new();
    for grantee in &asked.grantees {
        let within = |error: UsageError| error.within(place);
        let grantee = match grantee.in_partition(partition).map_err(|error| within(error.into()))? {
            Ok(grantee) => grantee,
            Err(session) => return Err(within(session_given(session)).into()),
        };
        if known.insert(grantee.clone()) {
            grantees.push(grantee);
        }
    }
    let own = default_keys.into_iter().map(|(account, key)| {
        let own = grantees.iter().filter(|grantee| grantee.account() == Some(account));
        (vec![key], own.cloned().collect())
    });
    let own: Vec<_> = own.collect();
    let purpose = asked.purpose.unwrap_or(line.terms.purpose);
    let terms = Terms { purpose, ..line.terms };
    Ok(Resolved { asked: [(keys, grantees)].into_iter().chain(own).collect(), terms, unseen })
}

/// The keys under which accounts encrypt anew what they launch: needed by those of the account alone, and not where AWS
/// manages the key, which whoever may launch in the account may use.
async fn default_keys(
    found: &BTreeMap<AccountId, KeyRef>,
    cloud: &impl Observe,
) -> Result<Vec<(AccountId, KeyArn)>, Error> {
    let mut keys = Vec::new();
    for (account, key) in found {
        match (cloud.describe_key(key).await, key) {
            (Ok(metadata), _) if metadata.manager == KeyManager::Aws => {}
            (Ok(metadata), _) => keys.push((*account, metadata.arn)),
            // Its own account's part tells that it can't be looked at.
            (Err(error), KeyRef::Arn(arn)) if !error.may_pass() => keys.push((*account, arn.clone())),
            (Err(error), _) => return Err(error.into()),
        }
    }
    Ok(keys)
}

fn session_given(session: &dyn std::fmt::Display) -> UsageError {
    UsageError::new(format!("`{session}` is a session")).hint("give its role's ARN")
}

/// A source whose bytes are digested as they are read.
struct Digesting {
    source: Box<dyn Read>,
    digest: Sha256,
}

impl Read for Digesting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.digest.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
