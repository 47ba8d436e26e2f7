//! From images, instances and events to what is asked about them.

use std::io;

use super::console::Console;
use crate::access::chain::Chain;
use crate::access::{GranteeRef, Request, UnresolvedRequest};
use crate::cli::settings::Mode;
use crate::cloud::Observe;
use crate::cloud::ec2::ObserveEc2;
use crate::error::{Error, UsageError};
use crate::launch::{self, Targets};

/// Follows the way to keys and to those who launch, and adds what it comes to to what is asked.
pub(super) async fn find(
    mut asked: UnresolvedRequest,
    targets: &Targets,
    cloud: &(impl Observe + ObserveEc2),
) -> Result<(UnresolvedRequest, Chain), Error> {
    if targets.is_empty() {
        return Ok((asked, Chain::default()));
    }
    let mut chain = launch::trace(targets, &asked, cloud).await?;
    launch::complete(&mut asked, &mut chain)?;
    Ok((asked, chain))
}

/// Grantees that were named more than once are told.
pub(super) fn tell_repeated(repeated: &[GranteeRef], console: &mut Console) -> io::Result<()> {
    repeated
        .iter()
        .try_for_each(|grantee| console.hint(&format!("`{grantee}` is named more than once; once is enough")))
}

/// Events that were passed over are told.
pub(super) fn tell_other_events(others: usize, console: &mut Console) -> io::Result<()> {
    if others == 0 {
        return Ok(());
    }
    console.hint(&format!(
        "events of CloudTrail that are no refusals of what a launch does are passed over: {others}"
    ))
}

/// A whole account is let in beforehand, without a question, only where somebody named it.
///
/// # Errors
/// Nobody is asked, and the request has an account that was derived from an instance.
pub(super) fn require_named_accounts(
    chain: &Chain,
    request: &Request,
    mode: Mode,
    way_out: &str,
) -> Result<(), UsageError> {
    match chain.derived_accounts(request).first() {
        Some(account) if mode == Mode::Yes => Err(UsageError::new(format!(
            "the account {account} would be let in as a whole, and nobody named it"
        ))
        .hint(way_out.replace("ACCOUNT", &account.to_string()))),
        _ => Ok(()),
    }
}
