//! What a survey finds: the encrypted images that accounts share, whom with, and who can't launch them and why.

mod groups;

use std::collections::BTreeSet;
use std::rc::Rc;

use serde::Serialize;

use super::conclusion::{Conclusion, Remedy};
use crate::access::Grantee;
use crate::arn::{AccountId, KeyArn};

pub use groups::{KeyRow, LackingGroup};

/// All that was found, and what was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// Where images were listed, in the order asked for.
    pub places: Vec<SurveyedPlace>,
    /// The encrypted images that are shared, place by place.
    pub images: Vec<SharedImage>,
    /// What was not looked at, in the order in which it was asked for.
    pub gaps: Vec<Gap>,
    /// The accounts that images are shared with and that no credentials serve: what they have set for themselves was not
    /// looked at.
    pub unseen: BTreeSet<AccountId>,
    /// What has a say in launches and was not considered, in words.
    pub not_considered: BTreeSet<String>,
}

/// An account and a region of which the images were listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyedPlace {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: String,
    /// How many images it owns of which something is encrypted, or may be.
    pub encrypted: usize,
    /// How many of these are encrypted and shared.
    pub shared: usize,
    /// Who asked.
    pub caller: String,
}

/// An encrypted image that is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedImage {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The account that owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: String,
    /// Whether one of its keys could not be read, so that of no launch is known that it can be made.
    pub is_in_doubt: bool,
    /// What is found of each of those it is shared with, with each of its keys.
    pub pairs: Vec<Pair>,
}

/// One of those whom an image is shared with, and one of the image's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The key.
    pub key: Rc<KeyArn>,
    /// Who.
    pub party: Rc<Party>,
    /// Whether they can launch.
    pub conclusion: Conclusion,
    /// What `fix` would do about it.
    pub remedy: Remedy,
    /// Why they can't, or why nobody can tell; nothing where they can.
    pub causes: Rc<BTreeSet<Cause>>,
}

impl Pair {
    /// Whether `fix` has something to write for it.
    pub fn is_mendable(&self) -> bool {
        matches!(self.remedy, Remedy::Fix | Remedy::PartOfIt)
    }
}

/// Whom an image is shared with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// An account, an organization or an OU.
    Grantee(Grantee),
    /// Every account: the image is public.
    Everybody,
    /// Somebody in a form that is newer than this program, in EC2's own words.
    Newer(String),
}

/// Why somebody can't launch, or why nobody can tell. Of many, those with the same causes are told together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schemars(rename = "Cause")]
pub enum Cause {
    /// The key policy allows nothing, or not all, of what a statement of the documented remedy gives.
    Lacks {
        /// The statement's Sid.
        statement: String,
    },
    /// What policies say otherwise.
    Policy {
        /// A sentence without its period; `KEY` and `ACCOUNT` stand for the key's ARN and the account's id.
        message: String,
    },
    /// What is no policy's doing.
    Finding {
        /// Which kind.
        code: super::FindingCode,
        /// A sentence without its period, in the same way.
        message: String,
    },
}

/// Something that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The account that it is in.
    pub account: AccountId,
    /// The region; none where the account as a whole was not looked at.
    pub region: Option<String>,
    /// What, by its id or ARN; none where it is the account, or the account in a region.
    pub resource: Option<String>,
    /// Why.
    pub reason: GapReason,
    /// The same in words.
    pub message: String,
}

/// Why something was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// No credentials serve the account, or its role can't be assumed.
    NoCredentials,
    /// The caller lacks a permission.
    AccessDenied,
    /// AWS takes the credentials in no call there: the region is not enabled for the account.
    RegionNotEnabled,
    /// AWS answered no attempt for the rate of calls.
    Throttled,
    /// Nobody answered, or AWS failed.
    Unreachable,
    /// Anything else.
    Other,
}

impl GapReason {
    /// Whether the same survey may find it another time.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Throttled | Self::Unreachable)
    }
}

impl Survey {
    /// Adds what was found elsewhere.
    pub fn append(&mut self, part: Self) {
        let Self { places, images, gaps, unseen, not_considered } = part;
        self.places.extend(places);
        self.images.extend(images);
        self.gaps.extend(gaps);
        self.unseen.extend(unseen);
        self.not_considered.extend(not_considered);
    }

    /// Each image with each of its pairs.
    pub fn pairs(&self) -> impl Iterator<Item = (&SharedImage, &Pair)> {
        self.images.iter().flat_map(|image| image.pairs.iter().map(move |pair| (image, pair)))
    }

    /// The worst of all that was concluded.
    pub fn worst(&self) -> Conclusion {
        self.pairs().map(|(_, pair)| pair.conclusion).max().unwrap_or(Conclusion::CanLaunch)
    }

    /// Whether nothing that was to be looked at could be.
    pub fn is_unread(&self) -> bool {
        self.places.is_empty() && !self.gaps.is_empty()
    }

    /// Whether another survey may find what this one could not look at.
    pub fn is_incomplete(&self) -> bool {
        self.gaps.iter().any(|gap| gap.reason.may_pass())
    }
}
