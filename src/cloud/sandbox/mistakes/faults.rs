//! The faults of a world.

use super::{Checked, Mistake, permission};
use crate::cloud::sandbox::source::Place;
use crate::cloud::sandbox::world::fault::{FaultEntry, FaultKind};
use crate::cloud::sandbox::world::{Object, Page};

pub(super) fn check(page: &Page, place: &Place) -> Checked {
    page.faults.iter().enumerate().try_for_each(|(index, Object(fault))| one(fault, &place.item(index)))
}

fn one(fault: &FaultEntry, place: &Place) -> Checked {
    permission(&fault.operation, || place.member("operation"))?;
    for (name, number) in [("call", fault.call), ("times", fault.times)] {
        if number == 0 {
            return Err(Mistake::new(place.member(name), "calls are counted from 1"));
        }
    }
    let belongs = |name: &str, is_there: bool, kind: FaultKind, word: &str| match fault.fault == kind {
        true if !is_there => Err(Mistake::new(place.clone(), format!("the fault `{word}` needs `{name}`"))),
        false if is_there => {
            Err(Mistake::new(place.member(name), format!("only the fault `{word}` has `{name}`")))
        }
        _ => Ok(()),
    };
    belongs("code", fault.code.is_some(), FaultKind::Error, "error")?;
    belongs("milliseconds", fault.milliseconds.is_some(), FaultKind::Latency, "latency")
}
