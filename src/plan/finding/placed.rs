//! Something of EC2's, and where it is.

/// Something by its id, and its region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Its region.
    pub region: String,
    /// Its id.
    pub id: String,
}

impl Placed {
    /// Something in a region.
    pub fn new(region: &str, id: &str) -> Self {
        Self { region: region.to_owned(), id: id.to_owned() }
    }
}
