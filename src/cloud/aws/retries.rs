//! When a read is made again.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};

/// How often a read is tried, where nothing else is configured.
const ATTEMPTS: u32 = 12;

/// Before the second attempt, at most; half of it on average, and twice as much before each further one.
///
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
const FIRST_WAIT: Duration = Duration::from_millis(300);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// How reads are tried again; what is configured for that, `AWS_MAX_ATTEMPTS`, `AWS_RETRY_MODE` and their like in the
/// shared files, counts.
pub(super) fn of_reads(configured: Option<&RetryConfig>, has_attempts: bool) -> RetryConfig {
    let retries = configured.cloned().unwrap_or_else(RetryConfig::standard);
    let attempts = if has_attempts { retries.max_attempts() } else { ATTEMPTS };
    retries.with_max_attempts(attempts).with_initial_backoff(FIRST_WAIT).with_max_backoff(LONGEST_WAIT)
}

/// Attempts are limited for each read. The SDK's quota for all reads together would come on top: it is soon used up
/// where every third call is throttled, and then reads fail that would have passed.
pub(super) fn partition() -> RetryPartition {
    RetryPartition::custom("keymend").token_bucket(TokenBucket::unlimited()).build()
}

#[cfg(test)]
mod tests {
    use aws_config::retry::RetryMode;

    use super::*;

    #[test]
    fn what_is_configured_counts() {
        let standard = RetryConfig::standard();
        for (configured, has_attempts, expected) in [
            (None, false, (RetryMode::Standard, 12)),
            (Some(standard.clone()), false, (RetryMode::Standard, 12)),
            (Some(standard.clone()), true, (RetryMode::Standard, 3)),
            (Some(standard.with_max_attempts(5)), true, (RetryMode::Standard, 5)),
            (Some(RetryConfig::adaptive()), false, (RetryMode::Adaptive, 12)),
        ] {
            let retries = of_reads(configured.as_ref(), has_attempts);
            assert_eq!((retries.mode(), retries.max_attempts()), expected, "{configured:?}");
        }
    }
}
