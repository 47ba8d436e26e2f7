//! `keymend fleet status --report`: a page with all accounts, and one for each. The same folder gives the same pages.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::merged::{counts, merged, standings};
use crate::arn::AccountId;
use crate::commands::console::Console;
use crate::error::Error;
use crate::escape::Escaped;
use crate::files::Destination;
use crate::fleet::ledger::{Ledger, Step};
use crate::fleet::standing::{AccountStanding, Group, LeftLine};
use crate::plan::saved::SavedPlan;
use crate::render::fleet::{self as shown, AccountPage, AccountRow, FleetOverview, LineRow, MergedRow};

/// What the process's mask leaves of reading and writing for everybody.
const ORDINARY: u32 = 0o666;

/// Where the pages go.
pub(super) struct Pages {
    file: PathBuf,
    first: Destination,
    /// The folder beside it, for the accounts' pages.
    folder: PathBuf,
}

impl Pages {
    /// Makes sure that they can be written.
    pub(super) fn open(file: &Path) -> Result<Self, Error> {
        let first = Destination::open(file, ORDINARY).map_err(unwritten(file))?;
        let mut name = file.file_stem().map(OsString::from).unwrap_or_default();
        name.push("-accounts");
        let folder = file.with_file_name(name);
        fs::create_dir_all(&folder).map_err(unwritten(&folder))?;
        Ok(Self { file: file.to_owned(), first, folder })
    }

    /// Writes them, an account at a time, and in the end the page that leads to them.
    pub(super) async fn write(self, ledger: &Ledger, step: Step, console: &mut Console) -> Result<(), Error> {
        let Self { file, first, folder } = self;
        let (planned, all) = (standings(ledger, Step::Plan).await?, standings(ledger, step).await?);
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let (first_name, folder_name) = (name(&file).unwrap_or_default(), name(&folder).unwrap_or_default());
        for standing in all.values() {
            let account = standing.account;
            let digest = planned.get(&account).and_then(|planned| planned.plan.as_deref());
            let plan = match digest {
                Some(digest) => ledger.plan(account, digest).await.map(Some),
                None => Ok(None),
            };
            let plan = plan.map_err(|error| error.to_string()).and_then(|text| {
                let read = text.as_deref().map(SavedPlan::told).transpose();
                read.map_err(|error| format!("its plan can't be read: {error}"))
            });
            let page = shown::account(&AccountPage {
                row: row(standing),
                run: standing.run.as_deref().zip(standing.journal.as_deref()),
                plan: plan.as_ref().map(Option::as_ref).map_err(String::as_str),
                first: &first_name,
            });
            let own = folder.join(format!("{account}.html"));
            let written = Destination::open(&own, ORDINARY).and_then(|place| place.write(&page));
            written.map_err(unwritten(&own))?;
        }
        let own: Vec<&AccountStanding> = all.values().collect();
        let (changes, causes) = (
            merged(&own, |standing| standing.changes.as_slice()),
            merged(&own, |standing| standing.causes.as_slice()),
        );
        let lines = ledger.lines(None).await?;
        let page = shown::overview(&FleetOverview {
            step: step.name(),
            states: counts(&own).into_iter().map(|(state, count)| (state.words(), count)).collect(),
            changes: changes.iter().map(as_row).collect(),
            causes: causes.iter().map(as_row).collect(),
            lines: lines.iter().map(as_line).collect(),
            rows: own.iter().map(|standing| row(standing)).collect(),
            folder: &folder_name,
        });
        first.write(&page).map_err(unwritten(&file))?;
        let file = file.display().to_string();
        writeln!(console.talk()?, "The report is in {}", Escaped(&file))?;
        Ok(())
    }
}

fn row(standing: &AccountStanding) -> AccountRow<'_> {
    let count = |groups: &[Group]| groups.iter().map(|group| group.count).sum();
    AccountRow {
        account: standing.account,
        state: standing.state.words(),
        is_well: standing.state.is_over() && standing.causes.is_empty(),
        changes: count(&standing.changes),
        causes: standing.causes.iter().map(|group| (group.what.as_str(), group.count)).collect(),
    }
}

fn as_row<'s>((what, count, accounts): &(&'s str, usize, BTreeSet<AccountId>)) -> MergedRow<'s> {
    MergedRow { what, count: *count, accounts: accounts.len() }
}

fn as_line(left: &LeftLine) -> LineRow<'_> {
    LineRow { line: left.line, state: left.state.words(), cause: &left.cause }
}

fn unwritten(file: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let file = file.to_owned();
    |source| Error::File { file, source }
}
