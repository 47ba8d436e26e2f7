//! What a reason of EC2's for an instance's state means for keys.

/// What a reason says about keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateMeaning {
    /// EC2 could not use a key.
    KeyUnusable,
    /// Nearly always a key that could not be used.
    NearlyAlwaysAKey,
    /// A fault of AWS's, or a key.
    FaultOrKey,
    /// Somebody ended it.
    Ended,
    /// A quota of volumes or of their storage was reached.
    VolumeQuota,
    /// A snapshot of its image is gone.
    SnapshotGone,
    /// AWS had no capacity.
    NoCapacity,
    /// Its Spot capacity was reclaimed.
    SpotReclaimed,
    /// A retirement was scheduled.
    Retired,
}

impl StateMeaning {
    /// Whether a key may be the reason.
    pub fn may_be_of_a_key(self) -> bool {
        match self {
            Self::KeyUnusable | Self::NearlyAlwaysAKey | Self::FaultOrKey => true,
            Self::Ended
            | Self::VolumeQuota
            | Self::SnapshotGone
            | Self::NoCapacity
            | Self::SpotReclaimed
            | Self::Retired => false,
        }
    }
}
