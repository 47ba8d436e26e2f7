//! The journals of one account of a fleet.

use crate::apply::journal::{Backend, History, JournalError, Journals, Unfinished};
use crate::apply::recent::{self, Recent};
use crate::arn::AccountId;
use crate::cloud::store::Store;
use crate::commands::backend::Ground;
use crate::commands::place::no_journal;
use crate::error::Error;
use crate::fleet::ledger::Ledger;

/// The journals of an account, as they were when a worker came to it.
pub(super) struct Records {
    pub(super) store: Store,
    pub(super) journals: Journals,
    pub(super) backend: Backend,
}

impl Records {
    /// Reads them.
    pub(super) async fn read(ledger: &Ledger, account: AccountId, ground: &Ground) -> Result<Self, Error> {
        let backend = ground.records.clone().ok_or_else(no_journal)?;
        let store = ledger.journals(account);
        Ok(Self { journals: Journals::kept(&store).await?, store, backend })
    }

    pub(super) fn unfinished(&self) -> Result<Option<Unfinished>, JournalError> {
        Unfinished::of(&self.journals, &self.backend)
    }

    pub(super) fn history(&self) -> Result<History, JournalError> {
        History::of(&self.journals, &self.backend)
    }

    /// What was written lately on a backend whose reads may be older than that. A world's are not.
    pub(super) fn recent(&self) -> Result<Recent, JournalError> {
        match &self.backend {
            Backend::World(_) => Ok(Recent::default()),
            Backend::Aws => Ok(Recent::of(&History::lately(&self.journals, &self.backend, recent::WINDOW)?)),
        }
    }
}
