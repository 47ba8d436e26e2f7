//! Where a place for records is, as it is typed.

use std::fmt;
use std::path::{Path, PathBuf};

/// A folder, or `s3://BUCKET/PREFIX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder.
    Folder(PathBuf),
    /// A bucket, and what the names of all objects begin with.
    Bucket {
        /// The bucket.
        bucket: String,
        /// Without slashes around it; empty where the bucket has nothing else.
        prefix: String,
    },
}

/// Why a text tells no place in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLocation {
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
    #[error(
        "a bucket's name has 3 to 63 lowercase letters, digits, dots and hyphens, and begins and ends with one of the first two"
    )]
    Bucket,
    /// Programs would take it for another one.
    #[error("no part of the prefix may be empty, `.` or `..`, or have control characters")]
    Prefix,
}

impl Location {
    /// Takes what was typed.
    ///
    /// # Errors
    /// It begins as a bucket and is none.
    pub fn parse(typed: &Path) -> Result<Self, BadLocation> {
        let Some(rest) = typed.to_str().and_then(|text| text.strip_prefix("s3://")) else {
            return Ok(Self::Folder(typed.to_owned()));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let ends = [bucket.bytes().next(), bucket.bytes().last()];
        let is_bucket = (3..=63).contains(&bucket.len())
            && bucket.bytes().all(|byte| is_alphanumeric(byte) || b".-".contains(&byte))
            && ends.iter().all(|end| end.is_some_and(is_alphanumeric));
        if !is_bucket {
            return Err(BadLocation::Bucket);
        }
        let prefix = match prefix.strip_suffix('/') {
            Some("") => return Err(BadLocation::Prefix),
            Some(prefix) => prefix,
            None => prefix,
        };
        let is_part = |part: &str| !["", ".", ".."].contains(&part) && !part.chars().any(char::is_control);
        if !prefix.is_empty() && !prefix.split('/').all(is_part) {
            return Err(BadLocation::Prefix);
        }
        Ok(Self::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_buckets() {
        let parse = |text: &str| Location::parse(Path::new(text));
        for (text, told) in [
            ("s3://fleet", "s3://fleet"),
            ("s3://fleet/", "s3://fleet"),
            ("s3://my.fleet-1/a/b c/", "s3://my.fleet-1/a/b c"),
        ] {
            let location = parse(text).unwrap();
            assert!(matches!(location, Location::Bucket { .. }));
            assert_eq!(location.to_string(), told);
        }
        for text in ["fleet", "./s3://fleet", "s3:/fleet", "S3://fleet", ""] {
            assert_eq!(parse(text), Ok(Location::Folder(text.into())), "{text}");
        }
        for text in
            ["s3://", "s3:///a", "s3://ab", "s3://Fleet", "s3://-fleet/a", "s3://fleet./a", "s3://a_b_c/d"]
        {
            assert_eq!(parse(text), Err(BadLocation::Bucket), "{text}");
        }
        assert_eq!(parse(&format!("s3://{}", "a".repeat(64))), Err(BadLocation::Bucket));
        assert_eq!(parse("s3://arn:aws:s3:eu-west-1:111122223333:accesspoint/x"), Err(BadLocation::Bucket));
        for text in
            ["s3://fleet//", "s3://fleet/a//b", "s3://fleet/../b", "s3://fleet/a/.", "s3://fleet/a\nb"]
        {
            assert_eq!(parse(text), Err(BadLocation::Prefix), "{text}");
        }
    }
}
