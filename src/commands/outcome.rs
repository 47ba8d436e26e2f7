//! What became of a run, for people.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use super::console::Console;
use super::fix::{Decision, Report};
use crate::apply::{Progress, StepResult};
use crate::cli::settings::FixSettings;
use crate::cloud::CloudError;
use crate::error::cloud_hint;
use crate::plan::{Change, Plan};
use crate::render::escape::escape;
use crate::render::text;
