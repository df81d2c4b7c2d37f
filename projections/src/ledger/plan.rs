//! A trade plan: its standing target, its exits, its groups and its result.

use bincode::{Decode, Encode};
use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::content::ContentRef;
use retrace_core::directive::{Algorithm, EntryTerms, OnLimit, Twap};
use retrace_core::event::{Because, GroupAction, Outcome};
use retrace_core::exact::Inexact;
use retrace_core::ids::{DirectiveId, GroupNo, OrderNo, PlanId, PlanNo};
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::order::{OrderRole, Side};
use retrace_core::stop::StopKind;
use retrace_core::time::{Span, Timestamp};

use super::accounting::Accounting;
use super::batches::Rollback;
use super::gaps::Gap;
use super::group::Group;
use super::order::{Fill, Order};

/// A trade plan. Before its first order it is taken on but has no container (`opened_at` is `None`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Plan {
    /// Its dense number.
    pub no: PlanNo,
    /// Its public id.
    pub id: PlanId,
    /// What it trades, with the rules.
    pub instrument: Instrument,
    /// Long or short.
    pub direction: Side,
    /// The strategist's comment, out of line.
    pub comments: Option<ContentRef>,
    /// The directive that it was taken on for.
    pub accepted_by: DirectiveId,
    /// The directive that it took its latest instruction from: told again under another id, that changes nothing.
    pub instructed_by: DirectiveId,
    /// When its container came into being.
    pub opened_at: Option<Timestamp>,
    /// What it is to be.
    pub target: StandingTarget,
    /// Where it is protected and where the gain is taken.
    pub exits: Exits,
    /// How far its life has come.
    pub phase: Phase,
    /// Its groups, in order of number.
    pub groups: Vec<Group>,
    /// Its trades and what follows from them.
    pub accounting: Accounting,
    /// How much is not covered by a working stop, signed, with no request under way; and why.
    pub gap: Option<(Position, Because)>,
    /// Every time during which something held was not covered, in order. Nothing is decided by it.
    pub gaps: Vec<Gap>,
    /// A directive cancelled its protection: what is held is a gap until a stop is set again.
    pub protection_cancelled: bool,
    /// How many pauses it made before closing or flattening it was tried again.
    pub flatten_pauses: u32,
    /// It is brought back to where it stood before its batch.
    pub rollback: Option<Rollback>,
}

/// Between which positions a plan may come to stand while changes under way are not answered, signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Bounds {
    /// Nearest to zero: every change of an entry is made, no change of a reduce is.
    pub nearest: Position,
    /// Farthest from zero: no change of an entry is made, every change of a reduce is.
    pub farthest: Position,
}

/// What a plan is to be: set by a directive, lowered by stop and take-profit fills, raised only by a directive.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[expect(clippy::struct_excessive_bools, reason = "each is one reason of its own to send nothing more")]
pub struct StandingTarget {
    /// How large the position shall be, signed.
    pub size: Position,
    /// The directive that set it last.
    pub directive: DirectiveId,
    /// How orders toward it are placed.
    pub entry: EntryTerms,
    /// How a change toward it is divided.
    pub algorithm: Algorithm,
    /// How long after its start a group toward it is given up.
    pub end_after: Option<Span>,
    /// A group that enters ended short for good: nothing more is entered before a directive sets a target again.
    pub given_up: bool,
    /// A group that reduces ended short for good: nothing more is reduced before a directive sets a target again.
    pub kept: bool,
    /// A directive cancelled a group that reduces: an entry that fills later changes nothing of that.
    pub kept_on_request: bool,
    /// Its batch ended before it was reached: what works toward it is cancelled, before a directive sets a target again.
    pub stopped: bool,
}

impl StandingTarget {
    /// A size that is to be reached at once, at any price.
    pub(super) const fn at_market(size: Position, directive: DirectiveId) -> Self {
        let (entry, algorithm) = (EntryTerms::MARKET, Algorithm::Single);
        Self {
            size,
            directive,
            entry,
            algorithm,
            end_after: None,
            given_up: false,
            kept: false,
            kept_on_request: false,
            stopped: false,
        }
    }

    /// Nothing more is sent toward it.
    pub(super) const fn stop(&mut self) {
        (self.given_up, self.kept, self.kept_on_request, self.stopped) = (true, true, true, true);
    }

    /// A group of this action ended short for good.
    pub(super) const fn give_up(&mut self, action: GroupAction) {
        match action {
            GroupAction::Enter => self.given_up = true,
            GroupAction::Reduce => self.kept = true,
            GroupAction::Close => {}
        }
    }
}

/// A plan's exit levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Exits {
    /// Where the stop stands; one that trails stands there at first.
    pub stop: Option<Price>,
    /// Where the gain is taken.
    pub take_profit: Option<Price>,
    /// What the stop is. Outlives a stop that is removed.
    pub stop_kind: StopKind,
}

/// How far a plan's life has come.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Phase {
    /// It follows its target.
    Standing,
    /// A directive closes it.
    Closing(Closing),
    /// Its stop traded, or could not be placed any more.
    StoppedOut,
    /// It had ended, and then a fill was reported: it is flattened and ends again.
    Reopened {
        /// How it had ended.
        outcome: Outcome,
    },
    /// It ended.
    Closed {
        /// How.
        outcome: Outcome,
        /// What was left below a lot or the minimum notional, signed.
        dust: Position,
    },
}

/// A close under way.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Closing {
    /// The directive that asked for it.
    pub directive: DirectiveId,
    /// The worst acceptable price; `None` for any.
    pub price_limit: Option<Price>,
    /// What to do when nothing fills inside it.
    pub on_limit: OnLimit,
    /// Over which slices it goes; `None` for all at once.
    pub twap: Option<Twap>,
    /// How many orders were sent for all that was left: those of slices before the last are not counted.
    pub tries: u32,
    /// How many times a pause before the next try was begun.
    pub pauses: u32,
    /// Whether the next try waits for a timer.
    pub waiting: bool,
    /// Whether it has given up: what is left is held, protected.
    pub gave_up: bool,
}

/// How much of an order is counted.
type Remaining = fn(&Order) -> Option<Quantity>;

impl Plan {
    /// Whether it is being closed in slices of which some are still to come: what is held waits for them, as nothing
    /// that goes at once does.
    pub fn closes_in_slices(&self) -> bool {
        let Phase::Closing(closing) = &self.phase else { return false };
        if closing.twap.is_none() || closing.gave_up {
            return false;
        }
        // Before the first fill of a late entry there may be nothing to divide yet.
        self.close_group().is_none_or(|group| group.is_active() && group.slices_due < group.slices())
    }

    /// The newest group that carries out the directive which closes the plan, if it is being closed.
    pub fn close_group(&self) -> Option<&Group> {
        let Phase::Closing(closing) = &self.phase else { return None };
        let closes = |group: &&Group| group.action == GroupAction::Close && group.directive == closing.directive;
        self.groups.iter().rfind(closes)
    }

    /// What it trades.
    pub const fn symbol(&self) -> &Symbol {
        &self.instrument.symbol
    }

    /// What the order was for that filled last, by time of execution: which tells a take profit that took all from a
    /// target of zero.
    pub fn filled_last(&self) -> Option<OrderRole> {
        self.accounting.last_role()
    }

    /// Signed sum of its fills.
    pub const fn traded(&self) -> Position {
        self.accounting.totals().traded
    }

    /// What is held: traded less fees taken in the base asset.
    pub const fn held(&self) -> Position {
        self.accounting.totals().held
    }

    /// What is held, in whole lots and in the plan's own direction: what a stop covers. `None` below a lot.
    ///
    /// # Errors
    /// [`Inexact`] when an amount does not fit.
    pub fn held_lots(&self) -> Result<Option<Quantity>, Inexact> {
        let lots = self.instrument.whole_lots(self.held())?;
        Ok(lots.size().filter(|_| Side::of(lots) == Some(self.direction)))
    }

    /// What is held on the wrong side of zero, in whole lots: an order that leaves was filled beyond its quantity.
    /// `None` below a lot.
    ///
    /// # Errors
    /// [`Inexact`] when an amount does not fit.
    pub fn crossed_lots(&self) -> Result<Option<Quantity>, Inexact> {
        let lots = self.instrument.whole_lots(self.held())?;
        Ok(lots.size().filter(|_| Side::of(lots) == Some(self.direction.opposite())))
    }

    /// Traded, working and scheduled, signed (SEMANTICS 3). A working order counts in full until its end is confirmed,
    /// also where its group no longer wants it.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn committed(&self) -> Result<Position, Inexact> {
        self.committed_with(Order::remaining_most, Order::remaining_most)
    }

    /// What new decisions are taken against. Nothing is sent for what an unanswered cancel may yet leave standing, and
    /// nothing is taken back twice.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn committed_between(&self) -> Result<Bounds, Inexact> {
        Ok(Bounds {
            nearest: self.committed_with(Order::remaining_least, Order::remaining_most)?,
            farthest: self.committed_with(Order::remaining_most, Order::remaining_least)?,
        })
    }

    fn committed_with(&self, entering: Remaining, leaving: Remaining) -> Result<Position, Inexact> {
        let mut committed = self.traded();
        for group in &self.groups {
            let remaining = if group.action == GroupAction::Enter { entering } else { leaving };
            let working = group
                .orders
                .own_filling()
                .filter_map(remaining)
                .try_fold(Position::FLAT, |sum, quantity| sum.plus(Side::Buy.signed(quantity)))?;
            if let Some(counted) = group.outstanding()?.max(working).size() {
                committed = committed.plus(group.side(self.direction).signed(counted))?;
            }
        }
        for order in self.open_orders().filter(|order| order.role == OrderRole::Flatten) {
            if let Some(quantity) = leaving(order) {
                committed = committed.plus(order.side.signed(quantity))?;
            }
        }
        Ok(committed)
    }

    /// All of its orders, group by group, in no order that means anything within one. Walks through its whole history:
    /// nothing that is decided needs that.
    pub fn orders(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.groups.iter().flat_map(|group| group.orders.iter())
    }

    /// Its orders that work, or ended with a change unanswered, group by group in order of request.
    pub fn open_orders(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.groups.iter().flat_map(|group| group.orders.open())
    }

    /// Its stops, take profits and flattening orders, group by group: ended ones in the order of their ends, then open
    /// ones.
    pub fn side_orders(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.groups.iter().flat_map(|group| group.orders.side())
    }

    /// Whether an order of this role, one that hangs on a group, ever filled.
    pub fn has_filled(&self, role: OrderRole) -> bool {
        self.side_orders().any(|order| order.role == role && !order.fills.is_empty())
    }

    /// Its orders of one role that may still fill.
    pub fn working(&self, role: OrderRole) -> impl DoubleEndedIterator<Item = &Order> {
        self.open_orders().filter(move |order| order.role == role && order.is_working())
    }

    /// Whether an order of it works that reduces, closes or flattens: until that has ended, nothing is entered.
    pub fn is_leaving(&self) -> bool {
        let enters = |order: &Order| match order.role {
            OrderRole::Compensation => order.side == self.direction,
            OrderRole::Entry => true,
            OrderRole::Reduce | OrderRole::Close | OrderRole::StopLoss | OrderRole::TakeProfit | OrderRole::Flatten => {
                false
            }
        };
        self.open_orders().any(|order| order.is_working() && !enters(order) && !is_protection(order.role))
    }

    /// Whether anything of it works at the venue or is still to be sent.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn is_under_way(&self) -> Result<bool, Inexact> {
        for group in &self.groups {
            if !group.outstanding()?.is_flat() {
                return Ok(true);
            }
        }
        Ok(self.open_orders().any(|order| order.is_working() && !is_protection(order.role)))
    }

    /// Its order of that number.
    pub fn order(&self, no: OrderNo) -> Option<&Order> {
        self.groups.iter().rev().find_map(|group| group.orders.get(no))
    }

    /// The group of its order of that number.
    pub fn group_of(&self, no: OrderNo) -> Option<&Group> {
        self.groups.iter().rev().find(|group| group.orders.get(no).is_some())
    }

    /// Its group of that number.
    pub fn group(&self, no: GroupNo) -> Option<&Group> {
        self.groups.iter().find(|group| group.no == no)
    }

    pub(super) fn group_mut(&mut self, no: GroupNo) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| group.no == no)
    }

    /// Its fills that stand, not those that were taken back, in the order in which they were booked.
    pub fn standing_fills(&self) -> Vec<(&Order, &Fill)> {
        let fills = self.orders().flat_map(|order| order.fills.iter().map(move |fill| (order, fill)));
        let mut standing: Vec<_> = fills.filter(|(_, fill)| !fill.busted).collect();
        standing.sort_by(|(_, a), (_, b)| a.place().cmp(&b.place()));
        standing
    }

    /// Changes an order by a report or a request; `None` where there is no order of that number.
    pub(super) fn change_order<T>(
        &mut self,
        no: OrderNo,
        change: impl FnOnce(&mut Order) -> Result<T, Inexact>,
    ) -> Option<Result<T, Inexact>> {
        let group = self.group_of(no)?.no;
        self.group_mut(group)?.orders.change(no, change)
    }

    /// How many orders of `role`, one that hangs on a group, it has ever had: the place of the next one.
    pub fn count(&self, role: OrderRole) -> u32 {
        u32::try_from(self.side_orders().filter(|order| order.role == role).count()).unwrap_or(u32::MAX)
    }
}

/// Whether orders of this role protect a position rather than change it on purpose.
pub const fn is_protection(role: OrderRole) -> bool {
    match role {
        OrderRole::StopLoss | OrderRole::TakeProfit => true,
        OrderRole::Entry | OrderRole::Reduce | OrderRole::Close | OrderRole::Flatten | OrderRole::Compensation => false,
    }
}
