//! The ways out that are no change of ours, as commands of the AWS CLI.

use serde_json::{Value, json};

use crate::arn::AccountId;
use crate::observation::ec2::ImageCriterion;
use crate::plan::finding::Placed;
use crate::plan::finding::launch_key::Copied;
use crate::shell::{self, command};

/// Lets an account launch an image.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharingamis-explicit.html>
pub(super) fn share_image(image: &Placed, account: AccountId) -> String {
    let permission = format!("Add=[{{UserId={account}}}]");
    let Placed { region, id } = image;
    let words = ["aws", "ec2", "modify-image-attribute", "--region", region, "--image-id", id];
    command(words.into_iter().chain(["--launch-permission", &permission]))
}

/// Lets somebody launch an image, an account by way of example.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/share-amis-with-organizations-and-OUs.html>
pub(super) fn share_image_with_anybody(Placed { region, id }: &Placed) -> String {
    let words = ["aws", "ec2", "modify-image-attribute", "--region", region, "--image-id", id];
    command(words.into_iter().chain(["--launch-permission", "Add=[{UserId=ACCOUNT}]"]))
}

/// Has EC2 report which accounts use an image.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/ec2/create-image-usage-report.html>
pub(super) fn report_usage(Placed { region, id }: &Placed) -> String {
    let words = ["aws", "ec2", "create-image-usage-report", "--region", region, "--image-id", id];
    let kinds = ["--resource-types", "ResourceType=ec2:Instance", "ResourceType=ec2:LaunchTemplate"];
    command(words.into_iter().chain(kinds))
}

/// Shows the keys that a launch template names.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/ec2/describe-launch-template-versions.html>
pub(super) fn keys_of_launch_template(region: &str) -> String {
    let words = ["aws", "ec2", "describe-launch-template-versions", "--region", region];
    let which = ["--launch-template-id", "LAUNCH_TEMPLATE", "--query"];
    let query = "LaunchTemplateVersions[].LaunchTemplateData.BlockDeviceMappings[].Ebs.KmsKeyId";
    command(words.into_iter().chain(which).chain([query]))
}

/// Brings a disabled image back.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/disable-an-ami.html>
pub(super) fn enable_image(Placed { region, id }: &Placed) -> String {
    command(["aws", "ec2", "enable-image", "--region", region, "--image-id", id])
}

/// Lets an account copy a snapshot.
///
/// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html>
pub(super) fn share_snapshot(Placed { region, id }: &Placed, account: AccountId) -> String {
    let account = account.to_string();
    let words = ["aws", "ec2", "modify-snapshot-attribute", "--region", region, "--snapshot-id", id];
    let change = ["--attribute", "createVolumePermission", "--operation-type", "add", "--user-ids", &account];
    command(words.into_iter().chain(change))
}

/// Makes a key and copies an image or a snapshot under it; then shares the copy and mends access to the key.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/CopyingAMIs.html>,
/// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html>
pub(super) fn copy_under_new_key(region: &str, what: &Copied, accounts: &[AccountId]) -> Vec<String> {
    let region_words = ["--region", region];
    let make_key = command(
        ["aws", "kms", "create-key"].into_iter().chain(region_words).chain(["--query", "KeyMetadata.Arn"]),
    );
    let mut commands = vec![format!("KEY=$({make_key} --output text)")];
    let users: Vec<String> = accounts.iter().map(ToString::to_string).collect();
    let grantees: Vec<String> = users.iter().map(|account| format!("--account {account}")).collect();
    let grantees = grantees.join(" ");
    match what {
        Copied::Image { id, name } => {
            // A name has 128 characters at most.
            let name = format!("{}-shareable", name.chars().take(118).collect::<String>());
            let copy = ["aws", "ec2", "copy-image"].into_iter().chain(region_words);
            let source = ["--source-region", region, "--source-image-id", id, "--name", &name, "--encrypted"];
            let copy = command(copy.chain(source));
            let permission: Vec<String> =
                users.iter().map(|account| format!("{{UserId={account}}}")).collect();
            let permission = shell::quote(&format!("Add=[{}]", permission.join(","))).into_owned();
            let region = shell::quote(region);
            commands.push(format!("AMI=$({copy} --kms-key-id \"$KEY\" --query ImageId --output text)"));
            commands.push(format!("aws ec2 wait image-available --region {region} --image-ids \"$AMI\""));
            commands.push(format!(
                "aws ec2 modify-image-attribute --region {region} --image-id \"$AMI\" --launch-permission {permission}"
            ));
            commands.push(format!("keymend fix --region {region} --ami \"$AMI\" {grantees}"));
        }
        Copied::Snapshot(snapshot) => {
            let copy = ["aws", "ec2", "copy-snapshot"].into_iter().chain(region_words);
            let source = ["--source-region", region, "--source-snapshot-id", snapshot, "--encrypted"];
            let copy = command(copy.chain(source));
            let region = shell::quote(region);
            commands
                .push(format!("SNAPSHOT=$({copy} --kms-key-id \"$KEY\" --query SnapshotId --output text)"));
            commands.push(format!(
                "aws ec2 wait snapshot-completed --region {region} --snapshot-ids \"$SNAPSHOT\""
            ));
            commands.push(format!(
                "aws ec2 modify-snapshot-attribute --region {region} --snapshot-id \"$SNAPSHOT\" --attribute \
                 createVolumePermission --operation-type add --user-ids {}",
                users.join(" ")
            ));
            commands.push(format!("keymend fix --region {region} --snapshot \"$SNAPSHOT\" {grantees}"));
        }
    }
    commands
}

/// Adds an owner to those whose images an account lets itself use. The call replaces all criteria, so the others are
/// given again.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceImageCriteriaInAllowedImagesSettings.html>
pub(super) fn allow_owner(region: &str, criteria: &[ImageCriterion], owner: AccountId) -> String {
    let owner = owner.to_string();
    let mut criteria: Vec<Value> = criteria.iter().map(criterion).collect();
    criteria.push(json!({"ImageProviders": [owner]}));
    let criteria = Value::from(criteria).to_string();
    let words = ["aws", "ec2", "replace-image-criteria-in-allowed-images-settings", "--region", region];
    command(words.into_iter().chain(["--image-criteria", &criteria]))
}

fn criterion(criterion: &ImageCriterion) -> Value {
    let mut members = serde_json::Map::new();
    let lists = [
        ("ImageProviders", &criterion.providers),
        ("ImageNames", &criterion.names),
        ("MarketplaceProductCodes", &criterion.product_codes),
    ];
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        members.insert(name.to_owned(), json!(list));
    }
    if let Some(days) = criterion.days_since_created {
        members.insert("CreationDateCondition".to_owned(), json!({"MaximumDaysSinceCreated": days}));
    }
    if let Some(days) = criterion.days_since_deprecated {
        members.insert("DeprecationTimeCondition".to_owned(), json!({"MaximumDaysSinceDeprecated": days}));
    }
    members.into()
}
