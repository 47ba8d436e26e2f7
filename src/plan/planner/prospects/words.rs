//! Actions and condition keys in sentences.

use super::super::all_listed;
use crate::access::Purpose;
use crate::access::assessment::needed_actions;
use crate::authz::Occasion;
use crate::policy::KmsAction;

/// What would settle what nobody can tell; of keys that AWS's pages leave open, why they are.
pub(super) fn depends_on(keys: &[String]) -> String {
    let are = if keys.len() > 1 { "are" } else { "is" };
    let told = |key: &String| match Occasion::Launch.open(key) {
        Some(reason) => format!("{key} ({reason})"),
        None => key.clone(),
    };
    if keys.is_empty() {
        return "nobody can tell by what AWS documents".to_owned();
    }
    let keys: Vec<String> = keys.iter().map(told).collect();
    format!("that depends on {}, which {are} not known", all_listed(&keys))
}

/// Actions in a sentence; all that is needed in these words.
pub(super) fn in_words(purpose: Purpose, actions: &[KmsAction]) -> String {
    let needed = needed_actions(purpose);
    if needed.len() > 1 && needed.iter().all(|needed| actions.contains(needed)) {
        return format!("all that a {purpose} needs");
    }
    let names: Vec<String> = actions.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}
