//! A world without AWS: accounts and keys described in one JSON file, or in a folder with one for each account, which
//! refuses and reads back like AWS.
//!
//! The files are the world: every call reads those that it concerns anew if they have changed, every write reads the one
//! that it is about in any case, and replaces it at once where it succeeds. Nothing else writes it, and nothing waits.
//! `docs/worlds.md` describes the format, and what is refused.

mod authority;
mod authorization;
mod call;
mod defaults;
mod ec2;
mod faults;
mod file;
mod folder;
mod grants;
mod mistakes;
mod organizations;
mod pages;
mod prove;
mod quotas;
mod read_back;
mod reads;
mod refusals;
mod sheet;
mod source;
mod templates;
mod world;
mod writes;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use self::call::Call;
use self::faults::Struck;
use self::file::{Look, WorldFile};
use self::folder::Folder;
use self::pages::World;
use self::quotas::Meter;
use self::refusals::Refusal;
use self::sheet::Sheet;
use self::source::Source;
use super::CloudError;
use crate::arn::{AccountId, Partition};
use crate::files::{self, Replaced};

pub use defaults::Defaults;
pub use mistakes::WorldError;
pub use quotas::WorldTime;

/// The story of the copied AMI.
const BUILTIN: &str = include_str!("../../fixtures/worlds/copied-ami.json");

/// A world to work in. One thread at a time.
#[derive(Debug)]
pub struct Sandbox {
    file: Option<WorldFile>,
    /// Where accounts have files of their own.
    folder: Option<Folder>,
    /// What the world's file says.
    shared: RefCell<Rc<Sheet>>,
    /// What the last write of this process replaced, which stale reads show; with the account whose file that was.
    previous: RefCell<Option<(Option<AccountId>, Rc<Sheet>)>>,
    /// How many calls each of the world's faults has seen.
    counts: RefCell<Vec<usize>>,
    meter: Meter,
}

impl Sandbox {
    /// The built-in world, in memory: an AMI whose snapshot is encrypted under the key of one account was
    /// shared with another, and its instances don't start.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "the text is part of the program, and a test reads it"
    )]
    pub fn builtin() -> Self {
        let sheet = Sheet::read(BUILTIN.to_owned(), Path::new("built-in")).expect("a valid world");
        Self::of(None, sheet)
    }

    /// The world that a file describes, or a folder with a file for each account. Only
    /// [`Write::perform`](super::Write::perform) ever writes to it.
    ///
    /// # Errors
    /// The file can't be read, or something in it is wrong. In a folder that is `world.json`: an account's file is read
    /// when a call concerns the account, which then fails.
    pub fn open(path: &Path) -> Result<Self, WorldError> {
        let unreadable = |reason| WorldError::Unreadable { file: path.to_owned(), reason };
        let folder = Folder::find(path).map_err(unreadable)?;
        let path = if folder.is_some() { path.join(folder::SHARED) } else { path.to_owned() };
        let unreadable = |reason| WorldError::Unreadable { file: path.clone(), reason };
        // What a link leads to is what gets replaced, not the link.
        let file = WorldFile::find(&path).map_err(unreadable)?;
        let (text, look) = file.read().map_err(unreadable)?;
        let sheet = read(folder.as_ref(), text, &path)?;
        file.take(look);
        Ok(Self { folder, ..Self::of(Some(file), sheet) })
    }

    /// The world that a file or a folder describes, or the built-in one.
    ///
    /// # Errors
    /// As [`Sandbox::open`].
    pub fn open_or_builtin(path: Option<&Path>) -> Result<Self, WorldError> {
        path.map_or_else(|| Ok(Self::builtin()), Self::open)
    }

    fn of(file: Option<WorldFile>, sheet: Sheet) -> Self {
        Self {
            file,
            folder: None,
            shared: RefCell::new(Rc::new(sheet)),
            previous: RefCell::default(),
            counts: RefCell::default(),
            meter: Meter::default(),
        }
    }

    /// The file or folder, links resolved; `None` for the built-in world.
    pub fn place(&self) -> Option<&Path> {
        let folder = self.folder.as_ref().map(Folder::path);
        folder.or_else(|| self.file.as_ref().map(WorldFile::path))
    }

    /// The world's file's name in messages.
    fn name(&self) -> &Path {
        self.file.as_ref().map_or(Path::new("built-in"), WorldFile::path)
    }

    /// What the world's story is, for people.
    pub fn story(&self) -> String {
        self.shared().page.story.clone()
    }

    /// The region where none is asked for.
    pub fn region(&self) -> String {
        self.shared().page.region.clone()
    }

    /// The regions of its images, and its own.
    ///
    /// # Errors
    /// Its folder can't be read.
    pub fn regions(&self) -> Result<BTreeSet<String>, WorldError> {
        let shared = self.shared();
        let mut regions: BTreeSet<String> = folder::regions(&shared.page).collect();
        if let Some(folder) = &self.folder {
            regions.extend(folder.regions(&shared.page)?);
        }
        regions.insert(shared.page.region.clone());
        Ok(regions)
    }

    /// The keys and grantees where none are asked for.
    pub fn defaults(&self) -> Defaults {
        defaults::read(&self.shared().page.defaults).unwrap_or_default()
    }

    fn partition(&self) -> Partition {
        self.shared().page.partition()
    }

    /// What the world's file said when it was read last.
    fn shared(&self) -> Rc<Sheet> {
        Rc::clone(&self.shared.borrow())
    }

    /// The world for one call: whoever edits a file between two calls is heeded.
    async fn current(&self, call: &Call) -> Result<World, CloudError> {
        self.current_with(call, &[]).await
    }

    /// The same for a call that concerns other accounts too.
    async fn current_about(
        &self,
        call: &Call,
        others: impl IntoIterator<Item = AccountId>,
    ) -> Result<World, CloudError> {
        let is_stale = self.arrive(call).await?.is_stale;
        self.seen(call, others, is_stale)
    }

    /// The same for a read that takes further calls.
    async fn current_with(&self, call: &Call, further: &[&'static str]) -> Result<World, CloudError> {
        let mut is_stale = self.arrive(call).await?.is_stale;
        for operation in further {
            self.meter_read(&call.as_operation(operation))?;
            is_stale |= self.strike(&call.as_operation(operation)).await?.is_stale;
        }
        self.seen(call, [], is_stale)
    }

    /// A call reaches the world as it is now.
    async fn arrive(&self, call: &Call) -> Result<Struck, CloudError> {
        self.meter_read(call)?;
        let struck = self.strike(call).await?;
        if let Some(file) = &self.file {
            file.read_if_changed()
                .map_err(|reason| self.unreadable(reason))
                .and_then(|read| read.map_or(Ok(()), |(text, look)| self.take(file, text, look)))
                .map_err(|error| broken(call, &error))?;
        }
        Ok(struck)
    }

    fn seen(
        &self,
        call: &Call,
        others: impl IntoIterator<Item = AccountId>,
        is_stale: bool,
    ) -> Result<World, CloudError> {
        let world = self.world(call.account, others);
        let mut world = world.map_err(|error| broken(call, &error))?;
        if let Some((account, former)) = self.previous.borrow().as_ref().filter(|_| is_stale) {
            world.put_back(*account, Rc::clone(former));
        }
        Ok(world)
    }

    /// As much of the world as concerns an account and others; and whoever calls by default, where nobody serves the
    /// account.
    fn world(
        &self,
        account: Option<AccountId>,
        others: impl IntoIterator<Item = AccountId>,
    ) -> Result<World, WorldError> {
        let mut world = World::new(self.shared());
        account.map_or(Ok(()), |account| self.add(&mut world, account, false))?;
        let is_served = account.is_some_and(|account| world.caller(account).is_some());
        let by_default = world.shared().default_caller.filter(|_| !is_served);
        for other in others.into_iter().chain(by_default).filter(|other| Some(*other) != account) {
            self.add(&mut world, other, false)?;
        }
        Ok(world)
    }

    /// Takes in what the file of an account says, where it has one; read anew whatever it looks like, if that has to be
    /// certain.
    fn add(&self, world: &mut World, account: AccountId, is_certain: bool) -> Result<(), WorldError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let sheet = folder.sheet(account, world.shared(), is_certain)?;
        if let Some(sheet) = sheet {
            world.add(account, sheet);
        }
        Ok(())
    }

    /// The accounts that callers serve, for a call that would ask each of them.
    fn callers(&self, call: &Call) -> Result<BTreeSet<AccountId>, CloudError> {
        let shared = self.shared();
        let own = self.folder.as_ref().map(|folder| folder.callers(&shared.page)).transpose();
        let own = own.map_err(|error| broken(call, &error))?;
        Ok(shared.page.callers.keys().copied().chain(own.into_iter().flatten()).collect())
    }

    /// In whose file stands what an id is of, where it is none of the world's.
    fn whereabouts(&self, call: &Call, id: &str) -> Result<Option<AccountId>, CloudError> {
        let found = self.folder.as_ref().map(|folder| folder.whereabouts(id, &self.shared().page));
        found.transpose().map(Option::flatten).map_err(|error| broken(call, &error))
    }

    /// The world as its file says it, whatever the file looks like.
    fn refresh(&self) -> Result<(), WorldError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let (text, look) = file.read().map_err(|reason| self.unreadable(reason))?;
        self.take(file, text, look)
    }

    fn take(&self, file: &WorldFile, text: String, look: Option<Look>) -> Result<(), WorldError> {
        if text != self.shared().source.0 {
            self.shared.replace(Rc::new(read(self.folder.as_ref(), text, file.path())?));
            self.folder.iter().for_each(Folder::forget);
        }
        file.take(look);
        Ok(())
    }

    fn unreadable(&self, reason: io::Error) -> WorldError {
        WorldError::Unreadable { file: self.name().to_owned(), reason }
    }

    /// Makes a text the world's that was made of the present one where an account's things stand, in the file first.
    fn replace(&self, world: &World, account: AccountId, new: Source) -> Result<Replaced, Refusal> {
        let former = world.sheet(account);
        if new == former.source {
            return Ok(Replaced::Written);
        }
        let broken = |error: WorldError| Refusal::broken_world(error.to_string());
        let own = self.folder.as_ref().filter(|_| world.has_own(account));
        let replaced = if let Some(folder) = own {
            folder.replace(account, world.shared(), (&former.source, new))
        } else {
            self.replace_shared(&former.source, new)
        };
        let (file, replaced) = replaced.map_err(broken)?;
        let replaced = replaced.map_err(|reason| {
            let file = file.display();
            Refusal::broken_world(format!("the world file `{file}` can't be written: {reason}"))
        })?;
        if replaced == Replaced::Written {
            self.previous.replace(Some((own.map(|_| account), Rc::clone(former))));
        }
        Ok(replaced)
    }

    /// The same for the world's file; with its path, and what the operating system says.
    fn replace_shared(
        &self,
        former: &Source,
        new: Source,
    ) -> Result<(PathBuf, io::Result<Replaced>), WorldError> {
        let sheet = read(self.folder.as_ref(), new.0, self.name())?;
        let replaced = match &self.file {
            Some(file) => files::replace_read(file.path(), &former.0, &sheet.source.0),
            None => Ok(Replaced::Written),
        };
        if matches!(replaced, Ok(Replaced::Written)) {
            self.shared.replace(Rc::new(sheet));
        }
        Ok((self.name().to_owned(), replaced))
    }
}

/// What the world's file says.
fn read(folder: Option<&Folder>, text: String, name: &Path) -> Result<Sheet, WorldError> {
    match folder {
        Some(folder) => Sheet::shared(text, name, folder.accounts()?),
        None => Sheet::read(text, name),
    }
}

/// The error of a call that needs what can't be read.
fn broken(call: &Call, error: &WorldError) -> CloudError {
    call.failed(None, Refusal::broken_world(error.to_string()))
}

#[cfg(test)]
mod tests;
