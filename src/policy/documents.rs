//! Texts that are read once, however often they are asked about.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use super::{PolicyDocument, PolicyError};
use crate::arn::Partition;

/// What texts say, each read when it is first asked about. A clone shares what either has read.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    read: Rc<RefCell<HashSet<ByText>>>,
}

impl Documents {
    /// The policy in a text.
    ///
    /// # Errors
    /// As [`PolicyDocument::parse`].
    pub fn parsed(&self, text: &str) -> Result<Rc<PolicyDocument>, PolicyError> {
        if let Some(ByText(known)) = self.read.borrow().get(text) {
            return Ok(Rc::clone(known));
        }
        Ok(self.keep(PolicyDocument::parse(text)?))
    }

    /// Whether both texts mean the same in a partition; a text that is no policy is only equal to itself.
    pub fn is_same(&self, left: &str, right: &str, partition: Partition) -> bool {
        left == right
            || match (self.parsed(left), self.parsed(right)) {
                (Ok(left), Ok(right)) => left.same_meaning(&right, partition),
                _ => false,
            }
    }

    /// Takes a policy as what its text says.
    pub fn keep(&self, document: PolicyDocument) -> Rc<PolicyDocument> {
        let document = Rc::new(document);
        self.read.borrow_mut().insert(ByText(Rc::clone(&document)));
        document
    }
}

/// A document that is found by its text.
#[derive(Debug)]
struct ByText(Rc<PolicyDocument>);

impl std::borrow::Borrow<str> for ByText {
    fn borrow(&self) -> &str {
        self.0.text()
    }
}

impl Hash for ByText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text().hash(state);
    }
}

impl PartialEq for ByText {
    fn eq(&self, other: &Self) -> bool {
        self.0.text() == other.0.text()
    }
}

impl Eq for ByText {}
