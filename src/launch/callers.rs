//! What an instance does not tell of who launched or starts it, and whether that matters.

use super::commands;
use crate::access::chain::Chain;
use crate::access::{Purpose, Request};
use crate::observation::ec2::Instance;
use crate::plan::{Finding, FindingCode, FindingKind};

/// An account as a whole was let in where its instance told no more: its IAM decides, and nobody looked there. Of a
/// start an instance does not tell as much.
pub(super) fn unknown(chain: &Chain, instance: &Instance, request: &Request) -> Option<Finding> {
    const IAM_TOO: &str = "that one's IAM policies have to allow the key too";
    let of_account = || request.grantees.iter().filter(|grantee| grantee.account() == instance.owner);
    if of_account().any(|grantee| grantee.attachable().is_some()) {
        return None;
    }
    let owner = instance.owner;
    let command = commands::who_called(request.purpose, &chain.region, &instance.id);
    if request.purpose == Purpose::Launch && chain.derived_accounts(request).contains(&owner) {
        let message = format!(
            "the instance `{}` does not tell which user or role launched it, so the whole account {owner} is let in: \
             every user and role there whose IAM policies allow the key, and that one's have to",
            instance.id
        );
        let hint = format!("name the user or role instead: --principal ARN; CloudTrail tells it\n{command}");
        let code = FindingCode::WholeAccount;
        return Some(Finding::new(&owner, FindingKind::Told { code, message, hint: Some(hint) }));
    }
    let is_auto_scaling = of_account().any(|grantee| grantee.as_service_linked_role().is_some());
    let (code, what) = match request.purpose {
        Purpose::Launch => (FindingCode::LauncherUnknown, format!("launched it: {IAM_TOO}")),
        // It starts what is in its group's warm pool.
        Purpose::Start if is_auto_scaling => return None,
        Purpose::Start if of_account().next().is_some() => {
            (FindingCode::LauncherUnknown, format!("starts it: {IAM_TOO}"))
        }
        Purpose::Start => {
            let what = "starts it, and it need not be who launched it: whether it can start is not known";
            (FindingCode::StarterUnknown, what.to_owned())
        }
    };
    let message = format!("the instance does not tell which user or role of account {owner} {what}");
    let hint = Some(format!("name it with --principal; CloudTrail tells it\n{command}"));
    Some(Finding::new(&instance.id, FindingKind::Told { code, message, hint }))
}

/// No key keeps an instance from starting whose volumes are not encrypted.
pub(super) fn unhindered(chain: &Chain, instance: &Instance) -> Option<Finding> {
    let mut own = chain.volumes.iter().filter(|volume| instance.volumes.contains(&volume.id));
    let is_plain = chain.purpose == Purpose::Start && own.all(|volume| !volume.is_encrypted);
    is_plain.then(|| {
        let message = "none of its volumes is encrypted: no key stands in the way of a start".to_owned();
        let told = FindingKind::Told { code: FindingCode::NotEncrypted, message, hint: None };
        Finding::new(&instance.id, told)
    })
}
