//! One file of a world: its text, and what it says.

use std::collections::BTreeSet;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::mistakes::{self, WorldError};
use super::source::{Place, Source};
use super::world::{AccountPage, Object, Page};
use crate::arn::AccountId;

/// A file's text and what it says.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) source: Source,
    pub(super) page: Page,
}

impl Sheet {
    /// A world in one text.
    pub(super) fn read(text: String, name: &Path) -> Result<Self, WorldError> {
        Self::checked(Source(text), name, |page: Page| page)
    }

    /// What accounts share that have files of their own.
    pub(super) fn shared(text: String, name: &Path, by: BTreeSet<AccountId>) -> Result<Self, WorldError> {
        Self::checked(Source(text), name, |page: Page| page.shared_by(by))
    }

    /// What the file of an account says, in a world whose accounts share the rest.
    pub(super) fn of_account(
        text: String,
        name: &Path,
        (account, shared): (AccountId, &Page),
    ) -> Result<Self, WorldError> {
        let sheet = Self::checked(Source(text), name, |page: AccountPage| page.of(account, shared))?;
        mistakes::check_beside(&sheet.page, shared)
            .map_err(|mistake| mistake.at(&sheet.source, name.to_owned()))?;
        Ok(sheet)
    }

    fn checked<T: DeserializeOwned>(
        source: Source,
        name: &Path,
        of: impl FnOnce(T) -> Page,
    ) -> Result<Self, WorldError> {
        let mut deserializer = serde_json::Deserializer::from_str(&source.0);
        let wrong =
            |error: &serde_json::Error, place| mistakes::of_format(error, &place, &source, name.to_owned());
        let Object(said) = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| wrong(error.inner(), Place::from(error.path())))?;
        deserializer.end().map_err(|error| wrong(&error, Place::root()))?;
        let page = of(said);
        mistakes::check(&page).map_err(|mistake| mistake.at(&source, name.to_owned()))?;
        Ok(Self { source, page })
    }
}
