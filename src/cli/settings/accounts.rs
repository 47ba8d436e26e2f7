//! Account ids as people type and copy them.

use std::borrow::Cow;

use crate::arn::AccountId;
use crate::error::UsageError;

/// The console shows ids in groups, `4444-5555-6666`; anything else is as it was.
pub(super) fn ungrouped(text: &str) -> Cow<'_, str> {
    let groups: Vec<&str> = text.split('-').collect();
    let is_group = |group: &&str| group.len() == 4 && group.bytes().all(|byte| byte.is_ascii_digit());
    if groups.len() == 3 && groups.iter().all(is_group) { groups.concat().into() } else { text.into() }
}

/// An account id, as the console shows it too.
///
/// # Errors
/// It is none.
pub fn account_id(text: &str) -> Result<AccountId, UsageError> {
    ungrouped(text).parse().map_err(|_| {
        UsageError::new(format!("`{text}` is not an account id of 12 digits"))
            .hint("`aws sts get-caller-identity` shows the account of your credentials")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_as_the_console_shows_them() {
        for text in ["444455556666", "4444-5555-6666"] {
            assert_eq!(account_id(text).unwrap().to_string(), "444455556666");
        }
        for text in
            ["4444-55556666", "4444-5555-666", "44-445555-6666", "-4444-5555-6666", "4444-5555-666é", ""]
        {
            let told = account_id(text).unwrap_err().to_string();
            assert_eq!(told, format!("`{text}` is not an account id of 12 digits"));
        }
    }
}
