//! What a launch or a start makes of each condition key: one row a key, a column for each of the two that call
//! KMS, and AWS's page.
//!
//! EC2 calls KMS for whoever launches or starts, in a forward access session; and the instance's identity-only role
//! calls KMS itself when a volume is attached. A key that stands here is never asked of anybody but where it says
//! so, and a cell that AWS's pages leave open is unknown and says why.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::policy::KmsAction;

/// Who calls KMS in a launch or a start, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// EC2, for whoever launches or starts: a forward access session.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html>
    Launch,
    /// The instance's identity-only role, by itself.
    ///
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html#ebs-encryption-instance-permissions>
    Instance,
}

/// What is known of a condition key on an occasion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// Every such request has this value.
    Is(&'static str),
    /// It follows from the principal, the key or the action.
    Follows,
    /// No such request has it.
    Absent,
    /// It is absent or has this value, and AWS does not say which.
    AbsentOr(&'static str),
    /// If a request has it at all, its value is none of anybody's own networks.
    Elsewhere,
    /// It differs from launch to launch, and whoever asks can tell.
    Asked,
    /// It comes with the session of a role, whose user can tell; users, root users and roles that belong to a service
    /// have none.
    OfSession,
    /// AWS's pages leave it open, for this reason: a sentence without its period.
    Open(&'static str),
}

/// The requests that have a key at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requests {
    All,
    Grants,
    CreateGrant,
    Cryptographic,
    /// Cryptographic ones and `CreateGrant`.
    EncryptionContext,
    ReEncrypt,
}

impl Requests {
    pub(crate) const LIMITED: [Self; 5] =
        [Self::Grants, Self::CreateGrant, Self::Cryptographic, Self::EncryptionContext, Self::ReEncrypt];

    /// Whose they are, with their verb, in the words of a sentence; nothing where they are of all actions.
    pub(crate) fn in_words(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::Grants => Some("kms:CreateGrant, kms:ListGrants and kms:RevokeGrant have"),
            Self::CreateGrant => Some("kms:CreateGrant has"),
            Self::Cryptographic => Some("actions that encrypt or decrypt have"),
            Self::EncryptionContext => Some("kms:CreateGrant and actions that encrypt or decrypt have"),
            Self::ReEncrypt => Some("kms:ReEncryptFrom and kms:ReEncryptTo have"),
        }
    }

    /// Whether the requests of an action are among them.
    pub(crate) fn include(self, action: KmsAction) -> bool {
        let name = action.name();
        let is_cryptographic = || {
            let beginnings = ["Decrypt", "Encrypt", "GenerateDataKey", "ReEncrypt"];
            beginnings.iter().any(|beginning| name.starts_with(beginning))
        };
        match self {
            Self::All => true,
            Self::Grants => ["CreateGrant", "ListGrants", "RevokeGrant"].contains(&name),
            Self::CreateGrant => name == "CreateGrant",
            Self::Cryptographic => is_cryptographic(),
            Self::EncryptionContext => is_cryptographic() || name == "CreateGrant",
            Self::ReEncrypt => name.starts_with("ReEncrypt"),
        }
    }
}

/// A condition key, with what each occasion makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The key; with a `*` at its end all keys that begin so.
    pub key: &'static str,
    /// Which requests have it.
    pub(crate) requests: Requests,
    /// Whether each of these has it, in a launch or not.
    pub(crate) is_always_there: bool,
    /// On calls for whoever launches or starts.
    pub launch: Cell,
    /// On calls of the identity-only role.
    pub instance: Cell,
    /// Where AWS tells of the key.
    pub page: &'static str,
}

impl Row {
    /// The row of a condition key, in whatever case.
    pub fn of(key: &str) -> Option<&'static Self> {
        static KEYS: LazyLock<HashMap<String, &Row>> =
            LazyLock::new(|| ROWS.iter().map(|row| (row.key.to_ascii_lowercase(), row)).collect());
        static BEGINNINGS: LazyLock<Vec<(&str, &Row)>> =
            LazyLock::new(|| ROWS.iter().filter_map(|row| Some((row.key.strip_suffix('*')?, row))).collect());
        let begins_so = |beginning: &str| {
            key.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
        };
        let whole = KEYS.get(key.to_ascii_lowercase().as_str()).copied();
        whole.or_else(|| BEGINNINGS.iter().find(|(beginning, _)| begins_so(beginning)).map(|(_, row)| *row))
    }

    /// What is known of the key on an occasion.
    pub fn on(&self, occasion: Occasion) -> Cell {
        match occasion {
            Occasion::Launch => self.launch,
            Occasion::Instance => self.instance,
        }
    }
}

impl Occasion {
    /// Why nobody can tell the value of a key, where AWS's pages leave it open; a sentence without its period.
    pub fn open(self, key: &str) -> Option<&'static str> {
        match Row::of(key)?.on(self) {
            Cell::Open(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether whoever asks can tell the value of a key: a key that AWS came to know later, too.
    pub fn is_asked(self, key: &str) -> bool {
        Row::of(key).is_none_or(|row| matches!(row.on(self), Cell::Asked | Cell::OfSession))
    }
}

const GLOBAL: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html";
const FORWARDED: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html";
const KMS: &str = "https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html";
const KMS_GLOBAL: &str = "https://docs.aws.amazon.com/kms/latest/developerguide/conditions-aws.html";
const ENCLAVES: &str = "https://docs.aws.amazon.com/kms/latest/developerguide/conditions-nitro-enclaves.html";
const TRAIL: &str = "https://docs.aws.amazon.com/kms/latest/developerguide/ct-ec2two.html";
const EBS: &str = "https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html";
const EC2: &str = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html";
const STS: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html";
const PERIMETER: &str = "https://github.com/aws-samples/data-perimeter-policy-examples";

const NETWORK: &str = "AWS's pages disagree on whether calls that EC2 makes for somebody have that one's network or \
                       EC2's own";
const CALLED_VIA: &str = "AWS's page on forward access sessions says that it is set, and its list of services that \
                          set it does not name EC2";
const SUFFIX: &str = "AWS does not document EC2's name in this partition";
const BY_ITSELF: &str = "AWS does not document it for calls of the identity-only role";
const GRANT: &str = "AWS does not document the grants that EC2 makes in full";
const VOLUME: &str = "it is the id of a volume or snapshot that a launch has yet to make";
const ALIAS: &str = "AWS does not document how EC2 names the key";

const fn row(key: &'static str, launch: Cell, instance: Cell, page: &'static str) -> Row {
    Row { key, requests: Requests::All, is_always_there: false, launch, instance, page }
}

/// A key that every request has.
const fn always(key: &'static str, launch: Cell, instance: Cell, page: &'static str) -> Row {
    Row { is_always_there: true, ..row(key, launch, instance, page) }
}

/// A key of some requests only.
const fn some(
    requests: Requests,
    key: &'static str,
    launch: Cell,
    instance: Cell,
    page: &'static str,
) -> Row {
    Row { requests, ..row(key, launch, instance, page) }
}

use Cell::{Absent, AbsentOr, Asked, Elsewhere, Follows, Is, OfSession, Open};

/// Every key of KMS, EC2 and of all services, with what a launch makes of it.
pub const ROWS: &[Row] = &[
    // Of KMS: the request.
    row("kms:ViaService", Open(SUFFIX), Open(BY_ITSELF), KMS),
    always("kms:CallerAccount", Follows, Follows, KMS),
    some(Requests::Grants, "kms:GrantIsForAWSResource", Is("true"), Open(BY_ITSELF), KMS),
    some(Requests::CreateGrant, "kms:GranteePrincipal", Open(GRANT), Absent, TRAIL),
    some(Requests::CreateGrant, "kms:GrantOperations", Open(GRANT), Absent, TRAIL),
    some(Requests::CreateGrant, "kms:GrantConstraintType", Open(GRANT), Absent, TRAIL),
    some(Requests::CreateGrant, "kms:RetiringPrincipal", Open(GRANT), Absent, TRAIL),
    some(Requests::CreateGrant, "kms:GranteeServicePrincipal", Open(GRANT), Absent, KMS),
    some(Requests::CreateGrant, "kms:RetiringServicePrincipal", Open(GRANT), Absent, KMS),
    some(Requests::CreateGrant, "kms:SourceArn", Open(GRANT), Absent, KMS),
    some(
        Requests::Cryptographic,
        "kms:EncryptionAlgorithm",
        Is("SYMMETRIC_DEFAULT"),
        Is("SYMMETRIC_DEFAULT"),
        KMS,
    ),
    some(Requests::EncryptionContext, "kms:EncryptionContext:aws:ebs:id", Open(VOLUME), Open(VOLUME), TRAIL),
    some(Requests::EncryptionContext, "kms:EncryptionContext:*", Absent, Absent, TRAIL),
    some(Requests::EncryptionContext, "kms:EncryptionContextKeys", Is("aws:ebs:id"), Is("aws:ebs:id"), TRAIL),
    some(Requests::ReEncrypt, "kms:ReEncryptOnSameKey", Asked, Asked, KMS),
    row("kms:RequestAlias", Open(ALIAS), Open(ALIAS), KMS),
    row("kms:RecipientAttestation:*", Absent, Absent, ENCLAVES),
    row("kms:BypassPolicyLockoutSafetyCheck", Absent, Absent, KMS),
    row("kms:DataKeyPairSpec", Absent, Absent, KMS),
    row("kms:ExpirationModel", Absent, Absent, KMS),
    row("kms:ValidTo", Absent, Absent, KMS),
    row("kms:KeyAgreementAlgorithm", Absent, Absent, KMS),
    row("kms:MacAlgorithm", Absent, Absent, KMS),
    row("kms:MessageType", Absent, Absent, KMS),
    row("kms:SigningAlgorithm", Absent, Absent, KMS),
    row("kms:PrimaryRegion", Absent, Absent, KMS),
    row("kms:ReplicaRegion", Absent, Absent, KMS),
    row("kms:RotationPeriodInDays", Absent, Absent, KMS),
    row("kms:ScheduleKeyDeletionPendingWindowInDays", Absent, Absent, KMS),
    row("kms:WrappingAlgorithm", Absent, Absent, KMS),
    row("kms:WrappingKeySpec", Absent, Absent, KMS),
    // Of KMS: the key. EBS takes symmetric keys for encryption only.
    row("kms:KeySpec", Is("SYMMETRIC_DEFAULT"), Is("SYMMETRIC_DEFAULT"), KMS),
    row("kms:CustomerMasterKeySpec", Is("SYMMETRIC_DEFAULT"), Is("SYMMETRIC_DEFAULT"), KMS),
    row("kms:KeyUsage", Is("ENCRYPT_DECRYPT"), Is("ENCRYPT_DECRYPT"), KMS),
    row("kms:CustomerMasterKeyUsage", Is("ENCRYPT_DECRYPT"), Is("ENCRYPT_DECRYPT"), KMS),
    row("kms:KeyOrigin", Asked, Asked, KMS),
    row("kms:MultiRegion", Asked, Asked, KMS),
    row("kms:MultiRegionKeyType", Asked, Asked, KMS),
    row("kms:ResourceAliases", Asked, Asked, KMS),
    // Of all services: how the call is made.
    always("aws:ViaAWSService", Is("true"), Is("false"), FORWARDED),
    row("aws:CalledVia", Open(CALLED_VIA), Absent, GLOBAL),
    row("aws:CalledViaFirst", Open(CALLED_VIA), Absent, GLOBAL),
    row("aws:CalledViaLast", Open(CALLED_VIA), Absent, GLOBAL),
    always("aws:SecureTransport", Is("true"), Is("true"), GLOBAL),
    always("aws:RequestedRegion", Follows, Follows, GLOBAL),
    always("aws:CurrentTime", Asked, Asked, GLOBAL),
    always("aws:EpochTime", Asked, Asked, GLOBAL),
    always(
        "aws:UserAgent",
        Open("AWS does not document it for calls that EC2 makes"),
        Open(BY_ITSELF),
        GLOBAL,
    ),
    row("aws:Referer", Absent, Absent, GLOBAL),
    row("aws:RequestTag/*", Absent, Absent, GLOBAL),
    row("aws:TagKeys", Absent, Absent, GLOBAL),
    // "only when the call to your resource is made directly by an AWS service principal"
    row("aws:SourceArn", Absent, Absent, GLOBAL),
    row("aws:SourceAccount", Absent, Absent, GLOBAL),
    row("aws:SourceOrgID", Absent, Absent, GLOBAL),
    row("aws:SourceOrgPaths", Absent, Absent, GLOBAL),
    // From where: what denies by these hits the identity-only role, as AWS says.
    row("aws:SourceIp", Open(NETWORK), Elsewhere, EBS),
    row("aws:VpcSourceIp", Open(NETWORK), Elsewhere, EBS),
    row("aws:SourceVpc", Open(NETWORK), Elsewhere, EBS),
    row("aws:SourceVpce", Open(NETWORK), Elsewhere, EBS),
    row("aws:SourceVpcArn", Open(NETWORK), Open(BY_ITSELF), GLOBAL),
    row("aws:VpceAccount", Open(NETWORK), Open(BY_ITSELF), GLOBAL),
    row("aws:VpceOrgID", Open(NETWORK), Open(BY_ITSELF), GLOBAL),
    row("aws:VpceOrgPaths", Open(NETWORK), Open(BY_ITSELF), GLOBAL),
    // Who. Nobody can tag the identity-only role or sign in as it.
    always("aws:PrincipalArn", Follows, Follows, GLOBAL),
    always("aws:PrincipalAccount", Follows, Follows, GLOBAL),
    always("aws:PrincipalType", Follows, Follows, GLOBAL),
    always("aws:PrincipalIsAWSService", Follows, Follows, GLOBAL),
    row("aws:PrincipalServiceName", Absent, Absent, GLOBAL),
    row("aws:PrincipalServiceNamesList", Absent, Absent, GLOBAL),
    row("aws:PrincipalOrgID", Asked, Asked, GLOBAL),
    row("aws:PrincipalOrgPaths", Asked, Asked, GLOBAL),
    row("aws:PrincipalTag/*", Asked, Absent, EBS),
    row("aws:username", Follows, Follows, GLOBAL),
    always("aws:userid", Asked, Open(BY_ITSELF), GLOBAL),
    row("aws:TokenIssueTime", Asked, Open(BY_ITSELF), GLOBAL),
    row("aws:MultiFactorAuthPresent", Asked, AbsentOr("false"), GLOBAL),
    row("aws:MultiFactorAuthAge", Asked, Absent, GLOBAL),
    row("aws:AssumedRoot", AbsentOr("false"), AbsentOr("false"), GLOBAL),
    row("aws:FederatedProvider", OfSession, Absent, GLOBAL),
    row("aws:SourceIdentity", OfSession, Open(BY_ITSELF), GLOBAL),
    row("aws:ChatbotSourceArn", OfSession, Absent, GLOBAL),
    row("aws:SignInSessionArn", Asked, Absent, GLOBAL),
    row("aws:Ec2InstanceSourceVpc", OfSession, Open(BY_ITSELF), GLOBAL),
    row("aws:Ec2InstanceSourcePrivateIPv4", OfSession, Open(BY_ITSELF), GLOBAL),
    row("ec2:SourceInstanceARN", OfSession, Open(BY_ITSELF), PERIMETER),
    row("ec2:RoleDelivery", OfSession, Open(BY_ITSELF), EC2),
    row("ec2:*", Absent, Absent, EC2),
    row("lambda:SourceFunctionArn", OfSession, Absent, GLOBAL),
    row("ssm:SourceInstanceArn", OfSession, Absent, GLOBAL),
    row("sts:*", Absent, Absent, STS),
    // The key's owner.
    always("aws:ResourceAccount", Follows, Follows, GLOBAL),
    row("aws:ResourceOrgID", Asked, Asked, GLOBAL),
    row("aws:ResourceOrgPaths", Asked, Asked, GLOBAL),
    row("aws:ResourceTag/*", Asked, Asked, KMS_GLOBAL),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_key_stands_once_and_behind_nothing_that_hides_it() {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for row in ROWS {
            assert!(seen.insert(row.key.to_ascii_lowercase()), "{}", row.key);
            let probe = row.key.replace('*', "x");
            assert_eq!(Row::of(&probe.to_ascii_uppercase()).map(|row| row.key), Some(row.key));
            assert!(row.page.starts_with("https://"));
        }
    }

    #[test]
    fn what_is_open_has_a_reason_and_is_not_asked() {
        for row in ROWS {
            for occasion in [Occasion::Launch, Occasion::Instance] {
                let reason = occasion.open(row.key);
                assert_eq!(reason.is_some(), matches!(row.on(occasion), Cell::Open(_)), "{}", row.key);
                assert!(reason.is_none_or(|reason| !reason.ends_with('.') && reason.len() > 20));
                assert!(reason.is_none() || !occasion.is_asked(row.key));
            }
        }
        assert!(Occasion::Launch.is_asked("aws:principaltag/team"));
        assert!(Occasion::Launch.is_asked("aws:MadeUpLater"));
        assert!(!Occasion::Instance.is_asked("aws:PrincipalTag/team"));
    }

    #[test]
    fn what_is_told_of_the_caller_is_not_told_of_the_identity_only_role() {
        let instance = super::super::Context::for_instance();
        assert!(instance.heeds("aws:PrincipalOrgID") && instance.heeds("aws:ResourceTag/team"));
        assert!(!instance.heeds("aws:SourceIp") && !instance.heeds("aws:PrincipalTag/team"));
        assert!(super::super::Context::for_launch("eu-west-1").heeds("aws:SourceIp"));
    }
}
