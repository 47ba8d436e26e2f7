//! A plan as code for other tools: Terraform configuration, or a script of AWS CLI commands.
//!
//! One folder for each account, since nobody's credentials serve two. Policies are files beside the code, byte for
//! byte, so that no text of theirs is ever part of it.

mod cli;
mod hcl;
mod parts;
mod terraform;
#[cfg(test)]
mod tests;

pub use cli::cli;
pub use terraform::terraform;

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmittedFile {
    /// Its path: the account's folder and the file's name.
    pub path: String,
    /// Its content.
    pub text: String,
    /// Whether it is a program.
    pub is_executable: bool,
}

impl EmittedFile {
    fn new(account: impl std::fmt::Display, name: &str, text: impl Into<String>) -> Self {
        Self { path: format!("{account}/{name}"), text: text.into(), is_executable: false }
    }
}
