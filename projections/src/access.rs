//! Who may read what of the ledger (DESIGN 5): a planner is handed the view of its role and nothing else, and no view
//! can be written through. Only the worker, inside a Step, makes events.
//!
//! The views of one trade are cut from [`PlannerViews`], which the worker makes. A view is a copy of references: it
//! cannot outlive the Step, and it shows one plan of one strategy instance.
//!
//! ```
//! fn direction(view: retrace_projections::access::EntryView<'_>) -> retrace_core::order::Side {
//!     view.direction()
//! }
//! ```
//!
//! The planner of entries cannot see sizes:
//!
//! ```compile_fail,E0599
//! fn direction(view: retrace_projections::access::EntryView<'_>) -> retrace_core::order::Side {
//!     view.traded();
//!     view.direction()
//! }
//! ```
//!
//! nor reach the plan behind its view:
//!
//! ```compile_fail,E0616
//! fn direction(view: retrace_projections::access::EntryView<'_>) -> retrace_core::order::Side {
//!     view.trade;
//!     view.direction()
//! }
//! ```
//!
//! nor the planner of sizes the exit levels:
//!
//! ```
//! fn held(view: retrace_projections::access::SizeView<'_>) -> retrace_core::amount::Position {
//!     view.held()
//! }
//! ```
//!
//! ```compile_fail,E0599
//! fn held(view: retrace_projections::access::SizeView<'_>) -> retrace_core::amount::Position {
//!     view.exits();
//!     view.held()
//! }
//! ```
//!
//! nor the planner of exits the orders, unless the plan is being closed:
//!
//! ```
//! fn orders(view: retrace_projections::access::ClosingView<'_>) -> usize {
//!     view.orders().count()
//! }
//! ```
//!
//! ```compile_fail,E0599
//! fn orders(view: retrace_projections::access::ExitView<'_>) -> usize {
//!     view.orders().count()
//! }
//! ```
//!
//! nor the planner of the execution the orders within a group:
//!
//! ```
//! fn filled(view: retrace_projections::access::ExecutionView<'_>) -> usize {
//!     view.groups().filter(|group| !group.filled().is_flat()).count()
//! }
//! ```
//!
//! ```compile_fail,E0599
//! fn filled(view: retrace_projections::access::ExecutionView<'_>) -> usize {
//!     view.groups().filter(|group| group.orders().is_empty()).count()
//! }
//! ```
//!
//! nor a strategist anything but plans and where they stand:
//!
//! ```
//! fn active(view: retrace_projections::access::StrategyView<'_>) -> usize {
//!     view.plans().filter(|plan| plan.is_active()).count()
//! }
//! ```
//!
//! ```compile_fail,E0599
//! fn active(view: retrace_projections::access::StrategyView<'_>) -> usize {
//!     view.plans().filter(|plan| plan.orders().is_empty()).count()
//! }
//! ```
//!
//! And nobody can keep a view beyond the Step that it was made in:
//!
//! ```
//! struct Kept(retrace_core::order::Side);
//! fn keep(view: retrace_projections::access::EntryView<'_>) -> Kept {
//!     Kept(view.direction())
//! }
//! ```
//!
//! ```compile_fail,E0106
//! struct Kept(retrace_projections::access::EntryView);
//! fn keep(view: retrace_projections::access::EntryView<'_>) -> Kept {
//!     Kept(view)
//! }
//! ```

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::directive::{Algorithm, EntryTerms};
use retrace_core::event::GroupAction;
use retrace_core::exact::Inexact;
use retrace_core::ids::{GroupId, PlanId};
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::order::Side;
use retrace_core::time::Span;

use crate::ledger::{Distance, Exits, Group, Ledger, Order, Phase, Plan};

/// One trade as those who plan it may see it: a plan that exists, or the place for a new one.
#[derive(Clone, Copy, Debug)]
pub struct PlannerViews<'a> {
    plan: Option<&'a Plan>,
    instrument: &'a Instrument,
    direction: Side,
    current_price: Option<Price>,
}

impl<'a> PlannerViews<'a> {
    /// The views of a plan that is still to come into being.
    pub const fn of_new(instrument: &'a Instrument, direction: Side, current_price: Option<Price>) -> Self {
        Self { plan: None, instrument, direction, current_price }
    }

    /// The views of a plan.
    pub const fn of_plan(plan: &'a Plan, current_price: Option<Price>) -> Self {
        Self { plan: Some(plan), instrument: &plan.instrument, direction: plan.direction, current_price }
    }

    /// For whoever plans how orders are placed.
    pub const fn entry(self) -> EntryView<'a> {
        EntryView { trade: self }
    }

    /// For whoever plans how large the position shall be.
    pub const fn size(self) -> SizeView<'a> {
        SizeView { trade: self }
    }

    /// For whoever plans where it is left.
    pub const fn exit(self) -> ExitView<'a> {
        ExitView { trade: self }
    }

    /// For whoever plans how it is closed.
    pub const fn closing(self) -> ClosingView<'a> {
        ClosingView { trade: self }
    }

    /// For whoever plans how a change is carried out.
    pub const fn execution(self) -> ExecutionView<'a> {
        ExecutionView { trade: self }
    }
}

/// What an entry planner may read: what is traded, which way, at which price.
#[derive(Clone, Copy, Debug)]
pub struct EntryView<'a> {
    trade: PlannerViews<'a>,
}

/// What a size planner may read: how large the position is, is to be, and comes to with what is under way.
#[derive(Clone, Copy, Debug)]
pub struct SizeView<'a> {
    trade: PlannerViews<'a>,
}

/// What an exit planner may read: the exit levels, and the price that they are read against.
#[derive(Clone, Copy, Debug)]
pub struct ExitView<'a> {
    trade: PlannerViews<'a>,
}

/// What an exit planner may read of a plan that is being closed: all of its orders as well.
#[derive(Clone, Copy, Debug)]
pub struct ClosingView<'a> {
    trade: PlannerViews<'a>,
}

/// What an execution planner may read: the plan's name, its groups, and what a change would divide.
#[derive(Clone, Copy, Debug)]
pub struct ExecutionView<'a> {
    trade: PlannerViews<'a>,
}

/// What a strategist may read: its own instance's plans and where they stand.
#[derive(Clone, Copy, Debug)]
pub struct StrategyView<'a> {
    ledger: &'a Ledger,
}

/// What is common to the views of one trade.
macro_rules! market {
    ($($view:ident)*) => {$(
        impl<'a> $view<'a> {
            /// The rules of what is traded.
            pub const fn instrument(self) -> &'a Instrument {
                self.trade.instrument
            }

            /// Which way the plan stands, or shall stand.
            pub const fn direction(self) -> Side {
                self.trade.direction
            }

            /// The current price as the plan sees it; `None` before the first.
            pub const fn current_price(self) -> Option<Price> {
                self.trade.current_price
            }
        }
    )*};
}
market!(EntryView SizeView ExitView ClosingView ExecutionView);

impl SizeView<'_> {
    /// The standing target, signed; flat for a new plan.
    pub fn target(self) -> Position {
        self.trade.plan.map_or(Position::FLAT, |plan| plan.target.size)
    }

    /// Signed sum of its fills.
    pub fn traded(self) -> Position {
        self.trade.plan.map_or(Position::FLAT, Plan::traded)
    }

    /// That less fees taken in the base asset.
    pub fn held(self) -> Position {
        self.trade.plan.map_or(Position::FLAT, Plan::held)
    }

    /// How far the plan is from `target`, with what is under way.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn distance(self, target: Position) -> Result<Distance, Inexact> {
        match self.trade.plan {
            Some(plan) => plan.distance(target),
            None => Ok(target.size().map_or(Distance::None, Distance::Missing)),
        }
    }
}

impl ExitView<'_> {
    /// The exit levels as they stand; none for a new plan.
    pub fn exits(self) -> Exits {
        self.trade.plan.map_or_else(Exits::default, |plan| plan.exits)
    }
}

impl<'a> ClosingView<'a> {
    /// The exit levels as they stand.
    pub fn exits(self) -> Exits {
        self.trade.plan.map_or_else(Exits::default, |plan| plan.exits)
    }

    /// All orders of the plan, in no order that means anything.
    pub fn orders(self) -> impl Iterator<Item = &'a Order> {
        self.trade.plan.into_iter().flat_map(Plan::orders)
    }
}

impl<'a> ExecutionView<'a> {
    /// The plan's public id; `None` for a new one.
    pub fn plan_id(self) -> Option<&'a PlanId> {
        self.trade.plan.map(|plan| &plan.id)
    }

    /// Its groups, without their orders.
    pub fn groups(self) -> impl Iterator<Item = GroupProgress<'a>> {
        self.trade.plan.into_iter().flat_map(|plan| &plan.groups).map(|group| GroupProgress { group })
    }

    /// How a change toward the standing target is placed and divided; `None` for a new plan.
    pub fn standing(self) -> Option<Standing> {
        self.trade.plan.map(|plan| Standing {
            target: plan.target.size,
            terms: plan.target.entry,
            algorithm: plan.target.algorithm,
            end_after: plan.target.end_after,
        })
    }

    /// What a new group would divide if `target` were set; `None` where there would be none.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn divided(self, target: Position) -> Result<Option<Quantity>, Inexact> {
        match self.trade.plan {
            Some(plan) => plan.divided(target),
            None => Ok(target.size()),
        }
    }
}

/// What a plan is to be, and how a change toward that is placed and divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How large the position shall be, signed.
    pub target: Position,
    /// How orders are placed.
    pub terms: EntryTerms,
    /// How a change is divided.
    pub algorithm: Algorithm,
    /// How long after its start a group is given up.
    pub end_after: Option<Span>,
}

/// A group without its orders.
#[derive(Clone, Copy, Debug)]
pub struct GroupProgress<'a> {
    group: &'a Group,
}

impl GroupProgress<'_> {
    /// Its public id.
    pub const fn id(self) -> GroupId {
        self.group.id
    }

    /// What it does.
    pub const fn action(self) -> GroupAction {
        self.group.action
    }

    /// How it divides its quantity.
    pub const fn algorithm(self) -> Algorithm {
        self.group.algorithm
    }

    /// Whether it may still send orders.
    pub const fn is_active(self) -> bool {
        self.group.is_active()
    }

    /// What its own orders have filled, zero or more.
    pub const fn filled(self) -> Position {
        self.group.filled()
    }
}

impl<'a> StrategyView<'a> {
    /// What the strategist whose ledger this is may read.
    pub const fn of(ledger: &'a Ledger) -> Self {
        Self { ledger }
    }

    /// The plans that have not ended, in the order in which they were taken on.
    pub fn plans(self) -> impl Iterator<Item = PlanStanding<'a>> {
        self.ledger.plans().map(|plan| PlanStanding { plan })
    }
}

/// A plan as its strategist may see it.
#[derive(Clone, Copy, Debug)]
pub struct PlanStanding<'a> {
    plan: &'a Plan,
}

impl<'a> PlanStanding<'a> {
    /// Its public id.
    pub const fn id(self) -> &'a PlanId {
        &self.plan.id
    }

    /// What it trades.
    pub const fn symbol(self) -> &'a Symbol {
        self.plan.symbol()
    }

    /// Long or short.
    pub const fn direction(self) -> Side {
        self.plan.direction
    }

    /// Whether it has not ended.
    pub const fn is_active(self) -> bool {
        !matches!(self.plan.phase, Phase::Closed { .. })
    }

    /// The standing target, signed.
    pub const fn target(self) -> Position {
        self.plan.target.size
    }
}
