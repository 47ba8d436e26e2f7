//! The deployment tools that own what is written.

/// A tool, and the tag that tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A CloudFormation stack.
    CloudFormation {
        /// `NAME=VALUE`
        tag: String,
        /// The stack's name.
        stack: String,
    },
    /// An app of the AWS CDK.
    Cdk {
        /// `NAME=VALUE`
        tag: String,
        /// The name of the stack that it deploys.
        stack: Option<String>,
    },
    /// Terraform or OpenTofu.
    Terraform {
        /// `NAME=VALUE`
        tag: String,
    },
}
