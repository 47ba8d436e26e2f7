//! What a survey found, for people and for programs.

mod causes;
mod html;
mod manifest;
mod records;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use super::text::names;
use crate::access::Grantee;
use crate::arn::{AccountId, Members};
use crate::plan::conclusion::Conclusion;
use crate::plan::survey::{Gap, LackingGroup, Party, Survey, SurveyedPlace};

pub use causes::{cause, causes, not_considered};
pub use html::html;
pub use manifest::manifest;
pub use records::{csv, json_lines};
pub use text::text;

pub(super) use records::{GapOutput, GroupOutput, PairOutput, PlaceOutput};

/// `account 444455556666`, `organization o-a1b2c3d4e5`
fn party(party: &Party) -> String {
    match party {
        Party::Grantee(grantee) => names::grantee(grantee),
        Party::Everybody => "everybody, as the AMI is public".to_owned(),
        Party::Newer(word) => format!("`{word}`, which keymend does not know"),
    }
}

/// `43 accounts and 1 organization`, and whether that is more than one.
fn counted(parties: &BTreeSet<&Party>) -> (String, bool) {
    let count = |is: fn(&Party) -> bool| parties.iter().filter(|party| is(party)).count();
    let kinds = [
        (count(|party| matches!(party, Party::Grantee(grantee) if grantee.members().is_none())), "account"),
        (count(|party| is_members(party, |of| matches!(of, Members::Organization(_)))), "organization"),
        (count(|party| is_members(party, |of| matches!(of, Members::Unit(_)))), "OU"),
        (count(|party| matches!(party, Party::Newer(_))), "other"),
    ];
    let told = kinds.into_iter().filter(|(count, _)| *count > 0);
    let told = told.map(|(count, noun)| names::counted(count, noun));
    let everybody = count(|party| *party == Party::Everybody) > 0;
    (names::list(told.chain(everybody.then(|| "everybody".to_owned()))), parties.len() > 1)
}

fn is_members(party: &Party, is: impl Fn(&Members) -> bool) -> bool {
    matches!(party, Party::Grantee(grantee) if grantee.members().is_some_and(is))
}

/// A party as programs have it: ARN, id or path; `*` for everybody.
fn party_id(party: &Party) -> String {
    match party {
        Party::Grantee(grantee) => grantee.to_string(),
        Party::Everybody => "*".to_owned(),
        Party::Newer(word) => word.clone(),
    }
}

/// What kind of party it is, in a word.
fn party_kind(party: &Party) -> &'static str {
    match party {
        Party::Grantee(Grantee::Members(Members::Organization(_))) => "organization",
        Party::Grantee(Grantee::Members(Members::Unit(_))) => "ou",
        Party::Grantee(_) => "account",
        Party::Everybody => "everybody",
        Party::Newer(_) => "other",
    }
}

/// What becomes of a group's launches, as the rest of a sentence that begins with who they are.
fn verdict(group: &LackingGroup<'_>, is_several: bool) -> String {
    let lacking: Vec<String> = group.lacking().iter().map(|statement| format!("\"{statement}\"")).collect();
    match group.conclusion {
        _ if !lacking.is_empty() => {
            format!("{} {}", if is_several { "lack" } else { "lacks" }, names::list(lacking))
        }
        Conclusion::Unknown => "may or may not be able to launch".to_owned(),
        Conclusion::CanLaunch | Conclusion::Missing => "can't launch yet".to_owned(),
        Conclusion::Blocked => "can't launch".to_owned(),
    }
}

fn conclusion_word(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::CanLaunch => "can_launch",
        Conclusion::Unknown => "unknown",
        Conclusion::Missing => "missing",
        Conclusion::Blocked => "blocked",
    }
}

/// What was looked at, and how many launches work: an AMI by one of those it is shared with.
fn summary(survey: &Survey) -> Vec<String> {
    let accounts: BTreeSet<_> = survey.places.iter().map(|SurveyedPlace { account, .. }| account).collect();
    let regions: BTreeSet<_> = survey.places.iter().map(|place| &place.region).collect();
    let encrypted: usize = survey.places.iter().map(|place| place.encrypted).sum();
    let keys: BTreeSet<_> = survey.pairs().map(|(_, pair)| &*pair.key).collect();
    let parties: BTreeSet<&Party> = survey.pairs().map(|(_, pair)| &*pair.party).collect();
    let looked = format!(
        "{} in {} looked at: {} found, {} shared",
        names::counted(accounts.len(), "account"),
        names::counted(regions.len(), "Region"),
        names::counted(encrypted, "encrypted AMI"),
        survey.images.len(),
    );
    if survey.images.is_empty() {
        return vec![format!("{looked}.")];
    }
    let with = if parties.is_empty() { String::new() } else { format!(" with {}", counted(&parties).0) };
    let looked = format!("{looked}{with}, under {}.", names::counted(keys.len(), "key"));
    let mut launches: Vec<Conclusion> = Vec::new();
    for image in &survey.images {
        let mut worst: BTreeMap<&Party, Conclusion> = BTreeMap::new();
        for pair in &image.pairs {
            let least = if image.is_in_doubt { Conclusion::Unknown } else { Conclusion::CanLaunch };
            let own = worst.entry(&pair.party).or_insert(least);
            *own = pair.conclusion.max(*own);
        }
        launches.extend(worst.into_values());
    }
    let count = |wanted: &[Conclusion]| launches.iter().filter(|own| wanted.contains(own)).count();
    let able = count(&[Conclusion::CanLaunch]);
    let unknown = count(&[Conclusion::Unknown]);
    let lacking = count(&[Conclusion::Missing, Conclusion::Blocked]);
    let untold = match unknown {
        0 => String::new(),
        some => format!(", and of {some} nobody can tell"),
    };
    vec![
        looked,
        format!(
            "Of {} (an AMI, by one of those it is shared with) {able} can be made, {lacking} can't{untold}.",
            names::counted(launches.len(), "launch").replace("launchs", "launches")
        ),
    ]
}

/// What was not looked at, in the order found: what is the same for several accounts and regions once.
fn gaps(survey: &Survey) -> Vec<Untold<'_>> {
    let mut untold: Vec<Untold<'_>> = Vec::new();
    let mut known: BTreeMap<(Option<&str>, String), usize> = BTreeMap::new();
    for Gap { account, region, resource, reason, message } in &survey.gaps {
        let (resource, message) = (resource.as_deref(), message.replace(&account.to_string(), "ACCOUNT"));
        let index = *known.entry((resource, message.clone())).or_insert(untold.len());
        if index == untold.len() {
            untold.push(Untold { places: BTreeMap::new(), resource, message, may_pass: reason.may_pass() });
        }
        if let Some(same) = untold.get_mut(index) {
            same.places.entry(*account).or_default().extend(region.as_deref());
        }
    }
    untold
}

/// The same thing that was not looked at in some accounts and regions.
struct Untold<'s> {
    places: BTreeMap<AccountId, BTreeSet<&'s str>>,
    resource: Option<&'s str>,
    message: String,
    /// Whether another survey may find it.
    may_pass: bool,
}

impl Untold<'_> {
    /// `account 444455556666 (eu-west-1, us-east-1), ami-0123456789abcdef0`
    fn what(&self) -> String {
        let place = |(account, regions): (&AccountId, &BTreeSet<&str>)| match regions.len() {
            0 => account.to_string(),
            _ => format!("{account} ({})", regions.iter().copied().collect::<Vec<_>>().join(", ")),
        };
        let places = names::accounts(self.places.iter().map(place));
        self.resource.map_or(places.clone(), |resource| format!("{places}, {resource}"))
    }

    fn why(&self) -> String {
        let again = if self.may_pass { "; the same command may find it" } else { "" };
        format!("{}{again}", self.message)
    }
}

/// What was not looked at besides gaps: what accounts have set for themselves, and what has a say.
fn besides(survey: &Survey) -> Vec<String> {
    let unseen = &survey.unseen;
    let own = (!unseen.is_empty()).then(|| {
        format!(
            "what {} that AMIs are shared with {} set for {} (default EBS key, Allowed AMIs): no credentials",
            names::counted(unseen.len(), "account"),
            if unseen.len() == 1 { "has" } else { "have" },
            if unseen.len() == 1 { "itself" } else { "themselves" },
        )
    });
    own.into_iter().chain(survey.not_considered.iter().cloned()).collect()
}
