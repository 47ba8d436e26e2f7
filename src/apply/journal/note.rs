//! What is added to a journal while its run goes on: each note is a line, and notes of different changes may alternate.

use serde::{Deserialize, Serialize};

use super::record::{Course, StepRecord};

/// What has come to pass since the last note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Note {
    /// A change is about to be written.
    Intended {
        /// Its index in the plan.
        step: usize,
        /// When: RFC 3339, UTC.
        at: String,
    },
    /// What became of a change is known.
    Concluded {
        /// Its index in the plan.
        step: usize,
        /// All that is known of it.
        #[serde(flatten)]
        record: StepRecord,
    },
    /// The run came to its end by itself.
    Ended {
        /// When: RFC 3339, UTC.
        at: String,
    },
}

/// Why a note can't be of a run that came so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Contradiction {
    #[error("the plan has no change {}", .0.saturating_add(1))]
    NoSuchChange(usize),
    #[error("it does not follow from what was said of change {} before", .0.saturating_add(1))]
    OutOfTurn(usize),
    #[error("the run was at its end before")]
    AfterTheEnd,
}

impl Note {
    /// Makes sure that this may come next: what is written is what is read.
    pub(super) fn check(&self, course: &Course<'_>) -> Result<(), Contradiction> {
        if course.ended.is_some() {
            return Err(Contradiction::AfterTheEnd);
        }
        let (Self::Intended { step: index, .. } | Self::Concluded { step: index, .. }) = self else {
            return Ok(());
        };
        let step = course.steps.get(*index).ok_or(Contradiction::NoSuchChange(*index))?;
        let is_in_turn = match self {
            Self::Intended { .. } => *step == StepRecord::default(),
            Self::Concluded { record, .. } => {
                record.concluded.is_some()
                    && *step == StepRecord { intended: record.intended.clone(), ..StepRecord::default() }
            }
            Self::Ended { .. } => true,
        };
        is_in_turn.then_some(()).ok_or(Contradiction::OutOfTurn(*index))
    }

    /// Takes it in.
    pub(super) fn take_in(self, course: &mut Course<'_>) -> Result<(), Contradiction> {
        self.check(course)?;
        match self {
            Self::Intended { step, at } => {
                if let Some(step) = course.steps.get_mut(step) {
                    step.intended = Some(at);
                }
            }
            Self::Concluded { step, record } => {
                if let Some(step) = course.steps.get_mut(step) {
                    *step = record;
                }
            }
            Self::Ended { at } => *course.ended = Some(at),
        }
        Ok(())
    }
}
