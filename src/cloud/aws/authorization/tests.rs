use aws_sdk_iam::Client;
use aws_sdk_iam::operation::get_account_authorization_details::GetAccountAuthorizationDetailsOutput;
use aws_sdk_iam::types::{
    AttachedPermissionsBoundary, AttachedPolicy, GroupDetail, ManagedPolicyDetail, PolicyDetail,
    PolicyVersion, RoleDetail, UserDetail,
};
use aws_smithy_mocks::{mock, mock_client};

use super::*;
use crate::arn::Partition;
use crate::cloud::CloudErrorKind;

const OWN: &str = "arn:aws:iam::444455556666:policy/team/KmsKeyUsagePolicy";
const OTHER: &str = "arn:aws:iam::444455556666:policy/Other";
const OF_AWS: &str = "arn:aws:iam::aws:policy/KmsKeyUsagePolicy";

fn iam(client: Client) -> Iam {
    Iam { client, account: "444455556666".parse().unwrap(), partition: Partition::Aws }
}

fn arn(resource: &str) -> String {
    format!("arn:aws:iam::444455556666:{resource}")
}

fn name(kind: EntityKind, name: &str) -> EntityName {
    EntityName { kind, name: name.to_owned() }
}

fn attached(arn: &str) -> AttachedPolicy {
    AttachedPolicy::builder().policy_arn(arn).build()
}

fn inline(name: &str, document: &str) -> PolicyDetail {
    PolicyDetail::builder().policy_name(name).policy_document(document).build()
}

fn boundary(arn: &str) -> AttachedPermissionsBoundary {
    AttachedPermissionsBoundary::builder().permissions_boundary_arn(arn).build()
}

fn version(id: &str, is_default: bool) -> PolicyVersion {
    let document = format!("%7B%22{id}+%22%3A1%7D");
    PolicyVersion::builder().version_id(id).is_default_version(is_default).document(document).build()
}

fn role(role: &str, policies: &[&str]) -> RoleDetail {
    let builder = RoleDetail::builder().role_name(role).arn(arn(&format!("role/{role}")));
    policies.iter().fold(builder, |builder, arn| builder.attached_managed_policies(attached(arn))).build()
}

/// Who uses a policy is told on other pages than the policy.
#[tokio::test]
async fn all_pages_are_one_account() {
    let pages = mock!(Client::get_account_authorization_details)
        .match_requests(|request| {
            let wanted =
                [EntityType::User, EntityType::Role, EntityType::Group, EntityType::LocalManagedPolicy];
            request.filter() == wanted && request.max_items() == Some(1000)
        })
        .sequence()
        .output(|| {
            let own = ManagedPolicyDetail::builder().policy_name("KmsKeyUsagePolicy").arn(OWN);
            let own = ["v10", "v9", "v8", "v2", "v12"]
                .iter()
                .fold(own, |own, id| own.policy_version_list(version(id, *id == "v9")));
            let other = ManagedPolicyDetail::builder().policy_name("Other").arn(OTHER);
            let other = other.policy_version_list(version("v1", true)).build();
            let ann = UserDetail::builder()
                .user_name("ann")
                .arn(arn("user/team/ann"))
                .group_list("web")
                .group_list("ops")
                .user_policy_list(inline("mine", "%7B%7D"))
                .attached_managed_policies(attached(OWN))
                .permissions_boundary(boundary(OTHER))
                .build();
            GetAccountAuthorizationDetailsOutput::builder()
                .policies(own.build())
                .policies(other)
                .user_detail_list(ann)
                .role_detail_list(role("else", &[OWN, OF_AWS]))
                .is_truncated(true)
                .marker("more")
                .build()
        })
        .output(|| {
            let ops = GroupDetail::builder()
                .group_name("ops")
                .arn(arn("group/ops"))
                .group_policy_list(inline("b", "%7B%22+%22%3A2%7D"))
                .group_policy_list(inline("a", "%7B%7D"))
                .attached_managed_policies(attached(OWN))
                .build();
            let bound = RoleDetail::builder().role_name("bound").arn(arn("role/bound"));
            GetAccountAuthorizationDetailsOutput::builder()
                .role_detail_list(role("app", &[OTHER, OF_AWS, OWN]))
                .role_detail_list(bound.permissions_boundary(boundary(OWN)).build())
                .group_detail_list(ops)
                .build()
        })
        .build();
    let iam = iam(mock_client!(aws_sdk_iam, [&pages]));
    let wanted =
        [name(EntityKind::User, "ann"), name(EntityKind::Role, "app"), name(EntityKind::Role, "gone")];
    let details = iam.authorization_details(&wanted.into(), &PolicyName::default()).await.unwrap();

    let found: Vec<String> = details.entities.keys().map(ToString::to_string).collect();
    assert_eq!(found, ["user ann", "role app", "group ops"]);
    let [ann, app, ops] = [0, 1, 2].map(|index| details.entities.values().nth(index).unwrap());
    assert_eq!((ann.entity.arn.to_string(), ann.boundary.as_deref()), (arn("user/team/ann"), Some(OTHER)));
    assert_eq!(
        (&*ann.groups, &ann.inline["mine"]),
        (&["ops".to_owned(), "web".to_owned()][..], &"{}".to_owned())
    );
    assert_eq!(app.entity.attached, [OTHER, OWN, OF_AWS], "in order");
    assert_eq!(ops.inline["b"], r#"{"+":2}"#);

    let policy = &details.named[&OWN.parse().unwrap()];
    assert_eq!((details.named.len(), &*policy.document), (1, r#"{"v9+":1}"#));
    let versions: Vec<_> = policy.versions.iter().map(|version| (&*version.id, version.is_default)).collect();
    assert_eq!(versions, [("v2", false), ("v8", false), ("v9", true), ("v10", false), ("v12", false)]);
    let read: Vec<_> = policy.versions.iter().filter_map(|version| version.document.as_deref()).collect();
    assert_eq!(read, [r#"{"v2+":1}"#], "of the one that has to go");
    let users: Vec<_> = policy.attached_to.iter().map(ToString::to_string).collect();
    assert_eq!(users, ["user ann", "role app", "role else", "group ops"]);
    assert_eq!(policy.boundary_of, [name(EntityKind::Role, "bound")]);
    let documents: Vec<_> = details.documents.iter().map(|(arn, text)| (&**arn, &**text)).collect();
    assert_eq!(documents, [(OTHER, r#"{"v1+":1}"#), (OWN, r#"{"v9+":1}"#)]);
}

#[tokio::test]
async fn what_is_told_by_halves_is_told_as_that() {
    for (told, expected) in [
        (ManagedPolicyDetail::builder().arn(OTHER).build(), "no default version"),
        (
            ManagedPolicyDetail::builder()
                .arn(OTHER)
                .policy_version_list(PolicyVersion::builder().is_default_version(true).build())
                .build(),
            "no document",
        ),
        (ManagedPolicyDetail::builder().policy_version_list(version("v1", true)).build(), "ARN"),
    ] {
        let page = mock!(Client::get_account_authorization_details).then_output(move || {
            GetAccountAuthorizationDetailsOutput::builder().policies(told.clone()).build()
        });
        let iam = iam(mock_client!(aws_sdk_iam, [&page]));
        let read = iam.authorization_details(&BTreeSet::new(), &PolicyName::default()).await;
        let error = read.unwrap_err();
        assert_eq!(
            (error.kind, error.operation),
            (CloudErrorKind::Other, "iam:GetAccountAuthorizationDetails")
        );
        assert!(error.message.contains(expected), "{error}");
    }
}
