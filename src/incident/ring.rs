//! The last steps, and how many went before them.

use std::collections::VecDeque;

use super::IncidentStep;

/// Steps that are kept of one incident.
pub(super) const KEPT: usize = 500;

/// At most [`KEPT`] steps; the oldest go first.
#[derive(Default)]
pub(super) struct Ring {
    steps: VecDeque<IncidentStep>,
    dropped: u64,
}

impl Ring {
    pub(super) fn push(&mut self, step: IncidentStep) {
        if self.steps.len() >= KEPT {
            self.steps.pop_front();
            self.dropped += 1;
        }
        self.steps.push_back(step);
    }

    /// The steps in their order, and how many were dropped.
    pub(super) fn copy(&self) -> (Vec<IncidentStep>, u64) {
        (self.steps.iter().copied().collect(), self.dropped)
    }

    /// Forgets all, the memory too.
    pub(super) fn clear(&mut self) {
        *self = Ring::default();
    }
}
