//! The wildcards of policy elements: `*` for any run of characters, `?` for one.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>

/// Whether the whole text matches the pattern. Case counts.
///
/// Backtracks to the last `*` only, so the cost is bounded by the product of both lengths.
pub fn matches(pattern: &str, text: &str) -> bool {
    matches_by(pattern, text, |a, b| a == b)
}

/// Like [`matches()`], with ASCII letters equal in either case, as in action names.
pub fn matches_ignoring_case(pattern: &str, text: &str) -> bool {
    matches_by(pattern, text, |a, b| a.eq_ignore_ascii_case(&b))
}

/// Whether the pattern has a wildcard at all.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn matches_by(pattern: &str, text: &str, same: impl Fn(char, char) -> bool) -> bool {
    let mut pattern = pattern.chars();
    let mut text = text.chars();
    let mut last_star: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let mut rest = pattern.clone();
        let step = rest.next();
        if step == Some('*') {
            pattern = rest;
            last_star = Some((pattern.clone(), text.clone()));
            continue;
        }
        let mut text_rest = text.clone();
        match (step, text_rest.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == '?' || same(wanted, found) => {
                pattern = rest;
                text = text_rest;
            }
            _ => {
                let Some((after_star, star_text)) = &mut last_star else {
                    return false;
                };
                if star_text.next().is_none() {
                    return false;
                }
                pattern = after_star.clone();
                text = star_text.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("kms:*", "kms:Decrypt", true),
            ("kms:?ecrypt", "kms:Decrypt", true),
            ("kms:?ecrypt", "kms:ecrypt", false),
            ("arn:aws:kms:*:*:key/*", "arn:aws:kms:eu-west-1:111122223333:key/1", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("", "", true),
            ("", "a", false),
            ("a", "A", false),
            ("*é?", "caféx", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} ~ {text}");
        }
        assert!(matches_ignoring_case("KMS:decrypt", "kms:Decrypt"));
    }
}
