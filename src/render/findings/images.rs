//! What is said of images and snapshots.

use super::{Words, commands};
use crate::access::Purpose;
use crate::arn::AccountId;
use crate::observation::UnreadReason;
use crate::plan::finding::ImageFinding;
use crate::plan::finding::image::{NewerImage, SettingChange, SharingDoubt};

pub(super) fn words(found: &ImageFinding) -> Words {
    match found {
        ImageFinding::OutOfUse { image, state, owner } => {
            let command = commands::enable_image(image);
            Words {
                message: format!("the image is {state}: nothing launches from it"),
                hint: (state == "disabled")
                    .then(|| format!("enable it, as its owner, account {owner}\n{command}")),
            }
        }
        ImageFinding::SnapshotOutOfUse { state } => {
            Words::new(format!("the snapshot is {state}: nothing launches from it"))
        }
        ImageFinding::NothingEncrypted { purpose } => Words::new(match purpose {
            Purpose::Launch => {
                "none of its snapshots is encrypted: no key of theirs stands in the way of a launch"
            }
            Purpose::Start => "none of its volumes is encrypted: no key stands in the way of a start",
        }),
        ImageFinding::NotShared { account, image, owner, is_read } => {
            let why = if *is_read {
                "its launch permission does not name the account"
            } else {
                "the account does not see it"
            };
            let command = commands::share_image(image, *account);
            Words::new(format!("account {account} may not launch the image: {why}"))
                .hint(format!("share it, as its owner, account {owner}\n{command}"))
        }
        ImageFinding::NotSeen { account } => Words::new(format!(
            "account {account} does not see the image: its own Allowed AMIs setting, its organization, or a missing launch \
             permission keeps it out"
        )),
        ImageFinding::SharingUnknown { account, why } => sharing_unknown(*account, why),
        ImageFinding::KeptOut { account, owner, is_enabled, way_out } => {
            kept_out(*account, *owner, *is_enabled, way_out)
        }
        ImageFinding::Untold { image: Some(image) } => Words::new(format!(
            "the launch template names `{image}` in the place of an image: what it stands for was not looked at, nor the \
             keys of its snapshots"
        ))
        .hint("give what it stands for with --ami"),
        ImageFinding::Untold { image: None } => Words::new(
            "the launch template names no image: the keys of what is launched by it were not looked at",
        )
        .hint("give the image that whoever launches by it names with --ami"),
        ImageFinding::SnapshotUnseen => {
            Words::new("the snapshot is not shown to the accounts that asked, or gone: its key can't be told")
                .hint("give credentials of its owner, --account-profile OWNER=PROFILE, or its key, --key ARN")
        }
        ImageFinding::SnapshotNotShared { account, snapshot } => {
            let command = commands::share_snapshot(snapshot, *account);
            Words::new(format!(
                "the snapshot is not shared with account {account}: a launch does not need that, a copy of the image does \
                 (CopyImage)"
            ))
            .hint(format!("to let it copy the image, share the snapshot too\n{command}"))
        }
        ImageFinding::Newer(word) => newer(word),
    }
}

fn sharing_unknown(account: AccountId, why: &SharingDoubt) -> Words {
    let (reason, unread) = match why {
        SharingDoubt::Unread(reason) => (reason.to_string(), Some(reason)),
        SharingDoubt::Newer(shares) => {
            (format!("it is shared in a way that keymend does not know (`{}`)", shares.join("`, `")), None)
        }
        SharingDoubt::Organization => (
            format!("it is shared with an organization, and whether account {account} is in it is not told"),
            None,
        ),
    };
    Words::new(format!("whether account {account} may launch the image is not known: {reason}"))
        .hint(how_to_read(account, unread))
}

/// What the operator needs to have an account's side of a launch read.
pub(super) fn how_to_read(account: AccountId, reason: Option<&UnreadReason>) -> String {
    match reason {
        Some(UnreadReason::NoCredentials(_)) => {
            format!("give credentials: --account-profile {account}=PROFILE")
        }
        Some(
            UnreadReason::NotAsked
            | UnreadReason::NotLookedAt
            | UnreadReason::NotPermitted { .. }
            | UnreadReason::Refused(_)
            | UnreadReason::Other(_),
        )
        | None => {
            format!("`keymend permissions --account {account} --ami` prints what the operator needs there")
        }
    }
}

fn kept_out(account: AccountId, owner: AccountId, is_enabled: bool, way_out: &SettingChange) -> Words {
    let setting = format!("the Allowed AMIs setting of account {account}");
    let words = Words::new(if is_enabled {
        format!("{setting} keeps out images of account {owner}")
    } else {
        format!("{setting} is in audit mode: enabled, it would keep out images of account {owner}")
    });
    words.hint(match way_out {
        SettingChange::Criteria { region, criteria } => {
            let command = commands::allow_owner(region, criteria, owner);
            format!("allow images of account {owner}, in account {account}\n{command}")
        }
        SettingChange::DeclarativePolicy => {
            "its organization's declarative policy for EC2 decides: allow images of the owner there".to_owned()
        }
        SettingChange::ByHand => format!(
            "allow images of account {owner} there, by hand: the setting has what keymend does not know, and a command that \
             replaces it would drop that"
        ),
    })
}

fn newer(word: &NewerImage) -> Words {
    let (what, so) = match word {
        NewerImage::State(state) => {
            (format!("the image's state is `{state}`"), "whether anything launches from it")
        }
        NewerImage::SnapshotState(state) => {
            (format!("the snapshot's state is `{state}`"), "whether anything launches from it")
        }
        NewerImage::Encryption(told) => {
            (format!("EC2 tells of its encryption `{}`", told.join("`, `")), "which keys a launch needs")
        }
        NewerImage::Setting { account, what } => (
            format!("the Allowed AMIs setting of account {account} has {what}"),
            "whether it lets the image in",
        ),
    };
    Words::new(format!("{what}, which keymend does not know: {so} can't be told"))
        .hint("look it up in EC2's API reference, or use a newer keymend")
}
