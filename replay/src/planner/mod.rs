//! From a strategist's intent to the complete instruction for one trade: up to four plans (entry, size, exit,
//! execution), each by the planner of its role, each from the view of its role alone.
//!
//! Planning decides nothing and sends nothing: it answers a plan, or the rule that the intent breaks. So all legs of a
//! batch can be planned before any is carried out. The worker carries out what was planned.

pub(crate) mod division;
mod entry;
mod execution;
mod exit;
pub(crate) mod levels;
mod size;

use retrace_core::amount::{Position, Price};
use retrace_core::directive::{Algorithm, ClosePlans, EntryTerms, ModifyPlans, NewTrade, OnLimit, Trade, Twap};
use retrace_core::event::Refusal;
use retrace_core::exact::Inexact;
use retrace_core::policy::ExecutionPolicy;
use retrace_core::time::Span;
use retrace_core::venue::VenueProfile;
use retrace_projections::access::PlannerViews;
use retrace_projections::ledger::Exits;

pub use entry::EntryPlanner;
pub use execution::ExecutionPlanner;
pub use exit::ExitPlanner;
pub use size::SizePlanner;

/// The complete instruction for one trade. At least one of its plans is there, or nothing is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExecutionDirective {
    /// How orders are placed.
    pub entry: Option<EntryPlan>,
    /// How large the position shall be.
    pub size: Option<SizePlan>,
    /// Where it is left.
    pub exit: Option<ExitPlan>,
    /// How the change is carried out.
    pub execution: Option<ExecutionPlan>,
}

/// How orders toward the size are placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryPlan {
    /// Their terms.
    pub terms: EntryTerms,
}

/// How large the position shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizePlan {
    /// Signed.
    pub target: Position,
}

/// Where a position is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitPlan {
    /// At these levels, both as they stand from now on.
    Levels(Exits),
    /// Now, at this price or better; `None` for any.
    Leave {
        /// The worst acceptable price.
        price_limit: Option<Price>,
    },
}

/// How a change is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionPlan {
    /// Divided like this.
    Divide {
        /// How.
        algorithm: Algorithm,
        /// How long after its start a group is given up; `None` for no such time.
        end_after: Option<Span>,
    },
    /// As a close.
    Close {
        /// Over which slices; `None` for all at once.
        twap: Option<Twap>,
        /// What to do when its limit holds.
        on_limit: OnLimit,
    },
}

/// What a planner plans for a trade that is closed, unless it says otherwise.
pub trait AtMarket {
    /// At any price, all of it, at once.
    fn at_market() -> Self;
}

impl AtMarket for EntryPlan {
    fn at_market() -> Self {
        Self { terms: EntryTerms::MARKET }
    }
}

impl AtMarket for SizePlan {
    fn at_market() -> Self {
        Self { target: Position::FLAT }
    }
}

impl AtMarket for ExitPlan {
    fn at_market() -> Self {
        Self::Leave { price_limit: None }
    }
}

impl AtMarket for ExecutionPlan {
    fn at_market() -> Self {
        Self::Close { twap: None, on_limit: OnLimit::default() }
    }
}

/// Why a trade was not planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplanned {
    /// It breaks a rule.
    Refused(Refusal),
    /// The plan's own amounts cannot be counted exactly any more: the engine stops.
    Amount(Inexact),
}

impl From<Refusal> for Unplanned {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Inexact> for Unplanned {
    fn from(source: Inexact) -> Self {
        Self::Amount(source)
    }
}

/// A trade that is wanted, by scope, with what a planner may read to plan it.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a, View, ClosingView> {
    /// A plan to open.
    New(View, &'a NewTrade),
    /// A plan to change.
    Modify(View, &'a ModifyPlans),
    /// A plan to close.
    Close(ClosingView, &'a ClosePlans),
}

/// Plans one side of a trade: a hook for each scope, routed by [`TradePlanner::plan`].
pub trait TradePlanner {
    /// What it may read.
    type View<'a>;
    /// What it may read of a plan that is being closed.
    type ClosingView<'a>;
    /// What it plans.
    type Plan: AtMarket;

    /// Plans a trade that is to be opened.
    ///
    /// # Errors
    /// [`Unplanned`] names the rule that it breaks.
    fn on_new_trade(&self, view: Self::View<'_>, wanted: &NewTrade) -> Result<Self::Plan, Unplanned>;

    /// Plans a change of a trade; `None` where nothing of it changes, which is the default.
    ///
    /// # Errors
    /// [`Unplanned`] names the rule that it breaks.
    fn on_modify_trade(&self, view: Self::View<'_>, wanted: &ModifyPlans) -> Result<Option<Self::Plan>, Unplanned> {
        let _ = (view, wanted);
        Ok(None)
    }

    /// Plans the close of a trade; by default at market.
    ///
    /// # Errors
    /// [`Unplanned`] names the rule that it breaks.
    fn on_close_trade(&self, view: Self::ClosingView<'_>, wanted: &ClosePlans) -> Result<Self::Plan, Unplanned> {
        let _ = (view, wanted);
        Ok(Self::Plan::at_market())
    }

    /// Routes what is wanted to the hook of its scope.
    ///
    /// # Errors
    /// As the hooks.
    fn plan(&self, wanted: Wanted<'_, Self::View<'_>, Self::ClosingView<'_>>) -> Result<Option<Self::Plan>, Unplanned> {
        match wanted {
            Wanted::New(view, new) => self.on_new_trade(view, new).map(Some),
            Wanted::Modify(view, modify) => self.on_modify_trade(view, modify),
            Wanted::Close(view, close) => self.on_close_trade(view, close).map(Some),
        }
    }
}

/// Plans one trade: each planner in turn, from what its role may read.
///
/// # Errors
/// The first [`Unplanned`], in the order entry, exit, size, execution.
pub fn plan_trade(
    views: PlannerViews<'_>,
    trade: Trade<'_>,
    profile: &VenueProfile,
    policy: &ExecutionPolicy,
) -> Result<ExecutionDirective, Unplanned> {
    let entry = EntryPlanner { shorting: profile.shorting }.plan(wanted(trade, views.entry(), views.entry()))?;
    let linked = !profile.divides_holding() || profile.native_oco;
    let exit = ExitPlanner { linked, trailing: profile.native_trailing, size_free: profile.size_free_stop };
    let exit = exit.plan(wanted(trade, views.exit(), views.closing()))?;
    let size = SizePlanner.plan(wanted(trade, views.size(), views.size()))?;
    // How a change is placed and divided means nothing where there is none.
    let Some(size) = size else { return Ok(ExecutionDirective { exit, ..ExecutionDirective::default() }) };
    let (terms, hides) = (entry.map(|entry| entry.terms), profile.native_iceberg);
    let planner = ExecutionPlanner { policy, target: size.target, terms, hides };
    let execution = planner.plan(wanted(trade, views.execution(), views.execution()))?;
    let entry = entry.or_else(|| Some(EntryPlan { terms: planner.standing_terms(views.execution(), trade) }));
    Ok(ExecutionDirective { entry, size: Some(size), exit, execution })
}

fn wanted<View, ClosingView>(trade: Trade<'_>, view: View, closing: ClosingView) -> Wanted<'_, View, ClosingView> {
    match trade {
        Trade::New(new) => Wanted::New(view, new),
        Trade::Modify(modify) => Wanted::Modify(view, modify),
        Trade::Close(close) => Wanted::Close(closing, close),
    }
}
