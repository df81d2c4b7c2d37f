//! How a change is divided and carried out.

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::directive::{Algorithm, ClosePlans, EntryTerms, ExecutionHint, ModifyPlans, NewTrade, Trade};
use retrace_core::event::Refusal;
use retrace_core::policy::ExecutionPolicy;
use retrace_projections::access::ExecutionView;
use retrace_projections::ledger::slice_size;

use super::{ExecutionPlan, TradePlanner, Unplanned};

/// Plans the execution of a trade whose size and entry are planned.
#[derive(Clone, Copy, Debug)]
pub struct ExecutionPlanner<'p> {
    /// Which algorithm an urgency means.
    pub policy: &'p ExecutionPolicy,
    /// How large the position shall be, signed.
    pub target: Position,
    /// How orders are placed; `None` where the directive does not say.
    pub terms: Option<EntryTerms>,
}

impl TradePlanner for ExecutionPlanner<'_> {
    type View<'a> = ExecutionView<'a>;
    type ClosingView<'a> = ExecutionView<'a>;
    type Plan = ExecutionPlan;

    fn on_new_trade(&self, view: ExecutionView<'_>, wanted: &NewTrade) -> Result<ExecutionPlan, Unplanned> {
        let algorithm = self.algorithm(wanted.execution);
        check_slices(view, algorithm, wanted.target, wanted.entry.limit_price.or(view.current_price()))?;
        Ok(ExecutionPlan::Divide(algorithm))
    }

    fn on_modify_trade(
        &self,
        view: ExecutionView<'_>,
        wanted: &ModifyPlans,
    ) -> Result<Option<ExecutionPlan>, Unplanned> {
        let (terms, algorithm) = match self.kept(view, wanted) {
            Some(kept) => kept,
            None => (self.terms.unwrap_or(EntryTerms::MARKET), self.algorithm(wanted.execution)),
        };
        if let Some(quantity) = view.divided(self.target)? {
            check_slices(view, algorithm, quantity, terms.limit_price.or(view.current_price()))?;
        }
        Ok(Some(ExecutionPlan::Divide(algorithm)))
    }

    fn on_close_trade(&self, _: ExecutionView<'_>, wanted: &ClosePlans) -> Result<ExecutionPlan, Unplanned> {
        Ok(ExecutionPlan::Close(wanted.execution.on_limit))
    }
}

impl ExecutionPlanner<'_> {
    /// How orders are placed where the directive does not say.
    pub(super) fn standing_terms(&self, view: ExecutionView<'_>, trade: Trade<'_>) -> EntryTerms {
        match trade {
            Trade::Modify(wanted) => self.kept(view, wanted).map_or(EntryTerms::MARKET, |(terms, _)| terms),
            Trade::New(_) | Trade::Close(_) => EntryTerms::MARKET,
        }
    }

    /// How a MODIFY that names the standing target again and says nothing of how leaves that as it is: repeating a size
    /// in mid-TWAP must not send the rest of it at once.
    fn kept(&self, view: ExecutionView<'_>, wanted: &ModifyPlans) -> Option<(EntryTerms, Algorithm)> {
        let says_nothing = wanted.execution == ExecutionHint { algorithm: None, urgency: None };
        let (target, terms, algorithm) = view.standing()?;
        (says_nothing && self.terms.is_none() && target == self.target).then_some((terms, algorithm))
    }

    fn algorithm(&self, hint: ExecutionHint) -> Algorithm {
        match (hint.algorithm, hint.urgency) {
            (Some(algorithm), _) => algorithm,
            (None, Some(urgency)) => self.policy.algorithm_for(urgency),
            (None, None) => Algorithm::Single,
        }
    }
}

/// Every slice must be at least a lot and large enough for the venue at the price it is valued at.
fn check_slices(
    view: ExecutionView<'_>,
    algorithm: Algorithm,
    quantity: Quantity,
    price: Option<Price>,
) -> Result<(), Unplanned> {
    let Algorithm::Twap(twap) = algorithm else { return Ok(()) };
    let instrument = view.instrument();
    let slice = slice_size(quantity, twap.slices, instrument)?;
    let Some(slice) = slice.size() else {
        return Err(Refusal::TooManySlices { slices: twap.slices, quantity, lot: instrument.lot }.into());
    };
    if let Some(price) = price
        && !instrument.meets_min_notional(slice, price)?
    {
        let minimum = instrument.min_notional;
        return Err(Refusal::SliceBelowMinNotional { slice, price, minimum }.into());
    }
    Ok(())
}
