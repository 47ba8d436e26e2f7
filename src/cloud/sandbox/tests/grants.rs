use super::refusals::refused;
use super::*;
use crate::access::NewGrant;
use crate::arn::EntityArn;
use crate::cloud::CloudErrorKind::{AccessDenied, InvalidPrincipal, NotFound, Other};
use crate::observation::KeyGrant;

const ROLE: &str =
    "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";

fn new_grant(role: &str) -> NewGrant {
    NewGrant::for_launch(&key(), &role.parse::<EntityArn>().unwrap().try_into().unwrap())
}

fn create_grant(role: &str) -> Operation {
    Operation::CreateGrant { grant: new_grant(role), needs_key_policy: false }
}

fn permission() -> Value {
    let grant = new_grant(ROLE);
    crate::access::grant::key_policy_statement("Grants", "arn:aws:iam::444455556666:root", &[&grant.grantee])
}

/// The world of the grant, with a key policy that permits it and something else in it.
fn permitting(change: impl FnOnce(&mut Value)) -> Sandbox {
    let text = fs::read_to_string(worlds().join("autoscaling-across-accounts.json")).unwrap();
    let mut world: Value = serde_json::from_str(&text).unwrap();
    world["keys"][KEY]["policy"]["Statement"].as_array_mut().unwrap().push(permission());
    change(&mut world);
    in_memory(&world.to_string())
}

async fn grants(sandbox: &Sandbox) -> Vec<KeyGrant> {
    sandbox.grants(&key()).await.unwrap()
}

#[tokio::test]
async fn a_name_makes_one_grant() {
    let sandbox = permitting(|_| ());
    for _ in 0..2 {
        sandbox.perform(&create_grant(ROLE)).await.unwrap();
    }
    let listed = grants(&sandbox).await;
    assert_eq!(listed.len(), 1);
    assert!(new_grant(ROLE).became(&listed[0]), "{listed:?}");

    let revoke = Operation::RevokeGrant { key: key(), grant: listed[0].clone() };
    sandbox.perform(&revoke).await.unwrap();
    assert_eq!(grants(&sandbox).await, []);
    let message = format!("Grant with id {} is not found", listed[0].id);
    refused(&sandbox, &revoke, NotFound, "NotFoundException", &message).await;
}

#[tokio::test]
async fn a_grant_is_made_beside_others() {
    let others = json!([{"grantee_principal": ROLE, "operations": ["Decrypt"], "id": "a1"}]);
    let sandbox = permitting(|world| world["keys"][KEY]["grants"] = others);
    sandbox.perform(&create_grant(ROLE)).await.unwrap();
    let listed = grants(&sandbox).await;
    assert_eq!(listed.len(), 2);
    sandbox.perform(&Operation::RevokeGrant { key: key(), grant: listed[1].clone() }).await.unwrap();
    assert_eq!(grants(&sandbox).await, listed[..1]);
}

#[tokio::test]
async fn a_grant_of_the_name_with_a_constraint_is_another_one() {
    let sandbox = permitting(|world| {
        let narrow = new_grant(ROLE);
        world["keys"][KEY]["grants"] = json!([{
            "id": "a1", "name": narrow.name, "grantee_principal": ROLE, "operations": narrow.operations,
            "encryption_context_subset": {"aws:ebs:id": "vol-0123456789abcdef0"},
        }]);
    });
    let made = sandbox.perform(&create_grant(ROLE)).await.unwrap().grant;
    let listed = grants(&sandbox).await;
    assert_eq!(listed.len(), 2);
    assert!(new_grant(ROLE).became(&listed[1]), "{listed:?}");
    assert_eq!(made.as_ref(), Some(&listed[1].id));
    let again = sandbox.perform(&create_grant(ROLE)).await.unwrap();
    assert_eq!(again.grant, made, "the name makes it once");
}

#[tokio::test]
async fn the_key_policy_has_to_permit_it() {
    let denied = "User: arn:aws:sts::444455556666:assumed-role/FleetAdmin/operator is not authorized to perform: \
                  kms:CreateGrant on resource: arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab \
                  because no resource-based policy allows the kms:CreateGrant action";
    // The documented statement is for AWS's own calls.
    let sandbox = fixture("autoscaling-across-accounts");
    refused(&sandbox, &create_grant(ROLE), AccessDenied, "AccessDeniedException", denied).await;
    // Nor is the statement for another role.
    let other = format!("{ROLE}_blue");
    refused(&permitting(|_| ()), &create_grant(&other), AccessDenied, "AccessDeniedException", denied).await;
    // A grant of more operations is not permitted.
    let mut more = new_grant(ROLE);
    more.operations.push("RetireGrant".to_owned());
    let more = Operation::CreateGrant { grant: more, needs_key_policy: false };
    refused(&permitting(|_| ()), &more, AccessDenied, "AccessDeniedException", denied).await;
}

#[tokio::test]
async fn the_grantee_and_the_key_have_to_be_there() {
    let gone = permitting(|world| {
        world["defaults"]["grantees"] = json!(["444455556666"]);
        let roles = world["accounts"]["444455556666"]["roles"].as_object_mut().unwrap();
        roles.remove("AWSServiceRoleForAutoScaling");
    });
    let message = format!("ARN does not refer to a valid principal: {ROLE}");
    refused(&gone, &create_grant(ROLE), InvalidPrincipal, "InvalidArnException", &message).await;
    for (state, code, message) in [
        ("Disabled", "DisabledException", format!("{KEY} is disabled.")),
        ("PendingDeletion", "KMSInvalidStateException", format!("{KEY} is in the state PendingDeletion.")),
    ] {
        let sandbox = permitting(|world| world["keys"][KEY]["state"] = json!(state));
        refused(&sandbox, &create_grant(ROLE), Other, code, &message).await;
    }
}
