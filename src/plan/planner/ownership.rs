//! What deploys the things that a plan writes to: the marks that tools leave in tags.

use std::collections::BTreeSet;

use super::super::finding::Owner;
use super::super::{Operation, Target};
use super::Draft;
use crate::observation::{Observation, Reading, Tags};

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html>
const STACK_NAME: &str = "aws:cloudformation:stack-name";
const STACK_ID: &str = "aws:cloudformation:stack-id";

/// Warns where a tool's next deployment would take a change of a document back.
pub(super) fn judge(observation: &Observation, draft: &mut Draft) {
    let operations = draft.changes.iter().map(|change| &change.operation);
    let documents = operations.filter(|operation| match operation.target() {
        Target::KeyPolicy(_) | Target::Policy { .. } => true,
        // A tool takes back what stands in its template: what is attached, granted or out of force stands elsewhere.
        Target::Version(_) | Target::Attachment { .. } | Target::NewGrant(_) | Target::Grant { .. } => false,
    });
    let written: BTreeSet<String> = documents.map(Operation::resource).collect();
    for resource in written {
        let Some(Reading::Read(tags)) = observation.tags.get(&resource) else { continue };
        for owner in owners(tags) {
            draft.find(&resource, owner);
        }
    }
}

fn owners(tags: &Tags) -> Vec<Owner> {
    let tag = |(name, value): (&String, &String)| format!("{name}={value}");
    let stack = stack(tags);
    let cdk = tags.iter().find(|(name, _)| name.starts_with("aws-cdk:") || name.starts_with("aws:cdk:"));
    let terraform = tags.iter().find(|(name, value)| is_of_terraform(name, value));
    let by_stack = match (cdk, stack) {
        (Some(mark), stack) => Some(Owner::Cdk { tag: tag(mark), stack: stack.map(|(_, stack)| stack) }),
        (None, Some((tag, stack))) => Some(Owner::CloudFormation { tag, stack }),
        (None, None) => None,
    };
    let by_terraform = terraform.map(|mark| Owner::Terraform { tag: tag(mark) });
    by_stack.into_iter().chain(by_terraform).collect()
}

/// The stack's name, and the tag that tells it. A stack's id is an ARN: `…:stack/NAME/UUID`.
fn stack(tags: &Tags) -> Option<(String, String)> {
    if let Some(name) = tags.get(STACK_NAME) {
        return Some((format!("{STACK_NAME}={name}"), name.clone()));
    }
    let id = tags.get(STACK_ID)?;
    Some((format!("{STACK_ID}={id}"), id.split('/').nth(1).unwrap_or(id).to_owned()))
}

/// Terraform itself leaves no tag; people give one by their conventions: `ManagedBy=terraform`, `terraform=true`.
fn is_of_terraform(name: &str, value: &str) -> bool {
    const TOOLS: [&str; 2] = ["terraform", "opentofu"];
    let (name, value) = (name.to_ascii_lowercase(), value.to_ascii_lowercase());
    let is_denied = ["false", "no", "0"].contains(&value.as_str());
    TOOLS.iter().any(|tool| {
        let is_named = name.strip_prefix(tool).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
        value == *tool || (is_named && !is_denied)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners_of(tags: &[(&str, &str)]) -> Vec<Owner> {
        owners(&tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn stacks_are_known_by_name_or_id() {
        const ID: &str =
            "arn:aws:cloudformation:eu-west-1:111122223333:stack/keys/51af3dc0-da77-11e4-872e-1234567db123";
        let by_name = owners_of(&[(STACK_NAME, "keys"), (STACK_ID, ID)]);
        assert_eq!(
            by_name,
            [Owner::CloudFormation { tag: format!("{STACK_NAME}=keys"), stack: "keys".to_owned() }]
        );
        let by_id = owners_of(&[(STACK_ID, ID)]);
        assert_eq!(
            by_id,
            [Owner::CloudFormation { tag: format!("{STACK_ID}={ID}"), stack: "keys".to_owned() }]
        );
        let by_app = owners_of(&[(STACK_NAME, "keys"), ("aws-cdk:cr-owned:1", "true")]);
        let tag = "aws-cdk:cr-owned:1=true".to_owned();
        assert_eq!(by_app, [Owner::Cdk { tag, stack: Some("keys".to_owned()) }]);
    }

    #[test]
    fn terraform_is_known_by_convention() {
        for (name, value) in [
            ("ManagedBy", "Terraform"),
            ("managed-by", "terraform"),
            ("Terraform", "true"),
            ("terraform:workspace", "prod"),
            ("iac", "OpenTofu"),
        ] {
            assert_eq!(owners_of(&[(name, value)]), [Owner::Terraform { tag: format!("{name}={value}") }]);
        }
        for (name, value) in
            [("Terraform", "false"), ("team", "terraformers"), ("terraforming", "yes"), ("Name", "a")]
        {
            assert_eq!(owners_of(&[(name, value)]), [], "{name}={value}");
        }
    }
}
