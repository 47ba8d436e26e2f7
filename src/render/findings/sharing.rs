//! What is said of those whom images are shared with.

use super::{Words, commands};
use crate::plan::finding::SharingFinding;

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
        SharingFinding::Newer { shares } => Words::new(format!(
            "the image is shared in a way that keymend does not know (`{}`): whom that means can't be told",
            shares.join("`, `")
        ))
        .hint("look it up in EC2's API reference, or use a newer keymend"),
    }
}
