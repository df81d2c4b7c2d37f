//! How far a plan is from a size (SEMANTICS 3): what is missing, what is too much, and what of that can be reduced.

use retrace_core::amount::{Position, Quantity};
use retrace_core::event::GroupAction;
use retrace_core::exact::Inexact;
use retrace_core::order::Side;

use super::Plan;

/// How far a plan is from a size, in whole lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// It comes to it, or an answer must come first.
    None,
    /// So much is missing whatever the answers to what is under way.
    Missing(Quantity),
    /// So much is too much whatever they are.
    Excess(Quantity),
}

impl Distance {
    /// With the sign of the trade that makes up for it, for a plan of this direction.
    pub fn signed(self, direction: Side) -> Position {
        match self {
            Self::None => Position::FLAT,
            Self::Missing(missing) => direction.signed(missing),
            Self::Excess(excess) => direction.opposite().signed(excess),
        }
    }
}

impl Plan {
    /// How far it is from `target`, signed.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn distance(&self, target: Position) -> Result<Distance, Inexact> {
        let bounds = self.committed_between()?;
        let lots = |committed| target.minus(committed).and_then(|delta| self.instrument.whole_lots(delta));
        let (missing, excess) = (lots(bounds.farthest)?, lots(bounds.nearest)?);
        Ok(match (missing.size(), excess.size()) {
            (Some(size), _) if Side::of(missing) == Some(self.direction) => Distance::Missing(size),
            (_, Some(size)) if Side::of(excess) == Some(self.direction.opposite()) => Distance::Excess(size),
            _ => Distance::None,
        })
    }

    /// What a new group would divide if `target` were set: for a smaller target only what is traded above it and not
    /// being reduced yet, because what is not traded is taken back.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn divided(&self, target: Position) -> Result<Option<Quantity>, Inexact> {
        match self.distance(target)? {
            Distance::None => Ok(None),
            Distance::Missing(missing) => Ok(Some(missing)),
            Distance::Excess(excess) => self.reducible(target, excess),
        }
    }

    /// What of `excess` is traded above `target`, held, and not being reduced yet.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn reducible(&self, target: Position, excess: Quantity) -> Result<Option<Quantity>, Inexact> {
        let size = |position: Position| position.size().map_or(Position::FLAT, |size| Side::Buy.signed(size));
        let mut above = size(self.traded()).minus(size(target))?;
        let mut free = self.held_lots()?.map_or(Position::FLAT, |lots| Side::Buy.signed(lots));
        for group in self.groups.iter().filter(|group| group.action != GroupAction::Enter) {
            let reducing = group.outstanding()?.max(group.working()?);
            above = above.minus(reducing)?;
            free = free.minus(reducing)?;
        }
        let lots = self.instrument.whole_lots(Side::Buy.signed(excess).min(free).min(above))?;
        Ok(lots.size().filter(|_| lots > Position::FLAT))
    }
}
