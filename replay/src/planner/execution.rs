//! How a change is divided and carried out.

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::directive::{
    Algorithm, CloseHint, ClosePlans, EntryTerms, ExecutionHint, ModifyPlans, NewTrade, Trade,
};
use retrace_core::policy::ExecutionPolicy;
use retrace_projections::access::{ExecutionView, Standing};

use super::{ExecutionPlan, TradePlanner, Unplanned, division};

/// Plans the execution of a trade whose size and entry are planned.
#[derive(Clone, Copy, Debug)]
pub struct ExecutionPlanner<'p> {
    /// Which algorithm an urgency means.
    pub policy: &'p ExecutionPolicy,
    /// How large the position shall be, signed.
    pub target: Position,
    /// How orders are placed; `None` where the directive does not say.
    pub terms: Option<EntryTerms>,
    /// Whether the venue hides what an iceberg does not show by itself.
    pub hides: bool,
}

impl TradePlanner for ExecutionPlanner<'_> {
    type View<'a> = ExecutionView<'a>;
    type ClosingView<'a> = ExecutionView<'a>;
    type Plan = ExecutionPlan;

    fn on_new_trade(&self, view: ExecutionView<'_>, wanted: &NewTrade) -> Result<ExecutionPlan, Unplanned> {
        let algorithm = self.algorithm(wanted.execution);
        self.check(view, algorithm, Some(wanted.target), wanted.entry.limit_price)?;
        Ok(ExecutionPlan::Divide { algorithm, end_after: wanted.execution.end_after })
    }

    fn on_modify_trade(
        &self,
        view: ExecutionView<'_>,
        wanted: &ModifyPlans,
    ) -> Result<Option<ExecutionPlan>, Unplanned> {
        let stands = self.kept(view, wanted);
        let terms = stands.map_or_else(|| self.terms.unwrap_or(EntryTerms::MARKET), |standing| standing.terms);
        let algorithm = stands.map_or_else(|| self.algorithm(wanted.execution), |standing| standing.algorithm);
        let end_after = stands.map_or(wanted.execution.end_after, |standing| standing.end_after);
        self.check(view, algorithm, view.divided(self.target)?, terms.limit_price)?;
        Ok(Some(ExecutionPlan::Divide { algorithm, end_after }))
    }

    fn on_close_trade(&self, _: ExecutionView<'_>, wanted: &ClosePlans) -> Result<ExecutionPlan, Unplanned> {
        let CloseHint { urgency, on_limit, .. } = wanted.execution;
        // A close that says nothing goes at once, and an urgency means one order or slices over time.
        let twap = match urgency.map(|urgency| self.policy.algorithm_for(urgency)) {
            Some(Algorithm::Twap(twap)) => Some(twap).filter(|twap| twap.slices > 1),
            Some(Algorithm::Single | Algorithm::Iceberg(_) | Algorithm::Layered(_)) | None => None,
        };
        Ok(ExecutionPlan::Close { twap, on_limit })
    }
}

impl ExecutionPlanner<'_> {
    /// How orders are placed where the directive does not say.
    pub(super) fn standing_terms(&self, view: ExecutionView<'_>, trade: Trade<'_>) -> EntryTerms {
        match trade {
            Trade::Modify(wanted) => self.kept(view, wanted).map_or(EntryTerms::MARKET, |standing| standing.terms),
            Trade::New(_) | Trade::Close(_) => EntryTerms::MARKET,
        }
    }

    /// How a MODIFY that names the standing target again and says nothing of how leaves that as it is: repeating a size
    /// in mid-TWAP must not send the rest of it at once.
    fn kept(&self, view: ExecutionView<'_>, wanted: &ModifyPlans) -> Option<Standing> {
        let says_nothing = wanted.execution == ExecutionHint::NONE && self.terms.is_none();
        view.standing().filter(|standing| says_nothing && standing.target == self.target)
    }

    /// Whether the parts can be sent. An iceberg that the venue cuts has no last part: it is one order.
    fn check(
        &self,
        view: ExecutionView<'_>,
        algorithm: Algorithm,
        quantity: Option<Quantity>,
        limit: Option<Price>,
    ) -> Result<(), Unplanned> {
        let one_order = self.hides && matches!(algorithm, Algorithm::Iceberg(_));
        division::check(view, algorithm, quantity.filter(|_| !one_order), limit)
    }

    fn algorithm(&self, hint: ExecutionHint) -> Algorithm {
        match (hint.algorithm, hint.urgency) {
            (Some(algorithm), _) => algorithm,
            (None, Some(urgency)) => self.policy.algorithm_for(urgency),
            (None, None) => Algorithm::Single,
        }
    }
}
