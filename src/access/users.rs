//! Who may use a key, as far as its policy and its grants tell.
//!
//! Nobody's IAM policies are looked at: an account that is named decides by its own IAM who of it may.

use std::collections::BTreeMap;

use super::RequiredStatement;
use crate::arn::{AccountId, ArnParts, EntityArn, EntityKind, IDENTITY_ONLY_ROLE, KeyArn};
use crate::observation::{KeyGrant, Reading};
use crate::policy::condition::same_meaning;
use crate::policy::{
    ActionSet, AwsPrincipal, Condition, Effect, KmsAction, ListElement, PolicyDocument, PrincipalElement,
    Statement, pattern,
};

/// The actions that use a key, or hand its use on; the others administer it or look at it.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/kms-cryptography.html#cryptographic-operations>
const USE: [&str; 12] = [
    "kms:CreateGrant",
    "kms:Decapsulate",
    "kms:Decrypt",
    "kms:DeriveSharedSecret",
    "kms:Encapsulate",
    "kms:Encrypt",
    "kms:GenerateDataKey*",
    "kms:GenerateMac",
    "kms:ReEncrypt*",
    "kms:Sign",
    "kms:Verify",
    "kms:VerifyMac",
];

/// Everybody that a key's policy and grants let in, and what keeps people out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUsers {
    /// The key.
    pub key: KeyArn,
    /// By where they are, then by name.
    pub users: Vec<KeyUser>,
    /// The `Deny` statements about KMS, in source order.
    pub denials: Vec<DeniedUse>,
    /// Why it is not known whether the policy `AWS_RAM` lets in others; none where that was read.
    pub ram_unread: Option<String>,
    /// The grants, by grantee.
    pub grants: Reading<Vec<KeyGrant>>,
}

/// A policy of a key, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub enum KeyPolicyName {
    /// The key policy.
    #[serde(rename = "default")]
    Default,
    /// The one that AWS Resource Access Manager writes.
    #[serde(rename = "AWS_RAM")]
    AwsRam,
}

/// Somebody that the key policy lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUser {
    /// Who, as the policy has it.
    pub who: Who,
    /// Where they are, seen from the key.
    pub place: Place,
    /// What each statement allows them, in source order.
    pub permissions: Vec<Permission>,
    /// Where the console's page of the key shows them by name.
    pub in_console: Option<ConsolePane>,
}

/// Whom a statement names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A whole account: whoever its IAM policies allow it.
    Account(AccountId),
    /// A user or role.
    Entity(EntityArn),
    /// One session of a role, or a federated user: its ARN.
    Session(String),
    /// An AWS service.
    Service(String),
    /// Whoever signs a request.
    Anyone,
    /// Everyone but these.
    AnyoneBut(Vec<String>),
    /// A user or role that was deleted: the unique id that stayed behind.
    Orphan(String),
    /// A principal of another type or form, which makes no requests to KMS.
    Other(String),
}

/// Where somebody is, seen from a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the key's own account.
    Inside,
    /// In another account.
    Outside,
    /// An AWS service.
    Service,
    /// Anywhere.
    Anywhere,
    /// Nowhere any more, or nowhere that is known.
    Nowhere,
}

/// A part of the console's page of a key that names people.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsolePane {
    /// "Key users".
    KeyUsers,
    /// "Other AWS accounts".
    OtherAccounts,
}

/// What one statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The policy it stands in.
    pub policy: KeyPolicyName,
    /// The statement's number in the policy, from 1.
    pub number: usize,
    /// Its Sid.
    pub sid: Option<String>,
    /// The actions, of those that are known here and about a key.
    pub actions: ActionSet,
    /// The conditions, all of which have to hold.
    pub conditions: Vec<Condition>,
    /// Whether the statement has elements that nobody can make sense of.
    pub is_undecidable: bool,
}

/// A statement that denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeniedUse {
    /// Whom it is about, in source order.
    pub whom: Vec<Who>,
    /// What it denies.
    pub permission: Permission,
}

impl KeyUsers {
    /// Reads a key's policies: the key policy, and `AWS_RAM` where there is one, or why that is not known. The grants
    /// are passed on, in order.
    pub fn new(
        key: &KeyArn,
        policy: &PolicyDocument,
        ram_policy: Result<Option<&PolicyDocument>, String>,
        grants: &Reading<Vec<KeyGrant>>,
    ) -> Self {
        let mut users: BTreeMap<(Place, Who), KeyUser> = BTreeMap::new();
        let mut denials = Vec::new();
        let (ram_policy, ram_unread) = match ram_policy {
            Ok(ram_policy) => (ram_policy, None),
            Err(reason) => (None, Some(reason)),
        };
        let ram_policy = ram_policy.map(|policy| (KeyPolicyName::AwsRam, policy));
        let policies = [(KeyPolicyName::Default, policy)].into_iter().chain(ram_policy);
        let statements = policies.flat_map(|(name, policy)| {
            policy.statements.iter().enumerate().map(move |(index, statement)| (name, index, statement))
        });
        for (policy, index, statement) in statements {
            let Some(permission) = Permission::of(policy, index, statement, key) else { continue };
            let whom = statement.principal.as_ref().map(whom).unwrap_or_default();
            if statement.effect == Effect::Deny {
                denials.push(DeniedUse { whom, permission });
                continue;
            }
            let is_shown = policy == KeyPolicyName::Default && is_of_the_console(statement);
            for who in whom {
                let place = Place::of(&who, key);
                let user = users.entry((place, who.clone())).or_insert_with(|| KeyUser::new(who, place));
                user.permissions.push(permission.clone());
                user.in_console = user.in_console.or(ConsolePane::of(user).filter(|_| is_shown));
            }
        }
        let (users, grants) = (users.into_values().collect(), in_order(grants));
        Self { key: key.clone(), users, denials, ram_unread, grants }
    }
}

fn in_order(grants: &Reading<Vec<KeyGrant>>) -> Reading<Vec<KeyGrant>> {
    let mut grants = grants.clone();
    if let Reading::Read(grants) = &mut grants {
        grants.sort_by(|one, other| (&one.grantee, &one.id).cmp(&(&other.grantee, &other.id)));
    }
    grants
}

impl KeyUser {
    fn new(who: Who, place: Place) -> Self {
        Self { who, place, permissions: Vec::new(), in_console: None }
    }

    /// Whether they may use the key, or hand its use on; else they only administer it or look at it.
    pub fn may_use(&self) -> bool {
        let use_of_key = ActionSet::of_patterns(USE);
        self.permissions.iter().any(|permission| !permission.actions.intersection(use_of_key).is_empty())
    }
}

impl Permission {
    /// What a statement is about, unless that is no KMS action on this key.
    fn of(policy: KeyPolicyName, index: usize, statement: &Statement, key: &KeyArn) -> Option<Self> {
        let key = key.to_string();
        let is_about_key = |resource: &ListElement| {
            resource.negated != resource.list.iter().any(|text| pattern::matches(text, &key))
        };
        // Key policies have no say in what no key stands behind.
        let actions = statement.kms_actions().intersection(every_action());
        let is_about_it = statement.resource.as_ref().is_some_and(is_about_key);
        (is_about_it && !actions.is_empty()).then(|| Self {
            policy,
            number: index + 1,
            sid: statement.sid.clone(),
            actions,
            conditions: statement.conditions.clone(),
            is_undecidable: !statement.unknown.is_empty(),
        })
    }
}

/// Every action that a key stands behind.
pub fn every_action() -> ActionSet {
    let of_keys = KmsAction::all().filter(|action| !action.is_keyless());
    of_keys.fold(ActionSet::EMPTY, |set, action| set.union(action.set()))
}

/// The principals of a statement, each once.
fn whom(element: &PrincipalElement) -> Vec<Who> {
    let others = element.types.iter().flatten().filter(|kind| kind.name != "AWS").flat_map(|kind| {
        kind.list.iter().map(|text| match kind.name.as_str() {
            "Service" => Who::Service(text.to_owned()),
            kind => Who::Other(format!("{kind}: {text}")),
        })
    });
    let mut whom: Vec<Who> = Vec::new();
    for who in element.aws().iter().cloned().map(Who::from).chain(others) {
        if !whom.contains(&who) {
            whom.push(who);
        }
    }
    if element.negated { vec![Who::AnyoneBut(whom.iter().map(Who::text).collect())] } else { whom }
}

impl From<AwsPrincipal> for Who {
    fn from(principal: AwsPrincipal) -> Self {
        match principal {
            AwsPrincipal::Anyone => Self::Anyone,
            AwsPrincipal::Account { id, .. } => Self::Account(id),
            AwsPrincipal::Entity(group) if group.kind == EntityKind::Group => Self::Other(group.to_string()),
            AwsPrincipal::Entity(entity) => Self::Entity(entity),
            AwsPrincipal::Session(session) => Self::Session(session.to_string()),
            AwsPrincipal::UniqueId(id) => Self::Orphan(id),
            AwsPrincipal::Other(text) if text.contains(":federated-user/") => Self::Session(text),
            AwsPrincipal::Other(text) => Self::Other(text),
        }
    }
}

/// The account and the instance where the grantee of a grant is the role by which EC2 attaches encrypted volumes, in
/// either of the forms in which `ListGrants` shows it.
///
/// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html>
pub fn infrastructure_role(grantee: &str) -> Option<(AccountId, &str)> {
    if let Ok(parts) = ArnParts::parse(grantee) {
        let session = parts.resource.strip_prefix("assumed-role/")?;
        let instance = session.strip_prefix(IDENTITY_ONLY_ROLE)?.strip_prefix('/')?;
        let account = parts.account.parse().ok()?;
        return (parts.service == "sts" && !instance.is_empty())
            .then(|| grantee.rsplit_once('/').map(|(_, instance)| (account, instance)))
            .flatten();
    }
    let (account, role) = grantee.split_once(':')?;
    let instance =
        role.strip_prefix(IDENTITY_ONLY_ROLE)?.strip_prefix(':').filter(|instance| !instance.is_empty())?;
    Some((account.parse().ok()?, instance))
}

impl Who {
    /// As a policy has it.
    pub fn text(&self) -> String {
        match self {
            Self::Account(id) => id.to_string(),
            Self::Entity(entity) => entity.to_string(),
            Self::Session(text) | Self::Service(text) | Self::Orphan(text) | Self::Other(text) => {
                text.clone()
            }
            Self::Anyone => "*".to_owned(),
            Self::AnyoneBut(texts) => format!("everyone but {}", texts.join(", ")),
        }
    }

    /// The account that they belong to.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account(id) => Some(*id),
            Self::Entity(entity) => Some(entity.account),
            Self::Session(text) => ArnParts::parse(text).ok()?.account.parse().ok(),
            _ => None,
        }
    }
}

impl Place {
    fn of(who: &Who, key: &KeyArn) -> Self {
        match who {
            Who::Service(_) => Self::Service,
            Who::Anyone | Who::AnyoneBut(_) => Self::Anywhere,
            Who::Orphan(_) | Who::Other(_) => Self::Nowhere,
            _ if who.account() == Some(key.account) => Self::Inside,
            _ => Self::Outside,
        }
    }
}

/// Whether a statement is one that the console takes names from: of its Sid, and unaltered but for principals.
fn is_of_the_console(statement: &Statement) -> bool {
    RequiredStatement::documented().iter().any(|required| {
        statement.sid.as_deref() == Some(required.key_policy_sid)
            && statement.kms_actions() == required.action_set
            && same_meaning(&statement.conditions, &required.conditions)
            && statement.unknown.is_empty()
    })
}

impl ConsolePane {
    /// Where the console shows somebody whom such a statement names.
    fn of(user: &KeyUser) -> Option<Self> {
        match (&user.who, user.place) {
            (Who::Entity(_), Place::Inside) => Some(Self::KeyUsers),
            (Who::Account(_), Place::Outside) => Some(Self::OtherAccounts),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn users(statements: &str) -> KeyUsers {
        let policy = PolicyDocument::parse(format!("{{\"Statement\": [{statements}]}}")).unwrap();
        KeyUsers::new(&KEY.parse().unwrap(), &policy, Ok(None), &Reading::default())
    }

    #[test]
    fn the_policy_of_resource_access_manager_lets_in_too() {
        let statement = allow(r#"{"AWS": "444455556666"}"#, r#""Action": "kms:Decrypt""#);
        let document =
            |statements: &str| PolicyDocument::parse(format!("{{\"Statement\": [{statements}]}}")).unwrap();
        let key = KEY.parse().unwrap();
        let shared = document(&[statement.clone(), statement.replace("Allow", "Deny")].join(","));
        let users = |ram| KeyUsers::new(&key, &document(&statement), ram, &Reading::default());
        let found = users(Ok(Some(&shared)));
        let by = |user: &KeyUser| user.permissions.iter().map(|given| given.policy).collect::<Vec<_>>();
        assert_eq!(by(&found.users[0]), [KeyPolicyName::Default, KeyPolicyName::AwsRam]);
        assert_eq!(found.denials[0].permission.policy, KeyPolicyName::AwsRam);
        assert_eq!((found.users.len(), found.ram_unread), (1, None));
        let unread = users(Err("AccessDenied".to_owned()));
        assert_eq!((unread.users.len(), unread.ram_unread.as_deref()), (1, Some("AccessDenied")));
    }

    fn allow(principal: &str, rest: &str) -> String {
        format!(r#"{{"Effect": "Allow", "Principal": {principal}, "Resource": "*", {rest}}}"#)
    }

    #[test]
    fn everybody_has_a_place() {
        let found = users(&allow(
            r#"{"AWS": ["444455556666", "arn:aws:iam::111122223333:user/jo", "AROAEXAMPLEEXAMPLE123",
                "arn:aws:sts::444455556666:assumed-role/app/s", "arn:aws:iam::111122223333:root", "*"],
                "Service": "ec2.amazonaws.com", "Federated": "cognito-identity.amazonaws.com"}"#,
            r#""Action": "kms:Decrypt""#,
        ));
        let shown: Vec<(Place, String)> =
            found.users.iter().map(|user| (user.place, user.who.text())).collect();
        let expected = [
            (Place::Inside, "111122223333"),
            (Place::Inside, "arn:aws:iam::111122223333:user/jo"),
            (Place::Outside, "444455556666"),
            (Place::Outside, "arn:aws:sts::444455556666:assumed-role/app/s"),
            (Place::Service, "ec2.amazonaws.com"),
            (Place::Anywhere, "*"),
            (Place::Nowhere, "AROAEXAMPLEEXAMPLE123"),
            (Place::Nowhere, "Federated: cognito-identity.amazonaws.com"),
        ];
        assert_eq!(shown, expected.map(|(place, text)| (place, text.to_owned())));
    }

    #[test]
    fn an_account_is_one_however_it_is_written() {
        let found = users(
            &[
                allow(r#"{"AWS": "444455556666"}"#, r#""Action": "kms:Decrypt""#),
                allow(r#"{"AWS": "arn:aws:iam::444455556666:root"}"#, r#""Action": "kms:Encrypt""#),
            ]
            .join(","),
        );
        let numbers: Vec<usize> = found.users[0].permissions.iter().map(|given| given.number).collect();
        assert_eq!((found.users.len(), numbers), (1, vec![1, 2]));
    }

    #[test]
    fn what_is_about_another_key_or_service_lets_nobody_in() {
        let other = KEY.replace("1234abcd", "4321abcd");
        for statement in [
            r#"{"Effect": "Allow", "Principal": "*", "Action": "kms:*"}"#.to_owned(),
            format!(r#"{{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "{other}"}}"#),
            allow("\"*\"", r#""Action": "s3:GetObject""#),
        ] {
            assert_eq!(users(&statement).users, [], "{statement}");
        }
    }

    #[test]
    fn administration_is_no_use() {
        let may_use = |actions: &str| users(&allow("\"*\"", actions)).users[0].may_use();
        assert!(!may_use(r#""Action": ["kms:PutKeyPolicy", "kms:DescribeKey", "kms:RevokeGrant"]"#));
        assert!(may_use(r#""Action": "kms:CreateGrant""#));
        assert!(may_use(r#""NotAction": "kms:PutKeyPolicy""#));
    }

    #[test]
    fn the_console_shows_whom_its_own_statements_name() {
        let own = r#""Sid": "Allow use of the key", "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*",
            "kms:GenerateDataKey*", "kms:DescribeKey"]"#;
        let principals = r#"{"AWS": ["444455556666", "arn:aws:iam::444455556666:role/app",
            "arn:aws:iam::111122223333:role/app"]}"#;
        let panes = |statement: &str| -> Vec<Option<ConsolePane>> {
            users(&allow(principals, statement)).users.iter().map(|user| user.in_console).collect()
        };
        assert_eq!(panes(own), [Some(ConsolePane::KeyUsers), Some(ConsolePane::OtherAccounts), None]);
        assert_eq!(panes(&own.replace("Allow use", "Let use")), [None; 3]);
        assert_eq!(panes(&own.replace("\"kms:Encrypt\", ", "")), [None; 3]);
    }

    #[test]
    fn the_role_of_ec2_is_known_in_both_forms() {
        let instance = |text| infrastructure_role(text).map(|(account, id)| (account.to_string(), id));
        for text in [
            "arn:aws:sts::444455556666:assumed-role/aws:ec2-infrastructure/i-1",
            "arn:aws-cn:sts::444455556666:assumed-role/aws:ec2-infrastructure/i-1",
            "444455556666:aws:ec2-infrastructure:i-1",
        ] {
            assert_eq!(instance(text), Some(("444455556666".to_owned(), "i-1")), "{text}");
        }
        for text in [
            "",
            "ec2.amazonaws.com",
            "arn:aws:iam::444455556666:role/aws:ec2-infrastructure",
            "arn:aws:sts::444455556666:assumed-role/ec2-infrastructure/i-1",
            "arn:aws:sts::444455556666:assumed-role/aws:ec2-infrastructure/",
            "444455556666:aws:ec2-infrastructure:",
            "4444:aws:ec2-infrastructure:i-1",
            "444455556666:aws:ec2-infrastructurex:i-1",
        ] {
            assert_eq!(instance(text), None, "{text}");
        }
    }

    #[test]
    fn denials_and_exceptions_are_told() {
        let found = users(
            r#"{"Effect": "Deny", "NotPrincipal": {"AWS": "444455556666"}, "Action": "kms:*", "Resource": "*"},
               {"Effect": "Allow", "NotPrincipal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}"#,
        );
        assert_eq!(found.denials[0].whom, [Who::AnyoneBut(vec!["444455556666".to_owned()])]);
        assert_eq!(found.users[0].who, Who::AnyoneBut(vec!["*".to_owned()]));
    }
}
