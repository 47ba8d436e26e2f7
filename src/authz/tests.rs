//! Situations and conditions in fixtures/authz, and properties of all decisions.

mod conditions;
mod decisions;
mod naive;
mod properties;
mod requests;
mod situations;
