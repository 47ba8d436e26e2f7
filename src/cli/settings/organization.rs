//! Policies of the organization, which are given as files.

use std::path::PathBuf;

use crate::cli::OrganizationArgs;

/// Files of policies of the organization, as typed: each with the name of its level, or without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationFiles {
    scps: Vec<String>,
    rcps: Vec<String>,
}

impl OrganizationFiles {
    /// What was typed.
    pub fn of(args: &OrganizationArgs) -> Self {
        Self { scps: args.scp.clone(), rcps: args.rcp.clone() }
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.scps.is_empty() && self.rcps.is_empty()
    }

    /// The files of service control policies, by level; none where none was given.
    pub fn scps(&self) -> Option<Vec<Vec<PathBuf>>> {
        levels(&self.scps)
    }

    /// The files of resource control policies, in the same way.
    pub fn rcps(&self) -> Option<Vec<Vec<PathBuf>>> {
        levels(&self.rcps)
    }

    /// The options that give the same files, with their values.
    pub fn options(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let scps = self.scps.iter().map(|text| ("--scp", text.as_str()));
        scps.chain(self.rcps.iter().map(|text| ("--rcp", text.as_str())))
    }
}

/// Files by their level, in the order in which levels are first named; those without a level share one.
fn levels(texts: &[String]) -> Option<Vec<Vec<PathBuf>>> {
    let mut levels: Vec<(&str, Vec<PathBuf>)> = Vec::new();
    for text in texts {
        let (level, file) = match text.split_once('=') {
            // A path is no name of a level.
            Some((level, file)) if !level.contains(['/', '.']) => (level, file),
            _ => ("", text.as_str()),
        };
        match levels.iter_mut().find(|(known, _)| *known == level) {
            Some((_, files)) => files.push(file.into()),
            None => levels.push((level, vec![file.into()])),
        }
    }
    (!levels.is_empty()).then(|| levels.into_iter().map(|(_, files)| files).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_an_organization() {
        let files = |texts: &[&str]| levels(&texts.iter().map(ToString::to_string).collect::<Vec<_>>());
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(files(&[]), None);
        assert_eq!(files(&["a.json", "b.json"]), Some(vec![paths(&["a.json", "b.json"])]));
        assert_eq!(
            files(&["root=full.json", "prod=only.json", "root=deny.json", "./x=y.json"]),
            Some(vec![paths(&["full.json", "deny.json"]), paths(&["only.json"]), paths(&["./x=y.json"])])
        );
    }
}
