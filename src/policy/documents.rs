//! Texts that are read once, however often they are asked about.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::{PolicyDocument, PolicyError};

/// What texts say, each read when it is first asked about.
#[derive(Debug, Default)]
pub struct Documents<'t> {
    read: RefCell<HashMap<&'t str, Result<Rc<PolicyDocument>, PolicyError>>>,
}

impl<'t> Documents<'t> {
    /// The policy in a text.
    ///
    /// # Errors
    /// As [`PolicyDocument::parse`].
    pub fn parsed(&self, text: &'t str) -> Result<Rc<PolicyDocument>, PolicyError> {
        self.read.borrow_mut().entry(text).or_insert_with(|| PolicyDocument::parse(text).map(Rc::new)).clone()
    }
}
