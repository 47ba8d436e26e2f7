//! What is said of the keys that a launch needs, on the way to them.

use super::images::how_to_read;
use super::{Words, commands};
use crate::access::Purpose;
use crate::access::inquiry::who_called;
use crate::arn::AccountId;
use crate::plan::finding::LaunchKeyFinding;
use crate::plan::finding::launch_key::EncryptedAnew;

pub(super) fn words(found: &LaunchKeyFinding) -> Words {
    match found {
        LaunchKeyFinding::AssociatedKeys { keys } => Words::new(format!(
            "the snapshot has further keys associated with it ({}): either they or its own key may serve a launch, and AWS \
             does not say which is used; keymend looked at its own key alone",
            keys.join(", ")
        ))
        .hint("`keymend check` with --key and each of them tells who may use it"),
        LaunchKeyFinding::OtherRegion { region, here } => {
            let here: Vec<String> = here.iter().map(ToString::to_string).collect();
            let words = Words::new(format!(
                "the key is not in the region {region}, where the image is: an image that was copied to another region is \
                 encrypted under a key of that region"
            ));
            words.hint(if here.is_empty() {
                format!("copy the image to {region} under a key of {region}")
            } else {
                format!("leave --key out: {} is planned, for the region {region}", here.join(", "))
            })
        }
        LaunchKeyFinding::OwnManagedKey { owner } => Words::new(format!(
            "the snapshot is encrypted under the AWS managed key (aws/ebs) of account {owner}, which whoever launches in \
             that account may use; no other account can be let into it"
        )),
        LaunchKeyFinding::ManagedKey { owner, region, copied, others } => {
            let commands = commands::copy_under_new_key(region, copied, others);
            Words::new("the snapshot is encrypted under an AWS managed key (aws/ebs), which no other account can be let into")
                .hint(format!(
                    "copy it under a customer managed key, in account {owner}\n{}",
                    commands.join("\n")
                ))
        }
        LaunchKeyFinding::DefaultKey { account, is_second, why } => {
            let start = if *is_second { "a second key: " } else { "" };
            Words::new(format!("{start}{}", why_default_key(*account, why)))
        }
        LaunchKeyFinding::DefaultKeyUnread { account, reason, is_key_found } => {
            let start = if *is_key_found {
                ""
            } else {
                "no key was found, and whether one is needed is open: "
            };
            Words::new(format!(
                "{start}the default EBS key of account {account}, under which what it launches may be encrypted anew, is \
                 not known: {reason}"
            ))
            .hint(how_to_read(*account, Some(reason)))
        }
        LaunchKeyFinding::KeyUnseen { region, instance } => key_unseen(region, instance.as_deref()),
    }
}

fn why_default_key(account: AccountId, why: &EncryptedAnew) -> String {
    const USE: &str = "which its grantees, and nobody else's, need to use";
    match why {
        EncryptedAnew::ByDefault { snapshot } => format!(
            "account {account} encrypts every new volume (encryption by default), so what it launches from the unencrypted \
             snapshot `{snapshot}` is encrypted under its default EBS key, {USE}"
        ),
        EncryptedAnew::Foreign { snapshot, owner } => format!(
            "the encrypted snapshot `{snapshot}` belongs to another account ({owner}), so what account {account} launches \
             from it is encrypted anew under its own default EBS key, {USE} too"
        ),
        EncryptedAnew::Untold => {
            format!("what account {account} launches is encrypted under its default EBS key, {USE} too")
        }
    }
}

fn key_unseen(region: &str, instance: Option<&str>) -> Words {
    let mut ways = vec![commands::keys_of_launch_template(region)];
    ways.extend(instance.map(|id| who_called(Purpose::Launch, region, id)));
    Words::new(
        "the failure points to a key, and none that can be seen is one that a policy guards: the launch itself may name a \
         key (KmsKeyId of a block device), and whether that one can be used is not known",
    )
    .hint(format!(
        "look where the launch names its volumes, in the launch template, the launch configuration, the fleet or the call of \
         RunInstances, and give the key: --key ARN\n{}",
        ways.join("\n")
    ))
}
