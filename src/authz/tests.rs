//! Situations and conditions in fixtures/authz, and properties of all decisions.

mod conditions;
mod requests;
mod situations;
