//! AWS's limits on documents.

/// The most bytes that PutKeyPolicy takes.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html>
pub(in crate::plan) const KEY_POLICY_BYTES: usize = 32_768;

/// A managed policy's size as IAM counts it.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub(in crate::plan) fn size_without_white_space(text: &str) -> usize {
    text.chars().filter(|character| !character.is_whitespace()).count()
}
