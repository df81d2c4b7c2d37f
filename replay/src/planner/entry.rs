//! How orders toward a size are placed.

use retrace_core::directive::{ModifyPlans, NewTrade};
use retrace_core::event::Refusal;
use retrace_core::order::Side;
use retrace_projections::access::EntryView;

use super::{EntryPlan, TradePlanner, Unplanned};

/// Plans the entry: as the directive says. A close is at market, by default.
#[derive(Clone, Copy, Debug)]
pub struct EntryPlanner {
    /// Whether the venue lets a position be below zero.
    pub shorting: bool,
}

impl TradePlanner for EntryPlanner {
    type View<'a> = EntryView<'a>;
    type ClosingView<'a> = EntryView<'a>;
    type Plan = EntryPlan;

    fn on_new_trade(&self, view: EntryView<'_>, wanted: &NewTrade) -> Result<EntryPlan, Unplanned> {
        if view.direction() == Side::Sell && !self.shorting {
            return Err(Refusal::ShortingUnsupported.into());
        }
        Ok(EntryPlan { terms: wanted.entry })
    }

    fn on_modify_trade(&self, _: EntryView<'_>, wanted: &ModifyPlans) -> Result<Option<EntryPlan>, Unplanned> {
        Ok(wanted.entry.map(|terms| EntryPlan { terms }))
    }
}
