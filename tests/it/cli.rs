//! The program as its users meet it: exit status, standard output and standard error of real runs.

mod check;
mod failures;
mod hostile;
mod journal;
mod json;
mod manual;
mod mistakes;
mod modes;
mod worlds;

pub(crate) use json::assert_valid;
