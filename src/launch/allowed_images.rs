//! Whether an account's Allowed AMIs setting lets an image in, and what of the setting is newer than this program.

use crate::arn::AccountId;
use crate::observation::ec2::{AllowedImages, Image, ImageCriterion};
use crate::policy::pattern;

/// The states of a setting.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetAllowedImagesSettings.html>
const STATES: [&str; 3] = ["disabled", "enabled", "audit-mode"];

/// Whether nothing of a setting is newer, so that it can be written again as a whole.
pub(super) fn is_understood(settings: &AllowedImages) -> bool {
    settings.managed_by == "account" && what_is_newer(settings).is_none()
}

/// Whether a setting lets an image in; `None` where that depends on what is not read, such as its age.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-allowed-amis.html>
pub(super) fn is_allowed(settings: &AllowedImages, image: &Image) -> Option<bool> {
    match settings.state.as_str() {
        "disabled" => return Some(true),
        "enabled" | "audit-mode" => {}
        _ => return None,
    }
    let verdicts: Vec<Option<bool>> =
        settings.criteria.iter().map(|criterion| meets(criterion, image)).collect();
    match () {
        () if verdicts.contains(&Some(true)) => Some(true),
        () if verdicts.contains(&None) => None,
        () => Some(false),
    }
}

fn meets(criterion: &ImageCriterion, image: &Image) -> Option<bool> {
    let owner = image.owner.to_string();
    let is_owner = |provider: &String| *provider == owner || Some(provider) == image.owner_alias.as_ref();
    let by_owner = match criterion.providers.as_slice() {
        [] => Some(true),
        providers if providers.iter().any(is_owner) => Some(true),
        providers if providers.iter().all(|provider| is_known_provider(provider)) => Some(false),
        _ => None,
    };
    let by_name =
        criterion.names.is_empty() || criterion.names.iter().any(|name| pattern::matches(name, &image.name));
    let is_more = !criterion.product_codes.is_empty()
        || criterion.days_since_created.is_some()
        || criterion.days_since_deprecated.is_some()
        || !criterion.unknown.is_empty();
    match (by_owner, by_name, is_more) {
        (Some(false), ..) | (_, false, _) => Some(false),
        (Some(true), true, false) => Some(true),
        _ => None,
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImageCriterion.html>
fn is_known_provider(provider: &str) -> bool {
    ["amazon", "aws-marketplace", "aws-backup-vault", "none"].contains(&provider)
        || provider.parse::<AccountId>().is_ok()
}

/// What of a setting is newer than keymend, in words.
pub(super) fn what_is_newer(settings: &AllowedImages) -> Option<String> {
    if !STATES.contains(&settings.state.as_str()) {
        return Some(format!("the state `{}`", settings.state));
    }
    let of = |criterion: &ImageCriterion| {
        let providers = criterion.providers.iter().filter(|provider| !is_known_provider(provider));
        criterion.unknown.iter().chain(providers).cloned().collect::<Vec<String>>()
    };
    let unknown: Vec<String> = settings.criteria.iter().flat_map(of).collect();
    (!unknown.is_empty()).then(|| format!("criteria with `{}`", unknown.join("`, `")))
}
