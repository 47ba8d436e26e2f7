//! What is said of keys, by what DescribeKey tells.

use super::Words;
use crate::arn::KeyArn;
use crate::plan::finding::KeyFinding;
use crate::plan::finding::key::NewerKey;
use crate::plan::listing::all_listed;

pub(super) fn words(found: &KeyFinding) -> Words {
    match found {
        KeyFinding::AwsManaged { region } => Words::new(
            "an AWS managed key: its policy can't be changed and what it encrypts can't be shared",
        )
        .hint(format!(
            "copy the snapshot or the AMI under a customer managed key: aws ec2 copy-image --region {region} \
             --source-region {region} --source-image-id AMI --name NAME --encrypted --kms-key-id KEY"
        )),
        KeyFinding::OwnAwsManaged { account, purpose } => Words::new(format!(
            "an AWS managed key of account {account}, whose policy lets them {} with it: nothing has to be changed",
            purpose.deed()
        )),
        KeyFinding::Newer(word) => newer(word),
        KeyFinding::Unsuitable { spec, usage } => Words::new(format!(
            "EBS needs a key of spec SYMMETRIC_DEFAULT for ENCRYPT_DECRYPT; this one is {spec} for {usage}"
        ))
        .hint("copy the snapshot or the AMI under a symmetric encryption key"),
        KeyFinding::OutOfUse { key, state } => Words {
            message: format!(
                "the key's state is {state}; no instance launches or starts with it, whatever the policies say"
            ),
            hint: way_out_of_state(key, state),
        },
        KeyFinding::MultiRegion { others } => {
            let names: Vec<String> = others.iter().map(ToString::to_string).collect();
            let (have, their) = if others.len() == 1 { ("has", "its") } else { ("have", "their") };
            Words::new(format!(
                "a multi-Region key: {} {have} a key policy of {their} own, which this plan leaves as it is",
                all_listed(&names)
            ))
        }
    }
}

fn newer(word: &NewerKey) -> Words {
    let (what, so) = match word {
        NewerKey::Manager(manager) => {
            (format!("its manager is `{manager}`"), "whether its policy can be changed")
        }
        NewerKey::Use { spec, usage } => {
            (format!("its spec is `{spec}` and its usage `{usage}`"), "whether EBS encrypts under such a key")
        }
        NewerKey::State(state) => (format!("its state is `{state}`"), "whether an instance launches with it"),
    };
    Words::new(format!("{what}, which keymend does not know: {so} can't be told"))
        .hint("look it up in the KMS Developer Guide, or use a newer keymend")
}

/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>
fn way_out_of_state(key: &KeyArn, state: &str) -> Option<String> {
    let region = &key.region;
    match state {
        "Disabled" => Some(format!("enable it: aws kms enable-key --region {region} --key-id {key}")),
        "PendingDeletion" => Some(format!(
            "cancel the deletion, then enable it: aws kms cancel-key-deletion --region {region} --key-id {key} \
             && aws kms enable-key --region {region} --key-id {key}"
        )),
        "PendingImport" => Some("import its key material first".to_owned()),
        "Unavailable" => Some("connect its custom key store first".to_owned()),
        _ => None,
    }
}
