//! Three-valued logic, after Kleene.

use std::ops::{BitAnd, BitOr, Not};

/// Whether something holds, as far as it can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It does not hold, whatever else may become known.
    False,
    /// It depends on something that is not known.
    Unknown,
    /// It holds, whatever else may become known.
    True,
}

impl Truth {
    /// The same, with what does not hold taken as not known.
    #[must_use]
    pub(crate) fn or_unknown(self) -> Self {
        self.max(Self::Unknown)
    }

    /// The same, where another agrees; else it is not known which of the two it is.
    #[must_use]
    pub(crate) fn unless_differing(self, other: Self) -> Self {
        if self == other { self } else { Self::Unknown }
    }

    /// Whether any holds.
    pub(crate) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Self::False;
        for truth in truths {
            any = any | truth;
            if any == Self::True {
                break;
            }
        }
        any
    }

    /// Whether all hold.
    pub(crate) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::True;
        for truth in truths {
            all = all & truth;
            if all == Self::False {
                break;
            }
        }
        all
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl BitAnd for Truth {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.min(other)
    }
}

impl BitOr for Truth {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.max(other)
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }
}
