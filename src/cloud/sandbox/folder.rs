//! A world's folder: `world.json`, which is shared, and `ACCOUNT.json`, a file for each account, which are read as calls
//! concern them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::file::{Text, WorldFile};
use super::mistakes::WorldError;
use super::sheet::Sheet;
use super::source::Source;
use super::world::{Object, Page};
use crate::arn::{AccountId, OrganizationId};
use crate::files::{self, Replaced};

/// What all accounts share.
pub(super) const SHARED: &str = "world.json";

/// So many bytes of the accounts' files are kept in memory, where they take some times as much, and one file in any case.
const MOST_BYTES: usize = 4 << 20;

/// The files of a world's accounts.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Whether everybody may do everything in it.
    is_open: bool,
    /// How many bytes of them are kept.
    most: usize,
    /// Those that were read last; the one that was used last at the end.
    kept: RefCell<Vec<Kept>>,
    /// What others may ask for without saying whose it is. Nobody asks in most runs.
    directory: RefCell<BTreeMap<AccountId, Listed>>,
}

/// An account's file that is kept in memory.
#[derive(Debug)]
struct Kept {
    account: AccountId,
    file: WorldFile,
    sheet: Rc<Sheet>,
}

/// An account's file that was looked through.
#[derive(Debug)]
struct Listed {
    file: WorldFile,
    told: Told,
}

/// What is known of an account whose file is not kept.
#[derive(Debug)]
struct Told {
    has_caller: bool,
    organization: Option<OrganizationId>,
    /// By which others may ask for what is the account's.
    ids: BTreeSet<String>,
    /// Of its images.
    regions: BTreeSet<String>,
}

impl Folder {
    /// The folder that a path leads to, links resolved; none where it leads to something else.
    pub(super) fn find(path: &Path) -> io::Result<Option<Self>> {
        let is_folder = fs::metadata(path)?.is_dir();
        is_folder.then(|| fs::canonicalize(path).map(Self::at)).transpose()
    }

    fn at(path: PathBuf) -> Self {
        Self {
            path,
            is_open: false,
            most: MOST_BYTES,
            kept: RefCell::default(),
            directory: RefCell::default(),
        }
    }

    /// The same folder, where everybody may do everything.
    pub(super) fn opened(&self) -> Self {
        Self { is_open: true, ..Self::at(self.path.clone()) }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, account: AccountId) -> PathBuf {
        self.path.join(format!("{account}.json"))
    }

    /// The accounts that have a file.
    pub(super) fn accounts(&self) -> Result<BTreeSet<AccountId>, WorldError> {
        let unreadable = |reason| WorldError::Unreadable { file: self.path.clone(), reason };
        let mut accounts = BTreeSet::new();
        for entry in fs::read_dir(&self.path).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
            accounts.extend(name.and_then(|name| name.parse::<AccountId>().ok()));
        }
        Ok(accounts)
    }

    /// What the file of an account says, as long as there is one: as it was read last where it looks the same, unless
    /// that has to be certain.
    pub(super) fn sheet(
        &self,
        account: AccountId,
        shared: &Page,
        is_certain: bool,
    ) -> Result<Option<Rc<Sheet>>, WorldError> {
        let known = {
            let mut kept = self.kept.borrow_mut();
            kept.iter().position(|kept| kept.account == account).map(|index| kept.remove(index))
        };
        let (file, known) = known.map(|Kept { file, sheet, .. }| (file, sheet)).unzip();
        let Some((file, text)) = self.look(account, file, is_certain)? else { return Ok(None) };
        let sheet = match (text, known) {
            (None, Some(known)) => known,
            (Some((text, look)), Some(known)) if known.source.0 == text => {
                file.take(look);
                known
            }
            (Some((text, look)), _) => {
                let sheet = self.read(text, file.path(), (account, shared))?;
                file.take(look);
                Rc::new(sheet)
            }
            // What was never taken has changed in any case.
            (None, None) => return Ok(None),
        };
        self.keep(Kept { account, file, sheet: Rc::clone(&sheet) });
        Ok(Some(sheet))
    }

    /// The file of an account, and its text unless that is sure to be what was taken last; nothing where there is none.
    fn look(
        &self,
        account: AccountId,
        known: Option<WorldFile>,
        is_certain: bool,
    ) -> Result<Option<(WorldFile, Option<Text>)>, WorldError> {
        let path = self.file(account);
        let look = || -> io::Result<_> {
            let file = known.map_or_else(|| WorldFile::find(&path), Ok)?;
            let text = if is_certain { file.read().map(Some) } else { file.read_if_changed() }?;
            Ok((file, text))
        };
        match look() {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(WorldError::Unreadable { file: self.file(account), reason }),
        }
    }

    fn read(&self, text: String, name: &Path, of: (AccountId, &Page)) -> Result<Sheet, WorldError> {
        let mut sheet = Sheet::of_account(text, name, of)?;
        if self.is_open {
            sheet.page.open();
        }
        Ok(sheet)
    }

    fn keep(&self, new: Kept) {
        let mut kept = self.kept.borrow_mut();
        kept.push(new);
        let mut bytes = 0;
        let used_last = kept.iter().rev().take_while(|kept| {
            let is_first = bytes == 0;
            bytes += kept.sheet.source.0.len();
            is_first || bytes <= self.most
        });
        let gone = kept.len() - used_last.count();
        kept.drain(..gone);
    }

    /// Replaces the text of an account's file by one that was made of a text which it had; with its path, and what the
    /// operating system says.
    pub(super) fn replace(
        &self,
        account: AccountId,
        shared: &Page,
        (former, new): (&Source, Source),
    ) -> Result<(PathBuf, io::Result<Replaced>), WorldError> {
        let file = self.file(account);
        let sheet = self.read(new.0, &file, (account, shared))?;
        let replaced = files::replace_read(&file, &former.0, &sheet.source.0);
        if matches!(replaced, Ok(Replaced::Written)) {
            let mut kept = self.kept.borrow_mut();
            if let Some(kept) = kept.iter_mut().find(|kept| kept.account == account) {
                kept.sheet = Rc::new(sheet);
            }
        }
        Ok((file, replaced))
    }

    /// What accounts share says something else: everything is read anew.
    pub(super) fn forget(&self) {
        self.kept.borrow_mut().clear();
        self.directory.borrow_mut().clear();
    }

    /// The accounts whose files have a caller.
    pub(super) fn callers(&self, shared: &Page) -> Result<BTreeSet<AccountId>, WorldError> {
        self.those(shared, |told| told.has_caller)
    }

    /// The accounts whose files tell that they are members of an organization.
    pub(super) fn members(
        &self,
        of: &OrganizationId,
        shared: &Page,
    ) -> Result<BTreeSet<AccountId>, WorldError> {
        self.those(shared, |told| told.organization.as_ref() == Some(of))
    }

    /// Where the accounts' images are, as far as their files can be read.
    pub(super) fn regions(&self, shared: &Page) -> Result<BTreeSet<String>, WorldError> {
        self.list(shared)?;
        let directory = self.directory.borrow();
        Ok(directory.values().flat_map(|listed| listed.told.regions.iter().cloned()).collect())
    }

    /// With those whose files can't be read: whoever asks one of them is told.
    fn those(&self, shared: &Page, are: impl Fn(&Told) -> bool) -> Result<BTreeSet<AccountId>, WorldError> {
        let unread = self.list(shared)?;
        let directory = self.directory.borrow();
        let listed = directory.iter().filter(|(_, listed)| are(&listed.told)).map(|(account, _)| *account);
        Ok(listed.chain(unread.into_keys()).collect())
    }

    /// Whose an image, a snapshot, a unique id or an OU is, by its id.
    pub(super) fn whereabouts(&self, id: &str, shared: &Page) -> Result<Option<AccountId>, WorldError> {
        let unread = self.list(shared)?;
        let directory = self.directory.borrow();
        let found =
            directory.iter().find(|(_, listed)| listed.told.ids.contains(id)).map(|(account, _)| *account);
        match (found, unread.into_values().next()) {
            // It may stand in the file that can't be read.
            (None, Some(error)) => Err(error),
            (found, _) => Ok(found),
        }
    }

    /// Looks through all files that look otherwise than before; returns those that can't be read.
    fn list(&self, shared: &Page) -> Result<BTreeMap<AccountId, WorldError>, WorldError> {
        let accounts = self.accounts()?;
        let mut directory = self.directory.borrow_mut();
        directory.retain(|account, _| accounts.contains(account));
        let mut unread = BTreeMap::new();
        for account in accounts {
            let former = directory.remove(&account);
            match self.listed(account, former, shared) {
                Ok(listed) => directory.extend(listed.map(|listed| (account, listed))),
                Err(error) => _ = unread.insert(account, error),
            }
        }
        Ok(unread)
    }

    fn listed(
        &self,
        account: AccountId,
        former: Option<Listed>,
        shared: &Page,
    ) -> Result<Option<Listed>, WorldError> {
        let (file, former) = match former {
            Some(Listed { file, told }) => (Some(file), Some(told)),
            None => (None, None),
        };
        let Some((file, text)) = self.look(account, file, false)? else { return Ok(None) };
        let Some((text, look)) = text else { return Ok(former.map(|told| Listed { file, told })) };
        let Sheet { page, .. } = self.read(text, file.path(), (account, shared))?;
        file.take(look);
        let told = Told {
            has_caller: page.callers.contains_key(&account),
            organization: page.organization(account).map(|entry| entry.id.clone()),
            ids: ids(&page),
            regions: regions(&page).collect(),
        };
        Ok(Some(Listed { file, told }))
    }
}

/// Where a page's images say that they are.
pub(super) fn regions(page: &Page) -> impl Iterator<Item = String> {
    page.images.values().filter_map(|image| image.region.clone())
}

/// What others may ask for by an id that does not tell the account.
fn ids(page: &Page) -> BTreeSet<String> {
    let unique = page.identities().map(|(arn, identity)| identity.unique_id(&arn));
    let organizations = page.accounts.values().filter_map(|account| account.organization.as_ref());
    let paths = organizations.filter_map(|Object(entry)| entry.path.as_ref());
    let units = paths.flat_map(|path| path.split('/')).filter(|step| step.starts_with("ou-"));
    let named = page.images.keys().chain(page.snapshots.keys()).cloned();
    unique.chain(units.map(str::to_owned)).chain(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "111122223333";
    const TWO: &str = "222233334444";
    const THREE: &str = "333344445555";

    fn account(id: &str) -> AccountId {
        id.parse().unwrap()
    }

    /// A folder of three accounts, each with an image that is named for it.
    fn folder() -> (tempfile::TempDir, Folder, Page) {
        let at = tempfile::tempdir().unwrap();
        for id in [ONE, TWO, THREE] {
            write(&at, id, &format!("ami-{:0<17}", &id[..8]));
        }
        for other in ["1234.json", "journal", "111122223333.json.bak"] {
            fs::write(at.path().join(other), "what is no account's").unwrap();
        }
        let folder = Folder::find(at.path()).unwrap().unwrap();
        let shared = "{\"keymend_world\": 1, \"region\": \"eu-west-1\"}".to_owned();
        let by = folder.accounts().unwrap();
        let Sheet { page, .. } = Sheet::shared(shared, Path::new("world.json"), by).unwrap();
        (at, folder, page)
    }

    fn write(at: &tempfile::TempDir, id: &str, image: &str) {
        let text =
            format!(r#"{{"accounts": {{"{id}": {{}}}}, "images": {{"{image}": {{"owner": "{id}"}}}}}}"#);
        fs::write(at.path().join(format!("{id}.json")), text).unwrap();
    }

    fn kept(folder: &Folder) -> Vec<String> {
        folder.kept.borrow().iter().map(|kept| kept.account.to_string()).collect()
    }

    #[test]
    fn what_was_used_last_is_kept_as_far_as_it_may() {
        let (_at, folder, shared) = folder();
        let read = |folder: &Folder, id| folder.sheet(account(id), &shared, false).unwrap().unwrap();
        let size = read(&folder, ONE).source.0.len();
        let folder = Folder { most: 2 * size, ..folder };
        for (id, expected) in
            [(TWO, [ONE, TWO].as_slice()), (ONE, &[TWO, ONE]), (THREE, &[ONE, THREE]), (TWO, &[THREE, TWO])]
        {
            let sheet = read(&folder, id);
            assert!(sheet.page.accounts.contains_key(&account(id)));
            assert_eq!(kept(&folder), expected);
            assert!(Rc::ptr_eq(&sheet, &read(&folder, id)), "it is read once");
        }
        // One file is kept, however large.
        let folder = Folder { most: 1, ..folder };
        read(&folder, ONE);
        assert_eq!(kept(&folder), [ONE]);
        assert!(folder.sheet(account("999999999999"), &shared, false).unwrap().is_none());
    }

    #[test]
    fn what_does_not_tell_whose_it_is_is_found_in_the_files() {
        let (at, folder, shared) = folder();
        let owner = |image: &str| folder.whereabouts(image, &shared);
        assert_eq!(owner("ami-22223333000000000").unwrap(), Some(account(TWO)));
        assert_eq!(owner("ami-44445555000000000").unwrap(), None);
        write(&at, THREE, "ami-44445555000000000");
        assert_eq!(owner("ami-44445555000000000").unwrap(), Some(account(THREE)));
        assert_eq!(owner("ami-33334444000000000").unwrap(), None);
        assert!(kept(&folder).is_empty(), "nothing is kept that was looked through");
        // What a broken file may say is not said to be nowhere.
        fs::write(at.path().join(format!("{TWO}.json")), "[]").unwrap();
        assert_eq!(owner("ami-44445555000000000").unwrap(), Some(account(THREE)));
        let error = owner("ami-22223333000000000").unwrap_err().to_string();
        assert!(error.contains("222233334444.json`: invalid type: sequence"), "{error}");
        assert_eq!(folder.callers(&shared).unwrap().into_iter().collect::<Vec<_>>(), [account(TWO)]);
        fs::remove_file(at.path().join(format!("{TWO}.json"))).unwrap();
        assert_eq!(owner("ami-22223333000000000").unwrap(), None);
    }

    #[test]
    fn the_file_of_an_account_says_what_is_that_accounts() {
        let (_at, folder, shared) = folder();
        for (text, expected) in [
            (r#"{"region": "eu-west-1"}"#, "unknown field `region`, expected one of `callers`, `accounts`"),
            (
                r#"{"accounts": {"222233334444": {}}}"#,
                "`222233334444` is not the account whose file this is at $.accounts.222233334444, line 1, column 31",
            ),
            (
                r#"{"snapshots": {"snap-01234567": {"owner": "222233334444"}}}"#,
                "account 222233334444 is not described in `accounts` at $.snapshots",
            ),
            (
                r#"{"callers": {"222233334444": {"arn": "arn:aws:iam::222233334444:root"}}}"#,
                "account 222233334444 is not described in `accounts` at $.callers",
            ),
        ] {
            let error = folder.read(text.to_owned(), Path::new("f"), (account(ONE), &shared)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        // What another account's file tells can't be known here.
        let key = "arn:aws:kms:eu-west-1:222233334444:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let text = format!(
            r#"{{"accounts": {{"{ONE}": {{}}}}, "snapshots": {{"snap-01234567": {{"owner": "{ONE}", "key": "{key}"}}}}}}"#
        );
        folder.read(text, Path::new("f"), (account(ONE), &shared)).unwrap();
        let world = format!(
            r#"{{"keymend_world": 1, "region": "eu-west-1", "default_caller": "{ONE}", "accounts": {{"{TWO}": {{}}}}}}"#
        );
        let by = folder.accounts().unwrap();
        let error = Sheet::shared(world, Path::new("w"), by).unwrap_err().to_string();
        assert!(
            error.contains("account 222233334444 has a file of its own at $.accounts.222233334444"),
            "{error}"
        );
    }
}
