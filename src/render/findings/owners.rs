//! What is said of the deployment tools that own what is written.

use super::Words;
use crate::plan::finding::Owner;

pub(super) fn words(owner: &Owner) -> Words {
    let owned = |tag: &str, who: &str| {
        Words::new(format!(
            "its tag `{tag}` says that {who} owns it: the next deployment may take this change back"
        ))
    };
    match owner {
        Owner::CloudFormation { tag, stack } => owned(tag, &format!("the CloudFormation stack `{stack}`"))
            .hint(format!("make the change in the template of the stack `{stack}`")),
        Owner::Cdk { tag, stack } => owned(tag, "a CDK app").hint(match stack {
            Some(stack) => format!("make the change in the CDK app that deploys the stack `{stack}`"),
            None => "make the change in that CDK app".to_owned(),
        }),
        Owner::Terraform { tag } => owned(tag, "Terraform").hint(
            "put the change into its Terraform configuration: `--dry-run --emit terraform --emit-dir DIR` writes it",
        ),
    }
}
