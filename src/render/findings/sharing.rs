//! What is said of those whom images are shared with.

use super::{Words, commands};
use crate::arn::AccountId;
use crate::observation::usage::NoReport;
use crate::plan::finding::{Placed, SharingFinding};
use crate::render::text::names;

pub(super) fn words(found: &SharingFinding) -> Words {
    match found {
        // "You can't make an AMI public if it has encrypted snapshots."
        // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharingamis-intro.html
        SharingFinding::Public => Words::new(
            "the image is public, shared with everybody: nobody is let in for that, as its key would be everybody's too, and \
             AWS makes no image public that has encrypted snapshots",
        )
        .hint("name those who launch it: --account, --organization, --principal"),
        SharingFinding::Nobody { image, owner } => {
            let command = commands::share_image_with_anybody(image);
            Words::new("the image is shared with nobody: there is nobody to let in for that").hint(format!(
                "share it, as its owner, account {owner}, with an account (UserId=), an organization (OrganizationArn=) or an \
                 OU (OrganizationalUnitArn=)\n{command}"
            ))
        }
        SharingFinding::KeyAccount { account } => Words::new(format!(
            "the image is shared with account {account}, which owns the key: it is not added for that, as its own IAM may \
             let its users and roles in"
        ))
        .hint(format!("to add it all the same, name it: --account {account}")),
        SharingFinding::Unreported { image, owner, none } => unreported(image, *owner, *none),
        SharingFinding::Reported { report, age, users } => {
            let who = match users.as_slice() {
                [] => "no account that the image is shared with by its id uses it".to_owned(),
                [only] => format!("account {only} uses the image"),
                several => format!("accounts {} use the image", names::list(several)),
            };
            // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/your-ec2-ami-usage.html
            Words::new(format!(
                "by the usage report `{report}`, made {}, {who}; instances of the day before it and launch templates \
                 of the days before it may be missing there",
                ago(*age)
            ))
        }
        SharingFinding::Idle { accounts } => Words::new(format!(
            "the image is shared with {}, by that report without use: not let in",
            names::accounts(accounts.iter())
        ))
        .hint("to let everybody in whom it is shared with, leave --in-use out"),
        SharingFinding::Unshared { accounts } => Words::new(format!(
            "by that report {} used the image, and it is not shared with them now: not let in",
            names::accounts(accounts.iter())
        ))
        .hint("share it with them, or name them: --account"),
        SharingFinding::PerhapsMembers { accounts, members } => Words::new(format!(
            "by that report {} used the image; whether they belong to {} was not looked at: not let in",
            names::accounts(accounts.iter()),
            names::list(members.iter().map(names::members))
        ))
        .hint(
            "the organization's management account tells it: `aws organizations list-parents --child-id ACCOUNT`; name those \
             that do: --account, or leave --in-use out to let the organization in",
        ),
        SharingFinding::Newer { shares } => Words::new(format!(
            "the image is shared in a way that keymend does not know (`{}`): whom that means can't be told",
            shares.join("`, `")
        ))
        .hint("look it up in EC2's API reference, or use a newer keymend"),
    }
}

fn unreported(image: &Placed, owner: AccountId, none: NoReport) -> Words {
    let is_partial = none.partial > 0;
    let message = match (none.is_pending, is_partial) {
        (true, _) => "which accounts use the image is not known: a usage report is being made",
        (false, true) => {
            "which accounts use the image is not known: its usage reports are of some accounts alone, or not of both instances \
             and launch templates"
        }
        (false, false) => "which accounts use the image is not known: there is no usage report",
    };
    let command = commands::report_usage(image);
    Words::new(message).hint(if none.is_pending {
        "run this again when it is there".to_owned()
    } else {
        format!("make one, as its owner, account {owner}, and run this again when it is there\n{command}")
    })
}

/// A time since, in its greatest unit.
fn ago(seconds: u64) -> String {
    let counted = |count: u64, unit: &str| match count {
        1 => format!("1 {unit} ago"),
        _ => format!("{count} {unit}s ago"),
    };
    match seconds / 3600 {
        0 => "less than an hour ago".to_owned(),
        hours @ 1..48 => counted(hours, "hour"),
        hours => counted(hours / 24, "day"),
    }
}
