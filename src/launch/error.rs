//! Why a way from what somebody has to the keys ends.

use crate::arn::AccountId;
use crate::cloud::CloudError;
use crate::observation::UnreadReason;

/// Why the way to the keys could not be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// A read failed.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// Nobody whose credentials are at hand is shown it.
    #[error(
        "the {what} `{id}` does not exist in the region {region}, or is not shared with the accounts that asked"
    )]
    NotFound {
        /// Image, snapshot, volume or instance.
        what: &'static str,
        /// Its id.
        id: String,
        /// Where it was looked for.
        region: String,
        /// The region of a key that was named, where that is another one.
        other_region: Option<String>,
    },
    /// Who launched one image did not launch another one: access to the keys of every image for everyone would be more
    /// than anybody asked for.
    #[error("the instances are of several launchers and images, and not each launched from each image")]
    Unrelated,
    /// In the same way for those who start instances.
    #[error("the instances are not all started by the same, and have volumes under different keys")]
    UnrelatedStarts,
    /// In the same way for those whom images are shared with.
    #[error("the AMIs are under different keys, and not shared with the same")]
    UnrelatedShares,
    /// Whom an image is shared with is asked, and not known.
    #[error("whom the image `{image}` is shared with can't be read: {reason}")]
    SharesUnread {
        /// The image.
        image: String,
        /// Who owns it, and alone may read that.
        owner: AccountId,
        /// Why it was not read.
        reason: UnreadReason,
    },
    /// Who uses an image is asked, and can't be read.
    #[error("who uses the image `{image}` can't be read: {reason}")]
    UsageUnread {
        /// The image.
        image: String,
        /// Who owns it, and alone may read that.
        owner: AccountId,
        /// Why it was not read.
        reason: UnreadReason,
    },
    /// Launching and starting are two questions.
    #[error("the instance `{instance}` is stopped, so it would be started, and {other}")]
    Mixed {
        /// An instance that is stopped.
        instance: String,
        /// What tells of a launch, as the rest of a sentence.
        other: String,
    },
    /// There is nothing that could start.
    #[error("the instance `{instance}` is {state}: it never starts again")]
    NeverStarts {
        /// The instance.
        instance: String,
        /// Its state.
        state: String,
    },
    /// Nobody was named, and letting an account as a whole into its own key is more than an instance asks for.
    #[error(
        "the instance `{instance}` does not tell which user or role of account {account} launched it, and the key is \
         that account's own"
    )]
    Unnamed {
        /// The instance.
        instance: String,
        /// Whose it is, and whose the key is.
        account: AccountId,
        /// The command that tells who launched it.
        command: String,
    },
    /// A record leaves its key out, and what is given besides leads to none.
    #[error(
        "{action} was refused for a key that the event does not tell, and nothing that is given leads to one"
    )]
    KeyUntold {
        /// The call, as IAM names its permission.
        action: String,
    },
    /// A launch names something that is no key.
    #[error("a launch template of account {account} names the key `{key}`, which is no key")]
    StrangeKey {
        /// The account that launches.
        account: AccountId,
        /// What it names.
        key: String,
    },
    /// The snapshots are not shown, and without them no key can be told.
    #[error("the key can't be told: the snapshot `{snapshot}` is not shown to the accounts that asked")]
    NoKey {
        /// The first of them.
        snapshot: String,
        /// Who owns the image.
        owner: Option<AccountId>,
    },
}
