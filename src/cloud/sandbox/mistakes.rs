//! What can be wrong with a world file, and where it stands.

mod ec2;
mod faults;
mod grants;
mod organizations;
mod templates;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::PathBuf;

use super::source::{Place, Source};
use super::world::{Account, CallerEntry, Identity, KINDS, Page, Policy, caller_principal, id_prefix};
use super::{Defaults, defaults};
use crate::access::KeyRef;
use crate::arn::{AccountId, ArnParts, EntityArn, EntityKind, KeyArn, PolicyArn};
use crate::policy::AwsPrincipal;

/// Why a file is not a world to work in.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The file can't be read.
    #[error("the world file `{}` can't be read: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        reason: io::Error,
    },
    /// The file is read, and something in it is wrong.
    #[error("mistake in the world file `{}`: {message} at {path}, line {line}, column {column}", file.display())]
    Mistake {
        /// The file.
        file: PathBuf,
        /// What is wrong, and what was expected.
        message: String,
        /// The place as a JSON path: `$.accounts.444455556666.roles.app`.
        path: String,
        /// Line, counted from 1.
        line: usize,
        /// Column in characters, counted from 1.
        column: usize,
    },
}

/// Something in a world that can't be.
#[derive(Debug)]
pub(super) struct Mistake {
    place: Place,
    message: String,
}

type Checked = Result<(), Mistake>;

impl Mistake {
    fn new(place: Place, message: impl fmt::Display) -> Self {
        Self { place, message: message.to_string() }
    }

    /// The mistake with its position in the source.
    pub(super) fn at(self, source: &Source, file: PathBuf) -> WorldError {
        let position = source.position_of(&self.place);
        let (line, column) = position.map_or((1, 1), |position| (position.line, position.column));
        WorldError::Mistake { file, message: self.message, path: self.place.to_string(), line, column }
    }
}

/// What the JSON parser and the format's types refuse.
pub(super) fn of_format(
    error: &serde_json::Error,
    place: &Place,
    source: &Source,
    file: PathBuf,
) -> WorldError {
    let own = source.position_of_error(error);
    let position = match error.classify() {
        serde_json::error::Category::Data => source.position_of(place).unwrap_or(own),
        _ => own,
    };
    let message = error.to_string();
    let message = message.rsplit_once(" at line").map_or(message.as_str(), |(message, _)| message);
    WorldError::Mistake {
        file,
        message: message.to_owned(),
        path: place.to_string(),
        line: position.line,
        column: position.column,
    }
}

/// The rules of the format that its types don't hold.
pub(super) fn check(page: &Page) -> Checked {
    let root = Place::root();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if page.region.is_empty() || !page.region.bytes().all(plain) {
        let message = format!("`{}` is not a region such as `eu-west-1`", page.region);
        return Err(Mistake::new(root.member("region"), message));
    }
    callers(page, &root)?;
    aws_policies(page, &root.member("aws_policies"))?;
    let mut ids = BTreeSet::new();
    for (id, account) in &page.accounts {
        if page.is_elsewhere(*id) {
            let message = if page.is_of_an_account() {
                format!("`{id}` is not the account whose file this is")
            } else {
                format!("account {id} has a file of its own")
            };
            return Err(Mistake::new(root.member("accounts").member(id), message));
        }
        AccountCheck { page, id: *id, account, place: root.member("accounts").member(id) }.run(&mut ids)?;
    }
    organizations::check(page, &root)?;
    keys(page, &root.member("keys"))?;
    ec2::check(page, &root)?;
    templates::check(page, &root)?;
    faults::check(page, &root.member("faults"))?;
    quotas(page, &root.member("quotas"))?;
    check_defaults(page, &root.member("defaults"))
}

fn quotas(page: &Page, place: &Place) -> Checked {
    page.quotas.iter().try_for_each(|(pattern, calls)| {
        permission(pattern, || place.member(pattern))?;
        match calls {
            0 => Err(Mistake::new(place.member(pattern), "a quota is 1 call a second or more")),
            _ => Ok(()),
        }
    })
}

/// What the file of an account may not say where all accounts' file says it.
pub(super) fn check_beside(page: &Page, shared: &Page) -> Checked {
    match page.callers.keys().find(|account| shared.callers.contains_key(account)) {
        None => Ok(()),
        Some(account) => {
            let message = format!("account {account} has a caller in `world.json` already");
            Err(Mistake::new(Place::root().member("callers").member(account), message))
        }
    }
}

fn callers(page: &Page, root: &Place) -> Checked {
    for (account, entry) in &page.callers {
        caller(page, *account, entry, &root.member("callers").member(account))?;
    }
    match page.default_caller {
        Some(account) if !page.callers.contains_key(&account) && !page.is_elsewhere(account) => {
            Err(Mistake::new(
                root.member("default_caller"),
                format!("`{account}` is not an account of `callers`"),
            ))
        }
        _ => Ok(()),
    }
}

fn caller(page: &Page, account: AccountId, entry: &CallerEntry, place: &Place) -> Checked {
    let arn = &entry.arn;
    let at_arn = |message: String| Err(Mistake::new(place.member("arn"), message));
    let Some((principal, partition, own)) = caller_principal(arn) else {
        return at_arn(format!(
            "`{arn}` is not the ARN of a user, an assumed-role session or an account's root"
        ));
    };
    if own != account || partition != page.partition() {
        return at_arn(format!("`{arn}` is not of account {account} in the partition {}", page.partition()));
    }
    let Some(described) = page.accounts.get(&account) else {
        if page.is_elsewhere(account) && !page.is_of_an_account() {
            return Ok(());
        }
        return Err(Mistake::new(place.clone(), format!("account {account} is not described in `accounts`")));
    };
    let exists = match &principal {
        AwsPrincipal::Entity(user) => {
            described.users.get(&user.name).is_some_and(|found| found.path == user.path)
        }
        AwsPrincipal::Session(session) => described.roles.contains_key(&session.role_name),
        _ => true,
    };
    if !exists {
        return at_arn(format!("`{arn}` names a user or role that `accounts.{account}` does not describe"));
    }
    for (index, pattern) in entry.denied.iter().enumerate() {
        permission(pattern, || place.member("denied").item(index))?;
    }
    Ok(())
}

fn permission(pattern: &str, place: impl FnOnce() -> Place) -> Checked {
    if pattern.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty()) {
        return Ok(());
    }
    Err(Mistake::new(place(), format!("`{pattern}` is not a permission such as `iam:CreatePolicy`")))
}

fn aws_policies(page: &Page, place: &Place) -> Checked {
    match page.aws_policies.keys().find(|arn| !is_aws_managed(page, arn)) {
        None => Ok(()),
        Some(arn) => {
            let message = format!(
                "`{arn}` is not the ARN of one of AWS's policies, such as `arn:{}:iam::aws:policy/NAME`",
                page.partition()
            );
            Err(Mistake::new(place.member(arn), message))
        }
    }
}

/// Whether a text is the ARN of a managed policy that AWS itself owns.
fn is_aws_managed(page: &Page, arn: &str) -> bool {
    ArnParts::parse(arn).is_ok_and(|parts| {
        parts.service == "iam"
            && parts.account == "aws"
            && parts.partition == page.partition()
            && parts.resource.starts_with("policy/")
    })
}

/// The account that is being checked.
struct AccountCheck<'w> {
    page: &'w Page,
    id: AccountId,
    account: &'w Account,
    place: Place,
}

impl AccountCheck<'_> {
    fn run(&self, ids: &mut BTreeSet<String>) -> Checked {
        for kind in KINDS {
            let place = self.place.member(format_args!("{kind}s"));
            let names = self.account.of_kind(kind);
            unique_ignoring_case(names.keys(), &place)?;
            for (name, identity) in names {
                self.identity(kind, (name, identity), &place.member(name), ids)?;
            }
        }
        let place = self.place.member("policies");
        unique_ignoring_case(self.account.policies.keys(), &place)?;
        self.account
            .policies
            .iter()
            .try_for_each(|(name, policy)| self.policy((name, policy), &place.member(name)))
    }

    fn identity(
        &self,
        kind: EntityKind,
        (name, identity): (&str, &Identity),
        place: &Place,
        ids: &mut BTreeSet<String>,
    ) -> Checked {
        path(&identity.path, place)?;
        let arn = self.page.entity_arn(self.id, kind, (name, identity));
        if arn.to_string().parse::<EntityArn>().as_ref() != Ok(&arn) {
            return Err(Mistake::new(place.clone(), format!("`{name}` is not a name for a {kind}")));
        }
        unique_id(&arn, identity, place, ids)?;
        let mut seen = BTreeSet::new();
        for (index, policy) in identity.attached.iter().enumerate() {
            let place = place.member("attached").item(index);
            self.policy_reference(policy, &place)?;
            if !seen.insert(policy) {
                return Err(Mistake::new(place, format!("`{policy}` is attached twice")));
            }
        }
        self.inline_policies(identity, place)?;
        self.groups(kind, identity, place)?;
        let Some(boundary) = &identity.boundary else {
            return Ok(());
        };
        let place = place.member("boundary");
        if kind == EntityKind::Group {
            return Err(Mistake::new(place, "a group has no permissions boundary"));
        }
        self.policy_reference(boundary, &place)
    }

    /// Inline policies have the names that managed ones may have.
    fn inline_policies(&self, identity: &Identity, place: &Place) -> Checked {
        let place = place.member("inline");
        unique_ignoring_case(identity.inline.keys(), &place)?;
        let arn = |name: &str| format!("arn:{}:iam::{}:policy/{name}", self.page.partition(), self.id);
        let is_name = |name: &str| arn(name).parse::<PolicyArn>().is_ok_and(|parsed| parsed.name == name);
        match identity.inline.keys().find(|name| !is_name(name)) {
            Some(name) => {
                Err(Mistake::new(place.member(name), format!("`{name}` is not a name for a policy")))
            }
            None => Ok(()),
        }
    }

    fn groups(&self, kind: EntityKind, identity: &Identity, place: &Place) -> Checked {
        let place = place.member("groups");
        if kind != EntityKind::User && !identity.groups.is_empty() {
            return Err(Mistake::new(place, format!("a {kind} is in no groups, only users are")));
        }
        let mut seen = BTreeSet::new();
        for (index, group) in identity.groups.iter().enumerate() {
            let place = place.item(index);
            if !self.account.groups.contains_key(group) {
                let message = format!("`{group}` is not described in `accounts.{}.groups`", self.id);
                return Err(Mistake::new(place, message));
            }
            if !seen.insert(group) {
                return Err(Mistake::new(place, format!("`{group}` stands twice")));
            }
        }
        Ok(())
    }

    /// A policy that exists: the account's own, or one of AWS's.
    fn policy_reference(&self, arn: &str, place: &Place) -> Checked {
        if is_aws_managed(self.page, arn) {
            return Ok(());
        }
        let own = arn.parse::<PolicyArn>().ok().filter(|policy| policy.account == self.id);
        match own {
            Some(policy) if self.page.policy(&policy).is_some() => Ok(()),
            Some(_) => Err(Mistake::new(
                place.clone(),
                format!("`{arn}` is not described in `accounts.{}.policies`", self.id),
            )),
            None => Err(Mistake::new(
                place.clone(),
                format!("`{arn}` is not the ARN of a managed policy of account {} or of AWS", self.id),
            )),
        }
    }

    fn policy(&self, (name, policy): (&str, &Policy), place: &Place) -> Checked {
        path(&policy.path, place)?;
        let arn = self.page.policy_arn(self.id, (name, policy));
        if arn.to_string().parse::<PolicyArn>().as_ref() != Ok(&arn) {
            return Err(Mistake::new(place.clone(), format!("`{name}` is not a name for a policy")));
        }
        let (versions, limit) = (policy.versions.len(), self.account.quotas().versions_per_policy);
        if versions > limit {
            let message = format!("{versions} versions, where the account's quota allows {limit}");
            return Err(Mistake::new(place.member("versions"), message));
        }
        if policy.default_document().is_none() {
            let message = format!("`{}` is not one of `versions`", policy.default_version);
            return Err(Mistake::new(place.member("default_version"), message));
        }
        Ok(())
    }
}

fn path(path: &str, place: &Place) -> Checked {
    if path.starts_with('/') && path.ends_with('/') {
        return Ok(());
    }
    let message = format!("`{path}` is not a path: expected `/`, or `/a/b/`");
    Err(Mistake::new(place.member("path"), message))
}

fn unique_ignoring_case<'w>(names: impl Iterator<Item = &'w String>, place: &Place) -> Checked {
    let mut seen = BTreeMap::new();
    for name in names {
        if let Some(other) = seen.insert(name.to_ascii_lowercase(), name) {
            let message = format!("`{name}` and `{other}` differ in case only, which IAM does not allow");
            return Err(Mistake::new(place.member(name), message));
        }
    }
    Ok(())
}

fn unique_id(arn: &EntityArn, identity: &Identity, place: &Place, ids: &mut BTreeSet<String>) -> Checked {
    let at_id = |message: String| Err(Mistake::new(place.member("id"), message));
    if let Some(id) = &identity.id {
        let prefix = id_prefix(arn.kind);
        if !id.starts_with(prefix) || !matches!(AwsPrincipal::parse(id), AwsPrincipal::UniqueId(_)) {
            return at_id(format!("`{id}` is not the unique id of a {}: expected `{prefix}…`", arn.kind));
        }
    }
    let id = identity.unique_id(arn);
    if ids.insert(id.clone()) { Ok(()) } else { at_id(format!("the unique id `{id}` stands twice")) }
}

fn keys(page: &Page, place: &Place) -> Checked {
    let mut aliases = BTreeSet::new();
    for (arn, key) in &page.keys {
        let place = place.member(arn);
        if arn.partition != page.partition() {
            let message = format!("`{arn}` is not of the partition {}", page.partition());
            return Err(Mistake::new(place, message));
        }
        if !page.accounts.contains_key(&arn.account) {
            let message = format!("account {} is not described in `accounts`", arn.account);
            return Err(Mistake::new(place, message));
        }
        for (index, alias) in key.aliases.iter().enumerate() {
            let place = place.member("aliases").item(index);
            let well_formed = alias.starts_with("alias/") && alias.parse::<KeyRef>().is_ok();
            if !well_formed {
                return Err(Mistake::new(place, format!("`{alias}` is not an alias such as `alias/app`")));
            }
            if !aliases.insert((arn.account, &arn.region, alias)) {
                return Err(Mistake::new(place, format!("`{alias}` stands for another key already")));
            }
        }
        grants::check(key, &place.member("grants"))?;
    }
    Ok(())
}

fn check_defaults(page: &Page, place: &Place) -> Checked {
    for (index, target) in page.defaults.targets.iter().enumerate() {
        let prefix = ec2::KINDS.iter().map(|(_, prefix)| *prefix).find(|prefix| target.starts_with(prefix));
        let place = place.member("targets").item(index);
        if !target.starts_with(ec2::GROUP) {
            ec2::well_formed(target, prefix.unwrap_or("ami-"), &place)?;
        }
    }
    let Defaults { keys, .. } = defaults::read(&page.defaults)
        .map_err(|wrong| Mistake::new(place.member(wrong.list).item(wrong.index), wrong.message))?;
    for (index, key) in keys.iter().enumerate() {
        if let KeyRef::Arn(key) = key {
            known_key(page, key, &place.member("keys").item(index))?;
        }
    }
    Ok(())
}

fn known_key(page: &Page, key: &KeyArn, place: &Place) -> Checked {
    if page.keys.contains_key(key) || page.is_elsewhere(key.account) {
        return Ok(());
    }
    Err(Mistake::new(place.clone(), format!("`{key}` is not described in `keys`")))
}
