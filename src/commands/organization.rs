//! Policies of the organization, from the files that are given.

use std::io;
use std::path::PathBuf;

use super::check::files::read_policy;
use super::console::Console;
use crate::cli::settings::organization::OrganizationFiles;
use crate::error::UsageError;
use crate::observation::{NamedDocument, OrganizationPolicies};

/// What the files say.
pub(super) fn read(files: &OrganizationFiles) -> Result<OrganizationPolicies, UsageError> {
    Ok(OrganizationPolicies { scps: levels(files.scps())?, rcps: levels(files.rcps())? })
}

/// Names what was given, as a plan and its proof rest on it.
pub(super) fn tell(organization: &OrganizationPolicies, console: &mut Console) -> io::Result<()> {
    let OrganizationPolicies { scps, rcps } = organization;
    for (what, levels) in [("service control policies", scps), ("resource control policies", rcps)] {
        let files: Vec<String> =
            levels.iter().flatten().flatten().map(|document| format!("`{}`", document.name)).collect();
        if !files.is_empty() {
            console.remark(&format!("Considered as given: {what} {}.", files.join(", ")))?;
        }
    }
    Ok(())
}

fn levels(levels: Option<Vec<Vec<PathBuf>>>) -> Result<Option<Vec<Vec<NamedDocument>>>, UsageError> {
    let given = |file: &PathBuf| {
        let (name, document) = read_policy(file)?;
        Ok(NamedDocument { name, text: document.text().to_owned() })
    };
    let level = |files: &Vec<PathBuf>| files.iter().map(given).collect();
    levels.map(|levels| levels.iter().map(level).collect()).transpose()
}
