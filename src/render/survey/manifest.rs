//! What to mend, as the manifest of a fleet: a line for each key, with those who can't launch with it.

use super::{party_id, party_kind};
use crate::access::{Grantee, ManifestLine};
use crate::plan::survey::{Party, Survey};

/// The lines, in the order of the keys; nothing of those whom `fix` has nothing to write for.
///
/// # Errors
/// None of what stands in it is known to be no JSON.
pub fn manifest(survey: &Survey) -> serde_json::Result<String> {
    let mut text = String::new();
    for (key, parties) in survey.to_mend() {
        let mut line = ManifestLine { keys: vec![key.to_string()], ..ManifestLine::default() };
        for party in parties {
            match (party, party_kind(party)) {
                (Party::Grantee(Grantee::Account { id, .. }), _) => line.accounts.push(id.to_string()),
                (_, "organization") => line.organizations.push(party_id(party)),
                (_, "ou") => line.ous.push(party_id(party)),
                // Nobody in particular is to be let in.
                _ => {}
            }
        }
        text.push_str(&line.to_text()?);
        text.push('\n');
    }
    Ok(text)
}
