//! The program as its users meet it: exit status, standard output and standard error of real runs.

mod apply;
mod check;
mod completion;
mod context;
mod coverage;
mod documents;
mod edits;
mod endings;
mod failures;
mod habits;
mod handover;

mod hostile;
mod instance;
mod journal;
mod json;
mod launch;
mod manual;
mod mistakes;
mod modes;
mod newer;
mod organizations;
mod patch;
mod records;
mod screen;
mod settings;
mod shared;
mod start;
mod survey;
mod templates;
mod verify;
mod watch;
mod worlds;

pub(crate) use json::assert_valid;
