//! Mends access to AWS KMS keys so that EC2 instances launch from copied and shared encrypted AMIs.
//!
//! observe → evaluate → plan → show → approve → apply → verify
//!
//! Imports run one way: `arn` ← `policy` ← {`authz`, `observation`, `diff`} ← `access` ← `plan` ← `render`;
//! {`observation`, `plan`} ← `cloud` ← {`launch`, `apply`} ← `fleet` ← `commands`; {`render`, `launch`} ← `survey` ←
//! `commands`. Below all: `escape` ← `shell`, and `files`.

pub mod access;
mod alike;
pub mod apply;
pub mod arn;
pub mod authz;
pub mod cli;
pub mod cloud;
pub mod commands;
pub mod diff;
pub mod error;
pub mod escape;
pub mod files;
pub mod fleet;
pub mod launch;
pub mod observation;
pub mod permissions;
pub mod plan;
pub mod policy;
pub mod prompt;
pub mod render;
pub mod shell;
pub mod survey;
