//! The pure part of keymend by itself: links to its modules, so that fuzzing neither builds nor instruments
//! the AWS SDK and all that comes with it.

pub mod access;
pub mod arn;
pub mod authz;
pub mod observation;
pub mod plan;
pub mod policy;
