//! The file of settings.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{ACCOUNT_PROFILE, Config, Origin, SETTINGS, Setting, all_names};
use crate::cli::settings::accounts::account_id;
use crate::error::UsageError;

/// Reads what a file sets.
pub(super) fn read(file: &Path, config: &mut Config) -> Result<(), UsageError> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        UsageError::new(format!("the settings in `{}` can't be read: {error}", file.display()))
            .hint("--config FILE names another file, --config /dev/null none")
    })?;
    let page = Page { file, text: &text };
    let table = DeTable::parse(&text)
        .map_err(|error| page.mistake(error.span(), error.message(), "it is a TOML file: KEY = \"VALUE\""))?;
    for (key, value) in table.get_ref() {
        let name = key.get_ref().as_ref();
        let known = SETTINGS.iter().find(|setting| setting.name == name);
        let setting = known.ok_or_else(|| {
            let told = format!("`{name}` is nothing that a file sets");
            page.mistake(
                Some(key.span()),
                &told,
                &format!("a file sets {}; all else is typed each time", all_names()),
            )
        })?;
        page.set(setting, value, config)?;
    }
    Ok(())
}

/// A file, to tell where in it something is.
struct Page<'p> {
    file: &'p Path,
    text: &'p str,
}

impl Page<'_> {
    fn set(
        &self,
        setting: &Setting,
        value: &Spanned<DeValue<'_>>,
        config: &mut Config,
    ) -> Result<(), UsageError> {
        match (value.get_ref(), setting.name) {
            (DeValue::Table(profiles), ACCOUNT_PROFILE) => {
                profiles.iter().try_for_each(|(account, profile)| {
                    self.set_profile(account.get_ref(), account.span(), profile, config)
                })
            }
            (DeValue::Integer(number), name) if name.ends_with("-timeout") || name == "rate" => {
                config.set(setting, number.as_str(), &self.origin(&value.span()))
            }
            (DeValue::String(text), name) if name != ACCOUNT_PROFILE => {
                config.set(setting, text, &self.origin(&value.span()))
            }
            _ => {
                let form = match setting.name {
                    ACCOUNT_PROFILE => "it is a table: [account-profile], and below it lines such as \"444455556666\" = \"PROFILE\"".to_owned(),
                    name if name.ends_with("-timeout") => format!("it is a number: {name} = 10"),
                    name => format!("it is a text: {name} = \"…\""),
                };
                Err(self.mistake(Some(value.span()), &format!("{} has another form", setting.name), &form))
            }
        }
    }

    fn set_profile(
        &self,
        account: &str,
        at: Range<usize>,
        profile: &Spanned<DeValue<'_>>,
        config: &mut Config,
    ) -> Result<(), UsageError> {
        let told = |error: UsageError| error.within(&self.origin(&at).to_string());
        let id = account_id(account).map_err(told)?;
        let DeValue::String(name) = profile.get_ref() else {
            return Err(self.mistake(
                Some(profile.span()),
                "a profile's name is a text",
                "for example \"444455556666\" = \"prod\"",
            ));
        };
        if name.is_empty() {
            return Err(self.mistake(
                Some(profile.span()),
                "a profile has a name",
                "leave the line out where none serves",
            ));
        }
        if config.profiles.insert(id, (name.to_string(), self.origin(&at))).is_some() {
            return Err(self.mistake(
                Some(at),
                &format!("two profiles are given for account {id}"),
                "leave one of them out",
            ));
        }
        Ok(())
    }

    fn origin(&self, at: &Range<usize>) -> Origin {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        Origin::File(self.file.to_owned(), before.matches('\n').count() + 1)
    }

    fn mistake(&self, at: Option<Range<usize>>, told: &str, hint: &str) -> UsageError {
        let origin = self.origin(&at.unwrap_or_default());
        UsageError::new(format!("{origin}: {told}")).hint(hint)
    }
}
