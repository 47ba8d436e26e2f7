//! Requests as JSON lines in, decisions as JSON lines out.
//!
//! For policy tests and large batches: it streams, and takes apart each document but once. A line in is an
//! object:
//!
//! | member | |
//! |---|---|
//! | `id` | anything; comes back as it is |
//! | `principal` | the ARN of a root, user, role or session, an account id, or the name of a service |
//! | `action` | one KMS action, such as `kms:Decrypt` |
//! | `key` | the key's ARN |
//! | `key_policy` | a policy; without it the outcome is unknown wherever a key policy has a say |
//! | `ram_policy` | the key's policy `AWS_RAM`, where it has one |
//! | `identity_policies` | a list of policies, those of groups included |
//! | `boundary`, `session_policy` | a policy |
//! | `scps` | a list of levels, from the organization's root down, each a list of policies; a level without any allows nothing |
//! | `rcps` | the same of resource control policies, which only ever deny |
//! | `grants` | a list of grants as `ListGrants` gives them: `GranteePrincipal`, `Operations`, `RetiringPrincipal`, `Constraints` |
//! | `context` | an object of condition keys, in any case; a value is a text, a boolean, a number or a list of them; null and the empty list say that the key is absent |
//! | `context_complete` | true: keys that are not in `context` are absent; else they are unknown |
//!
//! What is left out or null is not there. Keys that follow from the principal, the key and KMS, such as
//! `aws:PrincipalArn`, `kms:CallerAccount` and `aws:SecureTransport`, are filled in unless given. Keys that every
//! request has, such as `aws:CurrentTime`, are never absent unless `context` says so: without a value they are
//! unknown.
//!
//! A line out is `{"id", "decision", "statements", "unknown_keys"}`, where `decision` is `allowed`,
//! `explicit_deny`, `implicit_deny` or `unknown`, `statements` are those that decide, each as
//! `{"document": "scps[0][1]", "index": 2, "effect": "Deny", "sid": "…"}` (`document` is the member of the
//! request, `index` counts from 0, and `sid` is left out where there is none), and `unknown_keys` are the
//! condition keys that would settle what is unknown. For a line that is no request it is `{"id", "error"}`,
//! with the id if it can be read. Empty lines are passed over.

mod batch;
mod cache;
mod line;

use std::io::{self, BufRead, Write};

use batch::LONGEST_LINE;
pub use batch::{Batch, Summary};
#[cfg(test)]
pub(super) use cache::MOST_CACHED;

/// Answers each line of the input with a line of the output, in order; a bad line with its error.
///
/// The output is written in small pieces, so it should be buffered; it is flushed whenever the input has nothing
/// more at hand.
///
/// # Errors
/// The input can't be read, or the output can't be written.
pub fn answer(mut input: impl BufRead, mut output: impl Write) -> io::Result<Summary> {
    let mut batch = Batch::default();
    let mut line = Vec::new();
    while let Some(is_used_up) = read_line(&mut input, &mut line)? {
        batch.answer_line(&line, &mut output)?;
        line.clear();
        if is_used_up {
            // Reading on may take until somebody has seen the answer.
            output.flush()?;
        }
    }
    output.flush()?;
    Ok(batch.summary)
}

/// Reads a line to the end of a text, at most one byte more than is allowed of it, and tells whether it uses up what the
/// input has at hand; nothing at the end.
///
/// # Errors
/// The input can't be read.
pub fn read_line(input: &mut impl BufRead, text: &mut Vec<u8>) -> io::Result<Option<bool>> {
    let start = text.len();
    let mut has_begun = false;
    loop {
        let at_hand = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            at_hand => at_hand?,
        };
        if at_hand.is_empty() {
            return Ok(has_begun.then_some(true));
        }
        has_begun = true;
        let newline = memchr::memchr(b'\n', at_hand);
        let used = newline.map_or(at_hand.len(), |at| at + 1);
        let room = LONGEST_LINE + 1 - (text.len() - start);
        text.extend_from_slice(at_hand.get(..used.min(room)).unwrap_or_default());
        let is_used_up = used == at_hand.len();
        input.consume(used);
        if newline.is_some() {
            return Ok(Some(is_used_up));
        }
    }
}
