//! A plan as code for other tools: Terraform configuration, CloudFormation templates, or a script of AWS CLI commands.
//!
//! One folder for each account, since nobody's credentials serve two, and one for each organization whose accounts
//! need a policy. Policies are files beside the code, byte for byte, so that no text of theirs is ever part of it;
//! CloudFormation alone takes them as part of a template, where all of it is quoted.

mod cli;
mod cloudformation;
mod hcl;
mod members;
mod parts;
mod stack_set;
mod template;
mod terraform;
#[cfg(test)]
mod tests;
mod yaml;

pub use cli::cli;
pub use cloudformation::cloudformation;
pub use template::TemplateError;
pub use terraform::terraform;

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmittedFile {
    /// Its path: the folder of the account or organization, and the file's name.
    pub path: String,
    /// Its content.
    pub text: String,
    /// Whether it is a program.
    pub is_executable: bool,
}

impl EmittedFile {
    fn new(folder: impl std::fmt::Display, name: &str, text: impl Into<String>) -> Self {
        Self { path: format!("{folder}/{name}"), text: text.into(), is_executable: false }
    }
}
