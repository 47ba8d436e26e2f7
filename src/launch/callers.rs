//! What an instance does not tell of who launched or starts it, and whether that matters.

use crate::access::chain::Chain;
use crate::access::{Purpose, Request};
use crate::observation::ec2::Instance;
use crate::plan::Finding;
use crate::plan::finding::{CallerFinding, ImageFinding, Placed};

/// An account as a whole was let in where its instance told no more: its IAM decides, and nobody looked there. Of a
/// start an instance does not tell as much.
pub(super) fn unknown(chain: &Chain, instance: &Instance, request: &Request) -> Option<Finding> {
    let of_account = || request.grantees.iter().filter(|grantee| grantee.is_of(instance.owner));
    if of_account().any(|grantee| grantee.attachable().is_some()) {
        return None;
    }
    let (account, placed) = (instance.owner, Placed::new(&chain.region, &instance.id));
    if request.purpose == Purpose::Launch && chain.derived_accounts(request).contains(&account) {
        return Some(Finding::new(&account, CallerFinding::WholeAccount { account, instance: placed }));
    }
    let is_auto_scaling = of_account().any(|grantee| grantee.as_service_linked_role().is_some());
    let found = match request.purpose {
        // It starts what is in its group's warm pool.
        Purpose::Start if is_auto_scaling => return None,
        Purpose::Start if of_account().next().is_none() => {
            CallerFinding::StarterUnknown { account, instance: placed }
        }
        purpose @ (Purpose::Launch | Purpose::Start) => {
            CallerFinding::Unknown { purpose, account, instance: placed }
        }
    };
    Some(Finding::new(&instance.id, found))
}

/// No key keeps an instance from starting whose volumes are not encrypted.
pub(super) fn unhindered(chain: &Chain, instance: &Instance) -> Option<Finding> {
    let mut own = chain.volumes.iter().filter(|volume| instance.volumes.contains(&volume.id));
    let is_plain = chain.purpose == Purpose::Start && own.all(|volume| !volume.is_encrypted);
    let found = ImageFinding::NothingEncrypted { purpose: Purpose::Start };
    is_plain.then(|| Finding::new(&instance.id, found))
}
