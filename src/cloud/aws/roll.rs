//! What one set of credentials was told of an organization and its accounts, so that nothing is asked twice.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tokio::sync::{Mutex, OnceCell};

use crate::arn::{AccountId, OrganizationId};
use crate::cloud::CloudError;

/// What one set of credentials was told of its account's organization.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The organization; none where the account is a member of none.
    pub(super) described: OnceCell<Result<Option<OrganizationId>, CloudError>>,
    /// The accounts of the organization, as far as they were listed.
    pub(super) roll: Mutex<Roll>,
    /// The paths of roots and OUs, by id.
    pub(super) paths: RefCell<BTreeMap<String, String>>,
    /// Why paths are not told: whoever may not ask for one may not ask for others.
    pub(super) untold: RefCell<Option<CloudError>>,
}

/// The accounts of an organization, page by page as they are needed.
#[derive(Debug, Default)]
pub(super) struct Roll {
    /// With the path to what each is in, where it was told.
    pub(super) accounts: BTreeMap<AccountId, Option<String>>,
    pub(super) next: Page,
}

/// Which page comes next.
#[derive(Debug, Default)]
pub(super) enum Page {
    #[default]
    First,
    /// By its token.
    Next(String),
    /// There is none.
    Last,
    /// Whoever asks may not list them, or could not.
    Refused(CloudError),
}
