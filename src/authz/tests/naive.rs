//! A second evaluator, for the tests alone: slow, two-valued, on the JSON itself and a context that is known.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::authz::Outcome;

/// Everything that is asked at once.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) principal: String,
    pub(super) action: String,
    pub(super) key_policy: Value,
    pub(super) identity: Vec<Value>,
    pub(super) boundary: Option<Value>,
    pub(super) session: Option<Value>,
    pub(super) scps: Vec<Vec<Value>>,
    pub(super) rcps: Vec<Vec<Value>>,
    /// By key in lower case; other keys are absent.
    pub(super) context: BTreeMap<String, Vec<String>>,
}

pub(super) const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const KEY_ACCOUNT: &str = "111122223333";

/// How what AWS does not document may turn out.
#[derive(Debug, Clone, Copy)]
struct Guess {
    /// `NotPrincipal` with the principal but not its account leaves the principal out of a `Deny`.
    deny_excepts: bool,
    allow: AllowGuess,
    /// The session that a role stands for is the one that is denied.
    is_that_session: bool,
}

/// What an `Allow` with `NotPrincipal` does, which AWS does not support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AllowGuess {
    Nothing,
    /// It allows all but who is listed.
    AllButListed,
    /// It allows all but who is listed, and all but those whose account is.
    AllButTheirAccounts,
}

/// What becomes of a request: what all guesses agree on.
pub(super) fn outcome(world: &World) -> Outcome {
    let bits = [false, true];
    let mut outcomes = Vec::new();
    for deny_excepts in bits {
        for is_that_session in bits {
            for allow in [AllowGuess::Nothing, AllowGuess::AllButListed, AllowGuess::AllButTheirAccounts] {
                outcomes.push(world.decide(Guess { deny_excepts, allow, is_that_session }));
            }
        }
    }
    let first = outcomes[0];
    if outcomes.iter().all(|outcome| *outcome == first) {
        first
    } else if outcomes.contains(&Outcome::Allowed) {
        Outcome::Unknown
    } else {
        Outcome::ImplicitDeny
    }
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(list).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        ([b'*', rest @ ..], _) => glob(rest, text) || (!text.is_empty() && glob(pattern, &text[1..])),
        ([wanted, rest @ ..], [found, text @ ..]) => (*wanted == b'?' || wanted == found) && glob(rest, text),
        _ => false,
    }
}

fn like(pattern: &str, text: &str) -> bool {
    glob(pattern.as_bytes(), text.as_bytes())
}

/// The statements of a document that fit the action, the resource and the context.
fn fitting<'v>(world: &World, document: &'v Value, effect: &str) -> Vec<&'v Value> {
    let statements = document["Statement"].as_array().unwrap();
    statements.iter().filter(|s| s["Effect"] == effect && world.fits(s)).collect()
}

impl World {
    fn account(&self) -> &str {
        self.principal.split(':').nth(4).unwrap_or_default()
    }

    fn is(&self, kind: &str) -> bool {
        self.principal.contains(kind)
    }

    fn root(&self) -> String {
        format!("arn:aws:iam::{}:root", self.account())
    }

    /// The role of a session.
    fn role(&self) -> Option<String> {
        let (_, rest) = self.principal.split_once(":assumed-role/")?;
        Some(format!("arn:aws:iam::{}:role/{}", self.account(), rest.split('/').next()?))
    }

    fn value(&self, key: &str) -> Vec<String> {
        let key = key.to_lowercase();
        if let Some(values) = self.context.get(&key) {
            return values.clone();
        }
        match key.as_str() {
            "aws:principalarn" => vec![self.role().unwrap_or_else(|| self.principal.clone())],
            "kms:calleraccount" => vec![self.account().to_owned()],
            _ => Vec::new(),
        }
    }

    fn fits(&self, statement: &Value) -> bool {
        let named = |element: &str, subject: &str| {
            let same = |pattern: &String| like(&pattern.to_lowercase(), &subject.to_lowercase());
            match (statement.get(element), statement.get(format!("Not{element}"))) {
                (Some(value), _) => list(value).iter().any(same),
                (_, Some(value)) => !list(value).iter().any(same),
                _ => false,
            }
        };
        let conditions = statement.get("Condition").and_then(Value::as_object);
        named("Action", &self.action)
            && named("Resource", KEY)
            && conditions.into_iter().flatten().all(|(operator, keys)| {
                keys.as_object().unwrap().iter().all(|(key, values)| self.holds(operator, key, &list(values)))
            })
    }

    fn holds(&self, operator: &str, key: &str, wanted: &[String]) -> bool {
        let found = self.value(key);
        if operator == "Null" {
            return wanted.iter().any(|wanted| (wanted == "true") == found.is_empty());
        }
        let (set, operator) = operator.split_once(':').unwrap_or(("", operator));
        let (operator, if_exists) = match operator.strip_suffix("IfExists") {
            Some(operator) => (operator, true),
            None => (operator, false),
        };
        let one = |found: &String| match operator {
            "StringEquals" | "Bool" => wanted.contains(found),
            "StringNotEquals" => !wanted.contains(found),
            "StringLike" => wanted.iter().any(|wanted| like(wanted, found)),
            "StringNotLike" => !wanted.iter().any(|wanted| like(wanted, found)),
            "NumericLessThan" => {
                wanted.iter().any(|wanted| found.parse::<i32>().unwrap() < wanted.parse::<i32>().unwrap())
            }
            other => panic!("{other}"),
        };
        match (found.is_empty(), set) {
            (true, "") => if_exists || operator.contains("Not"),
            (true, "ForAnyValue") => if_exists,
            (true, _) => true,
            (false, "ForAnyValue") => found.iter().any(one),
            (false, _) => found.iter().all(one),
        }
    }

    /// How a list of principals names the one who asks, strongest first: itself, role, anyone, account.
    fn names(&self, principal: &Value, guess: Guess, denies: bool) -> Vec<&'static str> {
        let names = if *principal == "*" { vec!["*".to_owned()] } else { list(&principal["AWS"]) };
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        let mut found = Vec::new();
        if has(&self.principal) && self.is(":role/") || self.role().is_some_and(|role| has(&role)) {
            found.push("role");
        } else if has(&self.principal) && !self.is(":root") {
            found.push("itself");
        }
        if self.role().is_some() && has(&self.principal) {
            found.push("itself");
        }
        let of_role = self.principal.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/");
        let is_session_of_role = |name: &String| name.starts_with(&format!("{of_role}/"));
        if self.is(":role/") && denies && guess.is_that_session && names.iter().any(is_session_of_role) {
            found.push("itself");
        }
        if has("*") {
            found.push("anyone");
        }
        if has(&self.root()) || has(self.account()) {
            found.push(if self.is(":root") { "itself" } else { "account" });
        }
        found
    }

    /// The ways in which a statement of a resource policy names the one who asks.
    fn named_by(&self, statement: &Value, guess: Guess) -> Vec<&'static str> {
        if let Some(principal) = statement.get("Principal") {
            return self.names(principal, guess, statement["Effect"] == "Deny");
        }
        let Some(principal) = statement.get("NotPrincipal") else { return Vec::new() };
        let names = self.names(principal, guess, statement["Effect"] == "Deny");
        let has = |name| names.contains(&name);
        let excepted = if statement["Effect"] == "Deny" {
            let account = has("account") || self.is(":root");
            let all = has("itself") || has("role");
            let complete = account && (self.role().is_none() || has("role"));
            let limited = self.boundary.is_some() && !self.is(":root");
            !limited && (has("anyone") || (all && (complete || guess.deny_excepts)))
        } else {
            let is_listed = has("itself") || has("role") || has("anyone");
            let is_of_account = has("account") && guess.allow == AllowGuess::AllButTheirAccounts;
            guess.allow == AllowGuess::Nothing || is_listed || is_of_account
        };
        if excepted { Vec::new() } else { vec!["anyone"] }
    }

    fn decide(&self, guess: Guess) -> Outcome {
        let is_root = self.is(":root");
        let own: Vec<&Value> =
            self.identity.iter().chain(&self.boundary).chain(&self.session).filter(|_| !is_root).collect();
        let scps = self.scps.iter().flatten();
        let denies = |document: &Value| !fitting(self, document, "Deny").is_empty();
        let denied_by_resource = std::iter::once(&self.key_policy)
            .chain(self.rcps.iter().flatten())
            .flat_map(|document| fitting(self, document, "Deny"))
            .any(|statement| !self.named_by(statement, guess).is_empty());
        if denied_by_resource || own.into_iter().chain(scps).any(denies) {
            return Outcome::ExplicitDeny;
        }
        if self.may(guess) { Outcome::Allowed } else { Outcome::ImplicitDeny }
    }

    fn may(&self, guess: Guess) -> bool {
        let allows = |document: &Value| !fitting(self, document, "Allow").is_empty();
        if self.scps.iter().any(|level| !level.iter().any(allows)) {
            return false;
        }
        let named: Vec<&str> = fitting(self, &self.key_policy, "Allow")
            .into_iter()
            .flat_map(|statement| self.named_by(statement, guess))
            .collect();
        let crosses = self.account() != KEY_ACCOUNT;
        if named.is_empty() || (crosses && self.action == "kms:PutKeyPolicy") {
            return false;
        }
        if self.is(":root") {
            return true;
        }
        let limited = ![&self.boundary, &self.session].into_iter().flatten().all(allows);
        let by_iam = self.identity.iter().any(allows) && !limited;
        if crosses {
            return by_iam;
        }
        let is_federated = self.is(":user/") && self.session.is_some();
        named.iter().any(|name| match *name {
            "itself" => !(is_federated && limited),
            "role" => !limited,
            "anyone" => true,
            _ => by_iam,
        })
    }
}
