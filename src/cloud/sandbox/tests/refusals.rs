use super::*;
use crate::cloud::CloudErrorKind::{
    self, AccessDenied, AlreadyExists, Conflict, InvalidPrincipal, LimitExceeded, Lockout, Malformed,
    NoCredentials, NotFound, Unmodifiable,
};

const INVALID_PRINCIPALS: &str = "Policy contains a statement with one or more invalid principals.";
const LOCKOUT: &str = "The new key policy will not allow you to update the key policy in the future.";

/// The write fails, says so in AWS's words, and leaves the world as it was.
pub(super) async fn refused(
    sandbox: &Sandbox,
    write: &Operation,
    kind: CloudErrorKind,
    code: &str,
    message: &str,
) {
    let before = text(sandbox);
    let error = sandbox.perform(write).await.expect_err(message);
    assert_eq!((error.kind, error.code.as_deref(), error.message.as_str()), (kind, Some(code), message));
    assert!(error.request_id.is_some());
    assert_eq!(text(sandbox), before);
}

#[tokio::test]
async fn principals_that_do_not_exist() {
    let sandbox = changed(|world| {
        world["accounts"]["444455556666"]["groups"] = json!({"ops": {}});
    });
    for principal in [
        json!({"AWS": "arn:aws:iam::444455556666:role/none"}),
        json!({"AWS": "arn:aws:iam::444455556666:role/team/app-instances"}),
        json!({"AWS": ["arn:aws:iam::444455556666:root", "arn:aws:iam::444455556666:group/ops"]}),
        json!({"AWS": "arn:aws:iam::444455556666:role/*"}),
        json!({"AWS": "arn:aws-cn:iam::444455556666:root"}),
        json!({"AWS": "arn:aws:sts::444455556666:assumed-role/none/session"}),
        json!({"AWS": "AROAEXAMPLEDELETEDXYZ"}),
        json!({"Service": "ec2"}),
        json!({"Somebody": "else"}),
    ] {
        let write = put(&key_policy_with(&allow(&principal)));
        refused(&sandbox, &write, InvalidPrincipal, "MalformedPolicyDocumentException", INVALID_PRINCIPALS)
            .await;
    }
}

#[tokio::test]
async fn principals_that_exist_or_may() {
    let sandbox = changed(|world| {
        world["accounts"]["444455556666"]["roles"]["app-instances"]["id"] = json!("AROAEXAMPLELIVINGXYZ1");
    });
    for principal in [
        json!("*"),
        json!({"AWS": "777788889999"}),
        json!({"AWS": "arn:aws:iam::777788889999:role/whoever"}),
        json!({"AWS": "arn:aws:iam::444455556666:user/deployer"}),
        json!({"AWS": "arn:aws:sts::444455556666:assumed-role/app-instances/session"}),
        json!({"AWS": "AROAEXAMPLELIVINGXYZ1"}),
        json!({"Service": "ec2.amazonaws.com"}),
    ] {
        sandbox.perform(&put(&key_policy_with(&allow(&principal)))).await.unwrap();
    }
    let closed = changed(|world| world["unknown_accounts_exist"] = json!(false));
    let write = put(&key_policy_with(&allow(&json!({"AWS": "777788889999"}))));
    refused(&closed, &write, InvalidPrincipal, "MalformedPolicyDocumentException", INVALID_PRINCIPALS).await;
}

#[tokio::test]
async fn orphans_stay_readable_and_can_not_be_written_again() {
    let sandbox = fixture("orphaned-principal");
    let write = put(&sandbox.key_policy(&key()).await.unwrap());
    refused(&sandbox, &write, InvalidPrincipal, "MalformedPolicyDocumentException", INVALID_PRINCIPALS).await;
}

#[tokio::test]
async fn a_policy_that_locks_the_caller_out() {
    let sandbox = Sandbox::builtin();
    for document in [
        json!({"Statement": [allow(&json!({"AWS": "arn:aws:iam::111122223333:root"}))]}),
        key_policy_with(&json!({"Effect": "Deny", "Principal": "*", "Action": "kms:Put*", "Resource": "*"})),
        json!({"Statement": []}),
    ] {
        refused(&sandbox, &put(&document), Lockout, "MalformedPolicyDocumentException", LOCKOUT).await;
    }
}

#[tokio::test]
async fn texts_that_are_no_key_policy() {
    let sandbox = Sandbox::builtin();
    let code = "MalformedPolicyDocumentException";
    for (document, message) in [
        ("not JSON".to_owned(), "Policy document is malformed."),
        ("{}".to_owned(), "Policy document is malformed."),
        (
            r#"{"Version": "2024-01-01", "Statement": []}"#.to_owned(),
            "The policy must contain a valid version string.",
        ),
        (r#"{"Surprise": 1, "Statement": []}"#.to_owned(), "Policy document contains unknown elements."),
        (
            key_policy_with(&json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}))
                .to_string(),
            "Policy contains a statement with no principal.",
        ),
        (
            key_policy_with(&allow(&json!({"AWS": []}))).to_string(),
            "Policy contains a statement with no principal.",
        ),
    ] {
        refused(&sandbox, &put(&document), Malformed, code, message).await;
    }
    let with_sid = |sid: &str| {
        let mut statement = allow(&json!("*"));
        statement["Sid"] = json!(sid);
        put(&key_policy_with(&statement))
    };
    sandbox.perform(&with_sid("Erlaubt für alle")).await.unwrap();
    let pattern = "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must satisfy \
                   regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+";
    refused(&sandbox, &with_sid("10 €"), Malformed, "ValidationException", pattern).await;
}

#[tokio::test]
async fn a_key_policy_may_have_32_768_bytes() {
    let padded = |bytes: usize| {
        let policy = key_policy_with(&allow(&json!("*"))).to_string();
        put(&(" ".repeat(bytes - policy.len()) + &policy))
    };
    let sandbox = Sandbox::builtin();
    sandbox.perform(&padded(32_768)).await.unwrap();
    let message = "Key policies are limited to 32768 bytes";
    refused(&sandbox, &padded(32_769), LimitExceeded, "LimitExceededException", message).await;
}

#[tokio::test]
async fn keys_whose_policy_can_not_be_written() {
    let write = put(&key_policy_with(&allow(&json!("*"))));
    let message = format!("{KEY} is an AWS managed key, whose key policy can't be changed");
    let managed = fixture("aws-managed-key");
    refused(&managed, &write, Unmodifiable, "UnsupportedOperationException", &message).await;

    let gone = changed(|world| {
        world["keys"] = json!({});
        world["snapshots"] = json!({});
        world["defaults"] = json!({});
    });
    let message = format!("Key '{KEY}' does not exist");
    refused(&gone, &write, NotFound, "NotFoundException", &message).await;

    let outside = changed(|world| {
        world["callers"].as_object_mut().unwrap().remove("111122223333");
        world["default_caller"] = json!("444455556666");
    });
    let message = format!(
        "User: arn:aws:sts::444455556666:assumed-role/IamAdmin/operator is not authorized to perform: \
         kms:PutKeyPolicy on resource: {KEY} because no resource-based policy allows the kms:PutKeyPolicy action"
    );
    refused(&outside, &write, AccessDenied, "AccessDeniedException", &message).await;
    fixture("disabled-key").perform(&write).await.unwrap();
}

#[tokio::test]
async fn texts_that_are_no_identity_policy() {
    let sandbox = Sandbox::builtin();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut document = identity_policy();
        change(&mut document);
        document.to_string()
    };
    let statement = |name: &'static str, value: Value| {
        with(&move |document| document["Statement"][0][name] = value.clone())
    };
    let sid_rule = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
                    expression [0-9A-Za-z]*";
    for (document, message) in [
        ("not JSON".to_owned(), "The policy is not in the valid JSON format."),
        ("{}".to_owned(), "Syntax errors in policy."),
        (with(&|document| document["Statement"] = json!([])), "Syntax errors in policy."),
        (statement("Surprise", json!(1)), "Syntax errors in policy."),
        (
            with(&|document| document["Version"] = json!("2008-10-17")),
            "Policy document must be version 2012-10-17 or greater.",
        ),
        (statement("Principal", json!("*")), "Policy document should not specify a principal."),
        (statement("Sid", json!("Allow use of the key")), sid_rule),
        (
            with(&|document| {
                let twice = document["Statement"][0].clone();
                document["Statement"].as_array_mut().unwrap().push(twice);
            }),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (statement("Action", json!([])), "Policy statement must contain actions."),
        (
            statement("Action", json!("Decrypt")),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (statement("Resource", json!([])), "Policy statement must contain resources."),
        (
            statement("Resource", json!(["*", "alias/app"])),
            "Resource alias/app must be in ARN format or \"*\".",
        ),
    ] {
        refused(&sandbox, &create("P", &document), Malformed, "MalformedPolicyDocument", message).await;
    }
    let message =
        "The specified value for policyDocument is invalid. It must contain only printable ASCII characters.";
    let write = create("P", &statement("Resource", json!("arn:aws:kms:*:*:key/€")));
    refused(&sandbox, &write, Malformed, "ValidationError", message).await;
    for resource in ["*", "arn:aws:kms:*:*:key/*", "arn:*:kms:eu-west-1:111122223333:key/1"] {
        let sandbox = Sandbox::builtin();
        sandbox.perform(&create("P", &statement("Resource", json!(resource)))).await.unwrap();
    }
}

#[tokio::test]
async fn a_managed_policy_may_have_6_144_characters_besides_white_space() {
    let sized = |characters: usize| {
        let mut document = identity_policy();
        let length = document.to_string().len();
        document["Statement"][0]["Sid"] = json!("A".repeat(characters - length + "AllowUseOfTheKey".len()));
        format!("{document:#}")
    };
    let sandbox = Sandbox::builtin();
    sandbox.perform(&create("Large", &sized(6144))).await.unwrap();
    let message = "Cannot exceed quota for PolicySize: 6144";
    refused(&sandbox, &create("Larger", &sized(6145)), LimitExceeded, "LimitExceeded", message).await;
}

#[tokio::test]
async fn policies_that_exist_or_do_not() {
    let sandbox = fixture("shared-policy");
    for (name, called) in
        [("KmsKeyUsagePolicy", "KmsKeyUsagePolicy"), ("team/kmskeyusagepolicy", "kmskeyusagepolicy")]
    {
        let message = format!("A policy called {called} already exists. Duplicate names are not allowed.");
        let write = create(name, &identity_policy());
        refused(&sandbox, &write, AlreadyExists, "EntityAlreadyExists", &message).await;
    }
    let message = format!("Policy {POLICY} version v9 does not exist or is not attachable.");
    refused(&sandbox, &delete_version("v9"), NotFound, "NoSuchEntity", &message).await;
    let message = "Cannot delete the default version of a policy.";
    refused(&sandbox, &delete_version("v1"), Conflict, "DeleteConflict", message).await;

    let empty = Sandbox::builtin();
    let message = format!("Policy {POLICY} does not exist or is not attachable.");
    for write in [create_version(&identity_policy()), delete_version("v1"), attach("role/app-instances")] {
        refused(&empty, &write, NotFound, "NoSuchEntity", &message).await;
    }
}

#[tokio::test]
async fn five_versions_are_all() {
    let sandbox = fixture("five-versions");
    let message = "A managed policy can have up to 5 versions. Before you create a new version, you must delete an \
                   existing version.";
    refused(&sandbox, &create_version(&identity_policy()), LimitExceeded, "LimitExceeded", message).await;
}

#[tokio::test]
async fn what_can_not_be_attached_to() {
    let sandbox = changed(|world| {
        let requester = &mut world["accounts"]["444455556666"];
        requester["policies"] =
            json!({"KmsKeyUsagePolicy": {"default_version": "v1", "versions": {"v1": {}}}});
        let full: Vec<_> = (0..10).map(|n| json!(format!("arn:aws:iam::aws:policy/P{n}"))).collect();
        requester["users"]["full"] = json!({"attached": full});
        requester["roles"]["full"] = json!({"attached": full});
        requester["groups"] = json!({"full": {"attached": full}});
        requester["roles"]["AWSServiceRoleForAutoScaling"] =
            json!({"path": "/aws-service-role/autoscaling.amazonaws.com/"});
    });
    for (entity, message) in [
        ("user/none", "The user with name none cannot be found."),
        ("role/none", "The role with name none cannot be found."),
        ("group/none", "The group with name none cannot be found."),
    ] {
        refused(&sandbox, &attach(entity), NotFound, "NoSuchEntity", message).await;
    }
    for (entity, message) in [
        ("user/full", "Cannot exceed quota for PoliciesPerUser: 10"),
        ("role/full", "Cannot exceed quota for PoliciesPerRole: 10"),
        ("group/full", "Cannot exceed quota for PoliciesPerGroup: 10"),
    ] {
        refused(&sandbox, &attach(entity), LimitExceeded, "LimitExceeded", message).await;
    }
    let protected = |name: &str| {
        format!(
            "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        )
    };
    let write = attach("role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling");
    let message = protected("AWSServiceRoleForAutoScaling");
    refused(&sandbox, &write, Unmodifiable, "UnmodifiableEntity", &message).await;
    let name = "AWSReservedSSO_Launchers_0123456789abcdef";
    let write = attach(&format!("role/aws-reserved/sso.amazonaws.com/eu-west-1/{name}"));
    refused(&fixture("identity-center-role"), &write, Unmodifiable, "UnmodifiableEntity", &protected(name))
        .await;
}

#[tokio::test]
async fn iam_serves_its_own_account_only() {
    let sandbox = fixture("no-requester-credentials");
    let error = sandbox.perform(&create("P", &identity_policy())).await.unwrap_err();
    assert_eq!((error.kind, error.code, error.request_id), (NoCredentials, None, None));
}
