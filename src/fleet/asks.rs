//! What a manifest asks for, by the documents that it is about: each key with everybody who needs it, each account with
//! all keys that its users and roles need.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::access::{CoverageRule, Grantee, PolicyName, Profile, Purpose};
use crate::arn::{AccountId, KeyArn};

/// How the grantees of a line are helped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// What they must be able to do.
    pub purpose: Purpose,
    /// What they must be allowed.
    pub profile: Profile,
    /// What counts as being allowed it already.
    pub coverage: CoverageRule,
    /// The name of the policy in their accounts.
    pub policy_name: PolicyName,
}

impl Terms {
    /// The member of a line in which two terms differ first.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let members = [
            ("purpose", self.purpose == other.purpose),
            ("profile", self.profile == other.profile),
            ("coverage", self.coverage == other.coverage),
            ("policy_name", self.policy_name == other.policy_name),
        ];
        members.into_iter().find(|(_, is_equal)| !is_equal).map(|(member, _)| member)
    }
}

/// Two lines ask for different things of the documents of one account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Disagreement {
    /// The earlier line and the later one, counted from 1.
    pub lines: [usize; 2],
    /// Whose documents they are.
    pub account: AccountId,
    /// What they differ in, as a member of a line.
    pub member: &'static str,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines: [earlier, later], account, member } = self;
        write!(f, "lines {earlier} and {later} disagree about account {account}: `{member}` differs")
    }
}

/// A grantee's place in the order in which grantees came.
type Place = u32;

/// Everything that is asked for. Grantees are kept once, whatever the number of keys that they need.
#[derive(Debug, Default)]
pub struct Asks {
    grantees: Vec<Grantee>,
    places: BTreeMap<Grantee, Place>,
    /// For each key who needs it, in the order asked for.
    keys: BTreeMap<KeyArn, Vec<Place>>,
    /// Whose IAM is written to for which keys.
    requesters: BTreeMap<AccountId, BTreeSet<KeyArn>>,
    /// How the documents of each account are to be, and the line that said so.
    terms: BTreeMap<AccountId, (usize, Terms)>,
}

impl Asks {
    /// Adds what a line asks for.
    ///
    /// # Errors
    /// An earlier line asks for something else of the same account's documents.
    pub fn add(
        &mut self,
        line: usize,
        keys: &[KeyArn],
        grantees: &[Grantee],
        terms: &Terms,
    ) -> Result<(), Disagreement> {
        let of_keys = keys.iter().map(|key| key.account);
        let requesters: BTreeSet<AccountId> =
            grantees.iter().filter_map(Grantee::attachable).map(|entity| entity.account).collect();
        for account in of_keys.chain(requesters.iter().copied()) {
            let (earlier, known) = self.terms.entry(account).or_insert_with(|| (line, terms.clone()));
            if let Some(member) = known.difference(terms) {
                return Err(Disagreement { lines: [*earlier, line], account, member });
            }
        }
        let places: Vec<Place> = grantees.iter().map(|grantee| self.place(grantee)).collect();
        for key in keys {
            let needing = self.keys.entry(key.clone()).or_default();
            let known: BTreeSet<Place> = needing.iter().copied().collect();
            needing.extend(places.iter().filter(|place| !known.contains(place)));
            for account in &requesters {
                self.requesters.entry(*account).or_default().insert(key.clone());
            }
        }
        Ok(())
    }

    fn place(&mut self, grantee: &Grantee) -> Place {
        if let Some(place) = self.places.get(grantee) {
            return *place;
        }
        let place = Place::try_from(self.grantees.len()).unwrap_or(Place::MAX);
        self.grantees.push(grantee.clone());
        self.places.insert(grantee.clone(), place);
        place
    }

    /// The accounts whose documents are asked about, in the order of their ids.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.terms.keys().copied()
    }

    /// How many pairs of a key and a grantee there are.
    pub fn pairs(&self) -> usize {
        self.keys.values().map(Vec::len).sum()
    }

    /// How many keys there are.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// How an account's documents are to be.
    pub fn terms(&self, account: AccountId) -> Terms {
        self.terms.get(&account).map(|(_, terms)| terms.clone()).unwrap_or_default()
    }

    /// What an account's part is about: its own keys with everybody who needs them, and the keys that its users, roles and
    /// groups need with these.
    pub fn needing(&self, account: AccountId) -> BTreeMap<KeyArn, Vec<Grantee>> {
        let foreign = self.requesters.get(&account).into_iter().flatten();
        let foreign = foreign.filter(|key| key.account != account).map(|key| (key, true));
        let own = self.keys.keys().filter(|key| key.account == account).map(|key| (key, false));
        let grantees = |key: &KeyArn, only_own: bool| {
            let places = self.keys.get(key).into_iter().flatten();
            let all = places.filter_map(|place| self.grantees.get(usize::try_from(*place).ok()?));
            let is_own = |grantee: &&Grantee| grantee.attachable().is_some_and(|own| own.account == account);
            all.filter(|grantee| !only_own || is_own(grantee)).cloned().collect()
        };
        own.chain(foreign).map(|(key, only_own)| (key.clone(), grantees(key, only_own))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 2] = [
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:eu-west-1:777788889999:key/0987dcba-09fe-87dc-65ba-ab0987654321",
    ];
    const ROLES: [&str; 2] = ["arn:aws:iam::444455556666:role/app", "arn:aws:iam::777788889999:role/app"];

    fn terms() -> Terms {
        Terms {
            purpose: Purpose::Launch,
            profile: Profile::Documented,
            coverage: CoverageRule::Named,
            policy_name: PolicyName::default(),
        }
    }

    fn keys(which: &[usize]) -> Vec<KeyArn> {
        which.iter().map(|at| KEYS[*at].parse().unwrap()).collect()
    }

    fn roles(which: &[usize]) -> Vec<Grantee> {
        which.iter().map(|at| ROLES[*at].parse().unwrap()).collect()
    }

    fn account(id: &str) -> AccountId {
        id.parse().unwrap()
    }

    #[test]
    fn each_account_has_its_own_keys_and_those_that_its_roles_need() {
        let mut asks = Asks::default();
        asks.add(1, &keys(&[0]), &roles(&[1, 0]), &terms()).unwrap();
        asks.add(2, &keys(&[1]), &roles(&[1]), &terms()).unwrap();
        asks.add(3, &keys(&[1]), &roles(&[1, 0]), &terms()).unwrap();
        let accounts: Vec<String> = asks.accounts().map(|id| id.to_string()).collect();
        assert_eq!(accounts, ["111122223333", "444455556666", "777788889999"]);
        let [first, second] = [keys(&[0])[0].clone(), keys(&[1])[0].clone()];
        assert_eq!(asks.needing(account("111122223333")), [(first.clone(), roles(&[1, 0]))].into());
        let requester = [(first.clone(), roles(&[0])), (second.clone(), roles(&[0]))];
        assert_eq!(asks.needing(account("444455556666")), requester.into());
        let both = [(first, roles(&[1])), (second, roles(&[1, 0]))];
        assert_eq!(asks.needing(account("777788889999")), both.into());
        assert_eq!((asks.keys(), asks.pairs()), (2, 4));
    }

    #[test]
    fn lines_that_disagree_about_an_account_are_told_with_both_numbers() {
        let mut asks = Asks::default();
        asks.add(3, &keys(&[0]), &roles(&[0]), &terms()).unwrap();
        let least = Terms { profile: Profile::LeastPrivilege, ..terms() };
        asks.add(5, &keys(&[1]), &roles(&[1]), &least).unwrap();
        let error = asks.add(9, &keys(&[1]), &roles(&[0]), &least).unwrap_err();
        assert_eq!(error.to_string(), "lines 3 and 9 disagree about account 444455556666: `profile` differs");
        let other = Terms { policy_name: "Other".parse().unwrap(), ..terms() };
        let error = asks.add(10, &keys(&[0]), &[], &other).unwrap_err();
        assert_eq!(
            error.to_string(),
            "lines 3 and 10 disagree about account 111122223333: `policy_name` differs"
        );
    }
}
