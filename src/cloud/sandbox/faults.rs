//! A world's bad days: calls that fail, whose answers are lost, that show the old state, or take their time.

use std::time::Duration;

use super::Sandbox;
use super::call::Call;
use super::refusals::Refusal;
use super::world::Object;
use super::world::fault::{FaultEntry, FaultKind};
use crate::cloud::codes::kind_of;
use crate::cloud::{CloudError, CloudErrorKind};

/// What befalls one call that is made all the same.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Struck {
    pub(super) is_stale: bool,
    pub(super) loses_answer: bool,
}

impl Sandbox {
    /// Counts a call, and lets befall it what the world says.
    pub(super) async fn strike(&self, call: &Call) -> Result<Struck, CloudError> {
        let mut struck = Struck::default();
        let mut latency = Duration::ZERO;
        let mut failure = None;
        {
            let shared = self.shared();
            let mut counts = self.counts.borrow_mut();
            counts.resize(shared.page.faults.len(), 0);
            for (Object(fault), count) in shared.page.faults.iter().zip(counts.iter_mut()) {
                if !fault.is_about(call.operation, &call.resource) {
                    continue;
                }
                *count += 1;
                if !fault.strikes(*count) {
                    continue;
                }
                match fault.fault {
                    FaultKind::Error => failure = Some(refusal(fault)),
                    FaultKind::NoAnswer => failure = Some(no_answer()),
                    FaultKind::LostAnswer => struck.loses_answer = true,
                    FaultKind::Stale => struck.is_stale = true,
                    FaultKind::Latency => {
                        latency += Duration::from_millis(fault.milliseconds.unwrap_or_default());
                    }
                }
            }
        }
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        match failure {
            Some((kind, code, message)) => Err(CloudError {
                request_id: code.is_some().then(|| call.request_id()),
                code,
                ..call.failed(call.account, Refusal { kind, code: None, message })
            }),
            None => Ok(struck),
        }
    }

    /// The error of a call whose answer is lost.
    pub(super) fn lost(call: &Call) -> CloudError {
        let (kind, _, message) = no_answer();
        call.failed(call.account, Refusal { kind, code: None, message })
    }
}

fn refusal(fault: &FaultEntry) -> (CloudErrorKind, Option<String>, String) {
    let code = fault.code.clone().unwrap_or_default();
    let message = if fault.message.is_empty() { "a fault that the world describes" } else { &fault.message };
    (kind_of(&code, &fault.message, None), Some(code), message.to_owned())
}

fn no_answer() -> (CloudErrorKind, Option<String>, String) {
    (CloudErrorKind::Transient, None, "no answer in time".to_owned())
}
