//! The file that tells other programs what was found of the policies, and what would change in them.

use std::fs;
use std::path::{Component, Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::policy::Policy;
use crate::cli::settings::patch::Input;
use crate::commands::console::Console;
use crate::error::{Error, UsageError};
use crate::escape::Escaped;
use crate::files::Destination;
use crate::render::sarif::{self, CheckedFile};

/// What a file is readable with, as far as the process's mask leaves it.
const ORDINARY: u32 = 0o666;

/// All but the unreserved characters of RFC 3986.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where it is going to be.
pub(super) struct Log {
    file: PathBuf,
    destination: Destination,
}

impl Log {
    /// Makes sure that it can be written, over none of the policies, before anything is told.
    pub(super) fn open(file: &Path, inputs: &[Input]) -> Result<Self, Error> {
        let own = fs::canonicalize(file).ok();
        let is_policy = |input: &Input| match input {
            Input::File(policy) => policy == file || own.is_some() && fs::canonicalize(policy).ok() == own,
            Input::Stdin => false,
        };
        if inputs.iter().any(is_policy) {
            let message = format!("`{}` is a policy that is to be read", file.display());
            return Err(UsageError::new(message).hint("give --sarif a file of its own").into());
        }
        let opened = Destination::open(file, ORDINARY);
        let destination = opened.map_err(|source| Error::File { file: file.to_owned(), source })?;
        Ok(Self { file: file.to_owned(), destination })
    }

    pub(super) fn write(self, policies: &[Policy<'_>], console: &mut Console) -> Result<(), Error> {
        let names: Vec<String> = policies.iter().map(|policy| policy.input.to_string()).collect();
        let uris: Vec<String> = policies.iter().map(|policy| uri(policy.input)).collect();
        let files: Vec<CheckedFile<'_>> = policies
            .iter()
            .zip(names.iter().zip(&uris))
            .map(|(policy, (name, uri))| CheckedFile {
                uri,
                name,
                text: &policy.before,
                is_whole: policy.is_by_itself(),
                patched: &policy.patched,
            })
            .collect();
        let mut text = Vec::new();
        sarif::write(&mut text, &files)?;
        let Self { file, destination } = self;
        let written = destination.write(&String::from_utf8_lossy(&text));
        written.map_err(|source| Error::File { file: file.clone(), source })?;
        Ok(writeln!(console.talk()?, "What was found is in {}", Escaped(&file.display().to_string()))?)
    }
}

/// A relative path stays one, to be resolved against the folder that this is run in.
fn uri(input: &Input) -> String {
    let Input::File(file) = input else { return String::new() };
    let names =
        file.components().filter(|component| !matches!(component, Component::CurDir | Component::RootDir));
    let names = names.map(|name| percent_encode(name.as_os_str().as_encoded_bytes(), &RESERVED).to_string());
    let path = names.collect::<Vec<_>>().join("/");
    if file.is_absolute() { format!("file:///{path}") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_reference() {
        for (path, expected) in [
            ("key.json", "key.json"),
            ("./policies//a b.json", "policies/a%20b.json"),
            ("../key.json", "../key.json"),
            ("/srv/key.json", "file:///srv/key.json"),
            ("c:d?#%.json", "c%3Ad%3F%23%25.json"),
            ("$(ä)\n.json", "%24%28%C3%A4%29%0A.json"),
        ] {
            assert_eq!(uri(&Input::File(path.into())), expected, "{path}");
        }
    }
}
