//! What a manifest asks for, by the documents that it is about: each key with everybody who needs it, each account with
//! all keys that its users and roles need.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::ledger::sha256;
use crate::access::{Grantee, PolicyName, Terms};
use crate::arn::{AccountId, KeyArn};

/// What two lines can disagree about: a document, or documents of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// The policy of a key, and the statements on it in IAM.
    Key(KeyArn),
    /// The policies in IAM of an account.
    Iam(AccountId),
}

/// Two lines ask for different things of one document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Disagreement {
    /// The earlier line and the later one, counted from 1.
    pub lines: [usize; 2],
    /// What it is.
    pub about: About,
    /// What they differ in, as a member of a line.
    pub member: &'static str,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines: [earlier, later], about, member } = self;
        write!(f, "lines {earlier} and {later} disagree about ")?;
        match about {
            About::Key(key) => write!(f, "the key `{key}`")?,
            About::Iam(account) => write!(f, "the IAM policies of account {account}")?,
        }
        write!(f, ": `{member}` differs")
    }
}

/// The member of a line in which two terms differ first.
fn difference(one: Terms, other: Terms) -> Option<&'static str> {
    let members = [
        ("purpose", one.purpose == other.purpose),
        ("profile", one.profile == other.profile),
        ("coverage", one.coverage == other.coverage),
    ];
    members.into_iter().find(|(_, is_equal)| !is_equal).map(|(member, _)| member)
}

/// A grantee's place in the order in which grantees came.
type Place = u32;

/// What is asked about a key.
#[derive(Debug)]
struct AskedKey {
    /// The line that asked for it first.
    line: usize,
    terms: Terms,
    /// Who needs it, in the order asked for.
    needing: Vec<Place>,
}

/// What is asked about the IAM of an account.
#[derive(Debug)]
struct AskedIam {
    /// The line that asked for it first.
    line: usize,
    policy_name: PolicyName,
    /// The keys that its users, roles and groups need.
    keys: BTreeSet<Place>,
}

/// Everything that is asked for. Keys and grantees are kept once, in however many pairs they are.
#[derive(Debug, Default)]
pub struct Asks {
    grantees: Places<Grantee>,
    keys: Places<KeyArn>,
    asked: BTreeMap<Place, AskedKey>,
    /// The keys of each account.
    owners: BTreeMap<AccountId, BTreeSet<Place>>,
    requesters: BTreeMap<AccountId, AskedIam>,
}

/// Things in the order in which they came.
#[derive(Debug)]
struct Places<T> {
    all: Vec<T>,
    places: BTreeMap<T, Place>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { all: Vec::new(), places: BTreeMap::new() }
    }
}

impl<T: Ord + Clone> Places<T> {
    /// The place of something that is there already, or comes now.
    fn take(&mut self, thing: &T) -> Place {
        if let Some(place) = self.of(thing) {
            return place;
        }
        let place = Place::try_from(self.all.len()).unwrap_or(Place::MAX);
        self.all.push(thing.clone());
        self.places.insert(thing.clone(), place);
        place
    }

    fn of(&self, thing: &T) -> Option<Place> {
        self.places.get(thing).copied()
    }

    fn get(&self, place: Place) -> Option<&T> {
        self.all.get(usize::try_from(place).ok()?)
    }
}

impl Asks {
    /// Adds what a line asks for.
    ///
    /// # Errors
    /// An earlier line asks for something else of the same document.
    pub fn add(
        &mut self,
        line: usize,
        (keys, grantees): (&[KeyArn], &[Grantee]),
        terms: Terms,
        policy_name: &PolicyName,
    ) -> Result<(), Disagreement> {
        let places: Vec<Place> = grantees.iter().map(|grantee| self.grantees.take(grantee)).collect();
        for key in keys {
            let place = self.keys.take(key);
            self.owners.entry(key.account).or_default().insert(place);
            let new = || AskedKey { line, terms, needing: Vec::new() };
            let asked = self.asked.entry(place).or_insert_with(new);
            if let Some(member) = difference(asked.terms, terms) {
                let about = About::Key(key.clone());
                return Err(Disagreement { lines: [asked.line, line], about, member });
            }
            let known: BTreeSet<Place> = asked.needing.iter().copied().collect();
            asked.needing.extend(places.iter().filter(|place| !known.contains(place)));
        }
        let requesters: BTreeSet<AccountId> =
            grantees.iter().filter_map(Grantee::attachable).map(|entity| entity.account).collect();
        for account in requesters {
            let new = || AskedIam { line, policy_name: policy_name.clone(), keys: BTreeSet::new() };
            let asked = self.requesters.entry(account).or_insert_with(new);
            if asked.policy_name != *policy_name {
                let (lines, about) = ([asked.line, line], About::Iam(account));
                return Err(Disagreement { lines, about, member: "policy_name" });
            }
            asked.keys.extend(keys.iter().filter_map(|key| self.keys.of(key)));
        }
        Ok(())
    }

    /// The accounts whose documents are asked about, in the order of their ids.
    pub fn accounts(&self) -> BTreeSet<AccountId> {
        self.owners.keys().chain(self.requesters.keys()).copied().collect()
    }

    /// How many pairs of a key and a grantee there are.
    pub fn pairs(&self) -> usize {
        self.asked.values().map(|asked| asked.needing.len()).sum()
    }

    /// How many keys there are.
    pub fn keys(&self) -> usize {
        self.asked.len()
    }

    /// How those who need a key are helped.
    pub fn terms(&self, key: &KeyArn) -> Terms {
        self.asked_of(key).map(|asked| asked.terms).unwrap_or_default()
    }

    fn asked_of(&self, key: &KeyArn) -> Option<&AskedKey> {
        self.asked.get(&self.keys.of(key)?)
    }

    /// The name of the policy in an account's IAM.
    pub fn policy_name(&self, account: AccountId) -> PolicyName {
        self.requesters.get(&account).map(|asked| asked.policy_name.clone()).unwrap_or_default()
    }

    /// The SHA-256 of what an account's part is about.
    pub fn digest(&self, account: AccountId) -> String {
        let mut told = format!("{}\n", self.policy_name(account));
        for (key, needing) in self.needing(account) {
            told.extend([&*key.to_string(), &format!(" {:?}", self.terms(&key))]);
            for grantee in needing {
                told.extend([" ", &grantee.to_string()]);
            }
            told.push('\n');
        }
        sha256(told.as_bytes())
    }

    /// What an account's part is about: its own keys with everybody who needs them, and the keys that its users, roles and
    /// groups need with these.
    pub fn needing(&self, account: AccountId) -> BTreeMap<KeyArn, Vec<Grantee>> {
        let needed = self.requesters.get(&account).into_iter().flat_map(|asked| &asked.keys);
        let own = self.owners.get(&account).into_iter().flatten();
        let places: BTreeSet<Place> = own.chain(needed).copied().collect();
        let needing = |key: &KeyArn, place: Place| {
            let places = self.asked.get(&place).into_iter().flat_map(|asked| &asked.needing);
            let all = places.filter_map(|place| self.grantees.get(*place));
            let is_own = |grantee: &&Grantee| grantee.attachable().is_some_and(|own| own.account == account);
            all.filter(|grantee| key.account == account || is_own(grantee)).cloned().collect()
        };
        let keys = places.into_iter().filter_map(|place| Some((self.keys.get(place)?, place)));
        keys.map(|(key, place)| (key.clone(), needing(key, place))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{CoverageRule, Profile, Purpose};

    const KEYS: [&str; 2] = [
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:eu-west-1:777788889999:key/0987dcba-09fe-87dc-65ba-ab0987654321",
    ];
    const ROLES: [&str; 2] = ["arn:aws:iam::444455556666:role/app", "arn:aws:iam::777788889999:role/app"];

    const LEAST: Terms =
        Terms { purpose: Purpose::Launch, profile: Profile::LeastPrivilege, coverage: CoverageRule::Named };

    fn add(
        asks: &mut Asks,
        line: usize,
        (keys, roles): (&[usize], &[usize]),
        terms: Terms,
    ) -> Result<(), String> {
        let asked = (&*self::keys(keys), &*self::roles(roles));
        asks.add(line, asked, terms, &PolicyName::default()).map_err(|error| error.to_string())
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
        for (line, asked) in
            [([0].as_slice(), [1, 0].as_slice()), (&[1], &[1]), (&[1], &[1, 0])].iter().enumerate()
        {
            add(&mut asks, line + 1, *asked, Terms::default()).unwrap();
        }
        let accounts: Vec<String> = asks.accounts().iter().map(ToString::to_string).collect();
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
    fn lines_that_disagree_about_a_document_are_told_with_both_numbers() {
        let mut asks = Asks::default();
        add(&mut asks, 3, (&[0], &[0]), Terms::default()).unwrap();
        // Another key is another document, also for a role that has both.
        add(&mut asks, 5, (&[1], &[1, 0]), LEAST).unwrap();
        assert_eq!(
            keys(&[0, 1]).iter().map(|key| asks.terms(key)).collect::<Vec<_>>(),
            [Terms::default(), LEAST]
        );
        let [first, second] = KEYS;
        for (line, asked, terms, told) in [
            (9, 0, LEAST, format!("lines 3 and 9 disagree about the key `{first}`: `profile` differs")),
            (
                10,
                1,
                Terms { purpose: Purpose::Start, ..LEAST },
                format!("lines 5 and 10 disagree about the key `{second}`: `purpose` differs"),
            ),
        ] {
            assert_eq!(add(&mut asks, line, (&[asked], &[1]), terms).unwrap_err(), told);
        }
    }

    #[test]
    fn an_accounts_policies_have_one_name() {
        let mut asks = Asks::default();
        let other: PolicyName = "Other".parse().unwrap();
        add(&mut asks, 1, (&[0], &[0]), Terms::default()).unwrap();
        // The account of the key has a name of its own for what its roles need.
        asks.add(2, (&keys(&[0]), &roles(&[1])), Terms::default(), &other).unwrap();
        assert_eq!(asks.policy_name(account("777788889999")), other);
        let error = asks.add(4, (&keys(&[1]), &roles(&[0])), Terms::default(), &other).unwrap_err();
        assert_eq!(
            error.to_string(),
            "lines 1 and 4 disagree about the IAM policies of account 444455556666: `policy_name` differs"
        );
    }
}
