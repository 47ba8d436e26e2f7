//! A world without AWS: accounts and keys described in one JSON file, which refuses and reads back like AWS.
//!
//! The file is the world: every call reads it anew if it has changed, every write reads it in any case, and replaces
//! it at once where it succeeds. Nothing else writes it, and nothing waits. `docs/worlds.md` describes the format, and
//! what is refused.

mod authority;
mod call;
mod defaults;
mod ec2;
mod faults;
mod file;
mod grants;
mod mistakes;
mod organizations;
mod prove;
mod read_back;
mod reads;
mod refusals;
mod source;
mod templates;
mod world;
mod writes;

use std::cell::{Ref, RefCell};
use std::io;
use std::path::Path;

use self::call::Call;
use self::faults::Struck;
use self::file::{Look, WorldFile};
use self::refusals::Refusal;
use self::source::{Place, Source};
use self::world::{Object, World};
use super::CloudError;
use crate::arn::Partition;
use crate::files::{self, Replaced};

pub use defaults::Defaults;
pub use mistakes::WorldError;

/// The story of the copied AMI.
const BUILTIN: &str = include_str!("../../fixtures/worlds/copied-ami.json");

/// A world to work in. One thread at a time.
#[derive(Debug)]
pub struct Sandbox {
    file: Option<WorldFile>,
    state: RefCell<State>,
    /// The world before the last write of this process, which stale reads show.
    previous: RefCell<Option<State>>,
    /// How many calls each of the world's faults has seen.
    counts: RefCell<Vec<usize>>,
}

/// A world's text and what it says.
#[derive(Debug)]
struct State {
    source: Source,
    world: World,
}

impl State {
    fn read(text: String, name: &Path) -> Result<Self, WorldError> {
        let source = Source(text);
        let mut deserializer = serde_json::Deserializer::from_str(&source.0);
        let wrong =
            |error: &serde_json::Error, place| mistakes::of_format(error, &place, &source, name.to_owned());
        let Object(world) = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| wrong(error.inner(), Place::from(error.path())))?;
        deserializer.end().map_err(|error| wrong(&error, Place::root()))?;
        mistakes::check(&world).map_err(|mistake| mistake.at(&source, name.to_owned()))?;
        Ok(Self { source, world })
    }
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
        let state = State::read(BUILTIN.to_owned(), Path::new("built-in")).expect("a valid world");
        Self::of(None, state)
    }

    /// The world that a file describes. Only [`Write::perform`](super::Write::perform) ever writes to it.
    ///
    /// # Errors
    /// The file can't be read, or something in it is wrong.
    pub fn open(path: &Path) -> Result<Self, WorldError> {
        let unreadable = |reason| WorldError::Unreadable { file: path.to_owned(), reason };
        // What a link leads to is what gets replaced, not the link.
        let file = WorldFile::find(path).map_err(unreadable)?;
        let (text, look) = file.read().map_err(unreadable)?;
        let state = State::read(text, path)?;
        file.take(look);
        Ok(Self::of(Some(file), state))
    }

    /// The world that a file describes, or the built-in one.
    ///
    /// # Errors
    /// As [`Sandbox::open`].
    pub fn open_or_builtin(path: Option<&Path>) -> Result<Self, WorldError> {
        path.map_or_else(|| Ok(Self::builtin()), Self::open)
    }

    fn of(file: Option<WorldFile>, state: State) -> Self {
        Self { file, state: RefCell::new(state), previous: RefCell::default(), counts: RefCell::default() }
    }

    /// The file, links resolved; `None` for the built-in world.
    pub fn world_file(&self) -> Option<&Path> {
        self.file.as_ref().map(WorldFile::path)
    }

    /// The world's name in messages.
    fn name(&self) -> &Path {
        self.world_file().unwrap_or(Path::new("built-in"))
    }

    /// What the world's story is, for people.
    pub fn story(&self) -> String {
        self.state.borrow().world.story.clone()
    }

    /// The region where none is asked for.
    pub fn region(&self) -> String {
        self.state.borrow().world.region.clone()
    }

    /// The keys and grantees where none are asked for.
    pub fn defaults(&self) -> Defaults {
        defaults::read(&self.state.borrow().world.defaults).unwrap_or_default()
    }

    fn partition(&self) -> Partition {
        self.state.borrow().world.partition()
    }

    /// The world for one call: whoever edits the file between two calls is heeded.
    async fn current(&self, call: &Call) -> Result<Ref<'_, State>, CloudError> {
        self.current_with(call, &[]).await
    }

    /// The same for a read that takes further calls.
    async fn current_with(
        &self,
        call: &Call,
        further: &[&'static str],
    ) -> Result<Ref<'_, State>, CloudError> {
        let mut is_stale = self.arrive(call).await?.is_stale;
        for operation in further {
            is_stale |= self.strike(&call.as_operation(operation)).await?.is_stale;
        }
        let previous = is_stale.then(|| Ref::filter_map(self.previous.borrow(), Option::as_ref).ok());
        Ok(previous.flatten().unwrap_or_else(|| self.state.borrow()))
    }

    /// A call reaches the world as it is now.
    async fn arrive(&self, call: &Call) -> Result<Struck, CloudError> {
        let struck = self.strike(call).await?;
        if let Some(file) = &self.file {
            file.read_if_changed()
                .map_err(|reason| self.unreadable(reason))
                .and_then(|read| read.map_or(Ok(()), |(text, look)| self.take(file, text, look)))
                .map_err(|error| call.failed(None, Refusal::broken_world(error.to_string())))?;
        }
        Ok(struck)
    }

    /// The world as its file says it, whatever the file looks like.
    fn refresh(&self) -> Result<(), Refusal> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        file.read()
            .map_err(|reason| self.unreadable(reason))
            .and_then(|(text, look)| self.take(file, text, look))
            .map_err(|error| Refusal::broken_world(error.to_string()))
    }

    fn take(&self, file: &WorldFile, text: String, look: Option<Look>) -> Result<(), WorldError> {
        if text != self.state.borrow().source.0 {
            self.state.replace(State::read(text, file.path())?);
        }
        file.take(look);
        Ok(())
    }

    fn unreadable(&self, reason: io::Error) -> WorldError {
        WorldError::Unreadable { file: self.name().to_owned(), reason }
    }

    /// Makes a text the world's that was made of the present one, in the file first.
    fn replace(&self, source: Source) -> Result<Replaced, Refusal> {
        if source == self.state.borrow().source {
            return Ok(Replaced::Written);
        }
        let broken = |error: WorldError| Refusal::broken_world(error.to_string());
        let state = State::read(source.0, self.name()).map_err(broken)?;
        if let Some(file) = self.world_file() {
            let replaced = files::replace_read(file, &self.state.borrow().source.0, &state.source.0);
            let replaced = replaced.map_err(|reason| {
                let file = file.display();
                Refusal::broken_world(format!("the world file `{file}` can't be written: {reason}"))
            })?;
            if replaced == Replaced::Changed {
                return Ok(Replaced::Changed);
            }
        }
        let previous = self.state.replace(state);
        self.previous.replace(Some(previous));
        Ok(Replaced::Written)
    }
}

#[cfg(test)]
mod tests;
