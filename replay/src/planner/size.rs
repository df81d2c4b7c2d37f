//! How large a position shall be (SEMANTICS 3).

use retrace_core::amount::Position;
use retrace_core::directive::{ModifyPlans, NewTrade};
use retrace_core::event::Refusal;
use retrace_core::order::Side;
use retrace_projections::access::SizeView;

use super::{SizePlan, TradePlanner, Unplanned};

/// Plans the size: absolute, in the plan's direction. A close is flat, by default.
#[derive(Clone, Copy, Debug)]
pub struct SizePlanner;

impl TradePlanner for SizePlanner {
    type View<'a> = SizeView<'a>;
    type ClosingView<'a> = SizeView<'a>;
    type Plan = SizePlan;

    fn on_new_trade(&self, view: SizeView<'_>, wanted: &NewTrade) -> Result<SizePlan, Unplanned> {
        Ok(SizePlan { target: view.direction().signed(wanted.target) })
    }

    fn on_modify_trade(&self, view: SizeView<'_>, wanted: &ModifyPlans) -> Result<Option<SizePlan>, Unplanned> {
        let Some(size) = wanted.target else { return Ok(None) };
        let magnitude = Position::new(size).map_err(|_| Refusal::TooLarge)?;
        let target = magnitude.size().map_or(Position::FLAT, |size| view.direction().signed(size));
        target.minus(view.traded()).map_err(|_| Refusal::TooLarge)?;
        let delta = view.distance(target)?.signed(view.direction());
        if let (Some(direction), Some(sign)) = (wanted.direction, Side::of(delta))
            && direction != sign
        {
            return Err(Refusal::DirectionContradictsTarget { direction, delta }.into());
        }
        Ok(Some(SizePlan { target }))
    }
}
