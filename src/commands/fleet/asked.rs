//! What a manifest asks for: read line by line, with every key and grantee known by its ARN.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::access::{Grantee, KeyRef};
use crate::arn::{KeyArn, Partition};
use crate::cli::settings::fleet::AskedLine;
use crate::cli::settings::is_piped;
use crate::cloud::Observe;
use crate::cloud::ec2::ObserveEc2;
use crate::commands::chain;
use crate::error::{Error, UsageError};
use crate::fleet::asks::Asks;
use crate::fleet::manifest;

/// What is asked for, and the SHA-256 of what says so.
pub(super) struct Asked {
    pub(super) asks: Asks,
    pub(super) manifest: String,
}

/// Reads a manifest to its end. A mistake is told with its line, and nothing else is done.
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
    for read in manifest::read(&mut source) {
        let (number, line) = read.map_err(|error| UsageError::new(format!("{name}: {error}")).hint(FORM))?;
        let place = format!("{name}, line {number}");
        let asked = AskedLine::resolve(&line).map_err(|error| error.within(&place))?;
        let (keys, grantees) = resolve(&asked, cloud, &place).await?;
        asks.add(number, &keys, &grantees, &asked.terms)
            .map_err(|error| UsageError::new(format!("{name}: {error}")).hint(ONE_WAY))?;
    }
    if asks.keys() == 0 {
        return Err(UsageError::new(format!("{name} asks for nothing")).hint(FORM).into());
    }
    // What a reader stopped at, at the end of the file, belongs to it all the same.
    io::copy(&mut source, &mut io::sink())?;
    Ok(Asked { asks, manifest: hexadecimal(source.into_inner().digest) })
}

const FORM: &str = "a line is a JSON object such as {\"keys\": [\"KEY ARN\"], \"principals\": [\"ROLE ARN\"]}; `keymend schema manifest` \
                    tells all of it";

const ONE_WAY: &str = "in one fleet all lines ask for an account's documents in one way: make two manifests of them, with a \
                       folder each";

/// The keys and grantees of a line, by their ARNs.
async fn resolve(
    asked: &AskedLine,
    cloud: &(impl Observe + ObserveEc2),
    place: &str,
) -> Result<(Vec<KeyArn>, Vec<Grantee>), Error> {
    let within = |error: UsageError| error.within(place);
    let (mut named, mut grantees) = (asked.keys.clone(), asked.grantees.clone());
    if !asked.targets.is_empty() {
        let unresolved = asked.unresolved();
        let (found, _) = chain::find(unresolved, &asked.targets, cloud).await?;
        if let Some((account, _)) = found.default_keys.first_key_value() {
            let message =
                format!("account {account} encrypts what it launches from there with a key of its own");
            return Err(within(
                UsageError::new(message).hint("name the keys instead, each with those who need it"),
            )
            .into());
        }
        (named, grantees) = (found.keys, found.grantees);
    }
    let mut keys = Vec::new();
    for key in named {
        let key = match key {
            KeyRef::Arn(key) => key,
            KeyRef::AliasArn { .. } | KeyRef::Name(_) => cloud.describe_key(&key).await?.arn,
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let partition = keys.first().map_or(Partition::Aws, |key| key.partition);
    let mut known = BTreeSet::new();
    let mut resolved = Vec::new();
    for grantee in &grantees {
        let grantee = match grantee.in_partition(partition).map_err(|error| within(error.into()))? {
            Ok(grantee) => grantee,
            Err(session) => return Err(within(session_given(session)).into()),
        };
        if known.insert(grantee.clone()) {
            resolved.push(grantee);
        }
    }
    Ok((keys, resolved))
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
