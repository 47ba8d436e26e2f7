//! What a world's story is about, for runs in it that name nothing.

use crate::access::UnresolvedRequest;
use crate::cli::settings::{no_grantee, require_images};
use crate::cloud::sandbox::Sandbox;
use crate::error::UsageError;
use crate::launch::Targets;

/// Takes the key that the story is about, and whom, where nothing else is named.
pub(super) fn take(sandbox: &Sandbox, asked: &mut UnresolvedRequest, targets: &mut Targets) {
    let defaults = sandbox.defaults();
    if asked.keys.is_empty() && targets.is_empty() {
        asked.keys = defaults.keys;
        defaults.targets.iter().for_each(|id| targets.add(id));
    }
    if asked.grantees.is_empty() && !targets.tell_who_launches() {
        asked.grantees = defaults.grantees;
    }
}

/// There is a key, and somebody who is to use it.
pub(super) fn require_everything(asked: &UnresolvedRequest, targets: &Targets) -> Result<(), UsageError> {
    let is_nobody = asked.grantees.is_empty() && !targets.tell_who_launches();
    if is_nobody && !targets.is_empty() {
        return Err(no_grantee());
    }
    if is_nobody || (asked.keys.is_empty() && targets.is_empty()) {
        return Err(UsageError::new("no key or no grantee is given, and the world has no defaults")
            .hint("give --key and --account, --principal or --group, or add `defaults` to the world"));
    }
    require_images(targets)
}

/// There is a key.
pub(super) fn require_key(asked: &UnresolvedRequest, targets: &Targets) -> Result<(), UsageError> {
    if asked.keys.is_empty() && targets.is_empty() {
        return Err(UsageError::new("no key is given, and the world has no default")
            .hint("give --key, or add `defaults` to the world"));
    }
    require_images(targets)
}
