//! A world without AWS: accounts and keys described in one JSON file, which refuses and reads back like AWS.
//!
//! The file is the world: every call reads it anew if it has changed, and every successful write replaces it
//! at once. Nothing else writes it, and nothing waits. `docs/worlds.md` describes the format, and what is
//! refused.

mod authority;
mod call;
mod defaults;
mod ec2;
mod faults;
mod grants;
mod mistakes;
mod prove;
mod read_back;
mod reads;
mod refusals;
mod source;
mod world;
mod writes;

use std::cell::{Ref, RefCell};
use std::fs;
use std::path::{Path, PathBuf};

use self::call::Call;
use self::faults::Struck;
use self::refusals::Refusal;
use self::source::{Place, Source};
use self::world::{Object, World};
use super::CloudError;
use crate::arn::Partition;
use crate::files;

pub use defaults::Defaults;
pub use mistakes::WorldError;

/// The story of the copied AMI.
const BUILTIN: &str = include_str!("../../fixtures/worlds/copied-ami.json");

/// A world to work in. One thread at a time.
#[derive(Debug)]
pub struct Sandbox {
    file: Option<PathBuf>,
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
        let file = fs::canonicalize(path).map_err(unreadable)?;
        let text = fs::read_to_string(&file).map_err(unreadable)?;
        let state = State::read(text, path)?;
        Ok(Self::of(Some(file), state))
    }

    /// The world that a file describes, or the built-in one.
    ///
    /// # Errors
    /// As [`Sandbox::open`].
    pub fn open_or_builtin(path: Option<&Path>) -> Result<Self, WorldError> {
        path.map_or_else(|| Ok(Self::builtin()), Self::open)
    }

    fn of(file: Option<PathBuf>, state: State) -> Self {
        Self { file, state: RefCell::new(state), previous: RefCell::default(), counts: RefCell::default() }
    }

    /// The file, links resolved; `None` for the built-in world.
    pub fn world_file(&self) -> Option<&Path> {
        self.file.as_deref()
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
            self.refresh(file)
                .map_err(|error| call.failed(None, Refusal::broken_world(error.to_string())))?;
        }
        Ok(struck)
    }

    fn refresh(&self, file: &Path) -> Result<(), WorldError> {
        let text = fs::read_to_string(file)
            .map_err(|reason| WorldError::Unreadable { file: file.to_owned(), reason })?;
        if text != self.state.borrow().source.0 {
            self.state.replace(State::read(text, file)?);
        }
        Ok(())
    }

    /// Makes a text the world's, in the file first.
    fn replace(&self, source: Source) -> Result<(), Refusal> {
        if source == self.state.borrow().source {
            return Ok(());
        }
        let name = self.file.as_deref().unwrap_or(Path::new("built-in"));
        let state = State::read(source.0, name).map_err(|error| Refusal::broken_world(error.to_string()))?;
        if let Some(file) = &self.file {
            files::replace(file, &state.source.0).map_err(|reason| {
                Refusal::broken_world(format!(
                    "the world file `{}` can't be written: {reason}",
                    file.display()
                ))
            })?;
        }
        let previous = self.state.replace(state);
        self.previous.replace(Some(previous));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
