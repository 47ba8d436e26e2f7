//! A plan with everything that it was made from, which travel together from the planner to the last report.

use super::Plan;
use super::outlook::Outlook;
use crate::access::Request;
use crate::access::chain::Chain;
use crate::observation::Observation;

/// What was asked for, what was found and read, and the plan that follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What was found on the way to the keys.
    pub chain: Chain,
    /// What was asked for.
    pub request: Request,
    /// What was read.
    pub observation: Observation,
    /// What follows.
    pub plan: Plan,
}

impl Case {
    /// Where everybody stands by what was read, and with changes made to it.
    pub fn outlook(&self) -> Outlook<'_> {
        Outlook::new(&self.request, &self.observation)
    }
}
