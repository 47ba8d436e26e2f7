//! What is the same for many, told once: who can't launch, grouped by why.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cause, Pair, Party, SharedImage, Survey};
use crate::access::RequiredStatement;
use crate::arn::KeyArn;
use crate::plan::conclusion::{Conclusion, Remedy};

/// Everybody who can't launch for the same causes, or of whom nobody can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LackingGroup<'s> {
    /// What is concluded.
    pub conclusion: Conclusion,
    /// What `fix` would do about it.
    pub remedy: Remedy,
    /// Why.
    pub causes: &'s BTreeSet<Cause>,
    /// The keys, each with whom it concerns.
    pub rows: Vec<KeyRow<'s>>,
}

/// One key of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow<'s> {
    /// The key.
    pub key: &'s KeyArn,
    /// Who can't launch with it, each with the images under it, by id, that are shared with them.
    pub parties: BTreeMap<&'s Party, BTreeSet<&'s str>>,
}

impl<'s> KeyRow<'s> {
    /// The images that are shared with one of them.
    pub fn images(&self) -> BTreeSet<&'s str> {
        self.parties.values().flatten().copied().collect()
    }
}

impl<'s> LackingGroup<'s> {
    /// Everybody in the group, each once.
    pub fn parties(&self) -> BTreeSet<&'s Party> {
        self.rows.iter().flat_map(|row| row.parties.keys().copied()).collect()
    }

    /// The statements of the documented remedy that the key policies lack, by Sid, in the documented order.
    pub fn lacking(&self) -> Vec<&'s str> {
        let lacks = |cause: &'s Cause| match cause {
            Cause::Lacks { statement } => Some(statement.as_str()),
            Cause::Policy { .. } | Cause::Finding { .. } => None,
        };
        let mut statements: Vec<&str> = self.causes.iter().filter_map(lacks).collect();
        let order = RequiredStatement::documented().map(|documented| documented.key_policy_sid);
        statements.sort_by_key(|statement| order.iter().position(|known| known == statement));
        statements
    }

    /// What else is in the way, in words.
    pub fn others(&self) -> impl Iterator<Item = &'s str> {
        self.causes.iter().filter_map(|cause| match cause {
            Cause::Policy { message } | Cause::Finding { message, .. } => Some(message.as_str()),
            Cause::Lacks { .. } => None,
        })
    }
}

type Why<'s> = (Conclusion, Remedy, &'s BTreeSet<Cause>);

/// Whom a key concerns, with the images under it.
type Concerned<'s> = BTreeMap<&'s Party, BTreeSet<&'s str>>;

impl Survey {
    /// Everybody who can't launch, by why: those groups first that concern most, and of equal ones the worse first.
    pub fn groups<'s>(&'s self) -> Vec<LackingGroup<'s>> {
        let mut by_why: BTreeMap<Why<'s>, BTreeMap<&'s KeyArn, Concerned<'s>>> = BTreeMap::new();
        for (SharedImage { id, .. }, pair) in self.pairs() {
            let Pair { key, party, conclusion, remedy, causes } = pair;
            if *conclusion == Conclusion::CanLaunch {
                continue;
            }
            let keys = by_why.entry((*conclusion, *remedy, causes)).or_default();
            keys.entry(key).or_default().entry(party).or_default().insert(id);
        }
        let mut groups = Vec::new();
        for ((conclusion, remedy, causes), keys) in by_why.into_iter().rev() {
            let rows = keys.into_iter().map(|(key, parties)| KeyRow { key, parties });
            groups.push(LackingGroup { conclusion, remedy, causes, rows: rows.collect() });
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.parties().len()));
        groups
    }

    /// The keys for which `fix` has something to write, each with those whom it would let in.
    pub fn to_mend(&self) -> BTreeMap<&KeyArn, BTreeSet<&Party>> {
        let mut keys: BTreeMap<&KeyArn, BTreeSet<&Party>> = BTreeMap::new();
        for (_, pair) in self.pairs().filter(|(_, pair)| pair.is_mendable()) {
            keys.entry(&pair.key).or_default().insert(&pair.party);
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::access::Grantee;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const OTHER: &str = "arn:aws:kms:eu-west-1:111122223333:key/5678efab-34cd-56ef-78ab-567890abcdef";
    const USE: &str = "Allow use of the key";

    fn account(id: u64) -> Party {
        let id = format!("{id:012}").parse().unwrap();
        Party::Grantee(Grantee::Account { partition: crate::arn::Partition::Aws, id })
    }

    fn lacks() -> Vec<Cause> {
        vec![Cause::Lacks { statement: USE.to_owned() }]
    }

    fn policy(message: &str) -> Vec<Cause> {
        vec![Cause::Policy { message: message.to_owned() }]
    }

    fn pair(key: &str, party: Party, conclusion: Conclusion, remedy: Remedy, causes: Vec<Cause>) -> Pair {
        let (key, party) = (Rc::new(key.parse().unwrap()), Rc::new(party));
        Pair { key, party, conclusion, remedy, causes: Rc::new(causes.into_iter().collect()) }
    }

    fn missing(key: &str, id: u64) -> Pair {
        pair(key, account(id), Conclusion::Missing, Remedy::Fix, lacks())
    }

    fn survey(images: Vec<(&str, Vec<Pair>)>) -> Survey {
        let image = |(id, pairs): (&str, Vec<Pair>)| SharedImage {
            id: id.to_owned(),
            name: String::new(),
            owner: "111122223333".parse().unwrap(),
            region: "eu-west-1".to_owned(),
            is_in_doubt: false,
            pairs,
        };
        Survey { images: images.into_iter().map(image).collect(), ..Survey::default() }
    }

    /// Each group as who, how many keys and images, and why.
    fn told(survey: &Survey) -> Vec<(usize, usize, usize, String)> {
        let of = |group: &LackingGroup<'_>| {
            let images = group.rows.iter().flat_map(KeyRow::images).collect::<BTreeSet<_>>().len();
            let why = group.lacking().into_iter().chain(group.others()).collect::<Vec<_>>().join("; ");
            (group.parties().len(), group.rows.len(), images, why)
        };
        survey.groups().iter().map(of).collect()
    }

    #[test]
    fn whoever_can_not_launch_for_the_same_causes_is_one_group() {
        let able = pair(KEY, account(9), Conclusion::CanLaunch, Remedy::NotNeeded, Vec::new());
        let denied = |id| pair(OTHER, account(id), Conclusion::Blocked, Remedy::Blocked, policy("denied"));
        let both = [lacks(), policy("denied")].concat();
        let lacks_and_denied = pair(OTHER, account(5), Conclusion::Blocked, Remedy::Blocked, both);
        let survey = survey(vec![
            // An account that two images are shared with counts once, and so does their key.
            ("ami-1", vec![missing(KEY, 1), missing(KEY, 2), able]),
            ("ami-2", vec![missing(KEY, 2), missing(OTHER, 3)]),
            ("ami-3", vec![denied(4), denied(1), lacks_and_denied]),
        ]);
        assert_eq!(
            told(&survey),
            [(3, 2, 2, USE.to_owned()), (2, 1, 1, "denied".to_owned()), (1, 1, 1, format!("{USE}; denied")),]
        );
        assert_eq!(survey.worst(), Conclusion::Blocked);
        let to_mend: Vec<usize> = survey.to_mend().values().map(BTreeSet::len).collect();
        assert_eq!(to_mend, [2, 1]);
    }

    #[test]
    fn what_is_mended_and_what_is_not_are_two_groups_for_the_same_cause() {
        let with = |id, conclusion, remedy| pair(KEY, account(id), conclusion, remedy, lacks());
        let survey = survey(vec![(
            "ami-1",
            vec![
                with(1, Conclusion::Unknown, Remedy::Unknown),
                with(2, Conclusion::Missing, Remedy::Fix),
                with(3, Conclusion::Missing, Remedy::Blocked),
            ],
        )]);
        // Of equal ones the worse comes first.
        let groups = survey.groups();
        let conclusions: Vec<_> = groups.iter().map(|group| group.conclusion).collect();
        assert_eq!(conclusions, [Conclusion::Missing, Conclusion::Missing, Conclusion::Unknown]);
        assert_eq!(survey.to_mend().len(), 1);
    }

    #[test]
    fn the_order_of_images_changes_nothing() {
        let images =
            || vec![("ami-1", vec![missing(KEY, 1)]), ("ami-2", vec![missing(OTHER, 2), missing(KEY, 2)])];
        let turned = images().into_iter().rev().collect();
        assert_eq!(survey(images()).groups(), survey(turned).groups());
    }

    #[test]
    fn nothing_is_lacking_where_nothing_is_shared() {
        let nothing = Survey::default();
        assert!(nothing.groups().is_empty() && nothing.to_mend().is_empty());
        assert_eq!(nothing.worst(), Conclusion::CanLaunch);
    }
}
