//! An execution group: how much it is to trade, in which slices, and how far it has come.

use bincode::{Decode, Encode};
use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::directive::{Algorithm, EntryTerms};
use retrace_core::event::{Because, GroupAction, GroupEnd};
use retrace_core::exact::{self, Inexact, Rounding};
use retrace_core::ids::{DirectiveId, GroupId, GroupNo};
use retrace_core::instrument::Instrument;
use retrace_core::order::{OrderRole, Side};
use retrace_core::time::{Span, Timestamp};
use rust_decimal::Decimal;

use super::actions::Ordered;
use super::gate::HeldBack;
use super::order::Order;
use super::orders::Orders;

/// A plan's execution group.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Group {
    /// Its number in the plan.
    pub no: GroupNo,
    /// Its public id.
    pub id: GroupId,
    /// The directive it carries out.
    pub directive: DirectiveId,
    /// What it does.
    pub action: GroupAction,
    /// How it divides its quantity.
    pub algorithm: Algorithm,
    /// How its orders are placed.
    pub entry: EntryTerms,
    /// How long after it came into being it is given up.
    pub end_after: Option<Span>,
    /// The current price when it came into being; `None` where there was none yet.
    pub arrival: Option<Price>,
    /// How much it was to trade when it came into being.
    pub planned: Quantity,
    /// How much of that was taken back before it was sent, zero or more.
    pub dropped: Position,
    /// How much of what was dropped is given up for good, zero or more: what slices left unfilled when their time had
    /// passed, what the venue ended short, what was left when the group's time was up, and what is too little for the
    /// venue.
    pub missed: Position,
    /// When it came into being: slice 0 is due then.
    pub created_at: Timestamp,
    /// How many slices have come due.
    pub slices_due: u32,
    /// What directives ordered of it since.
    pub ordered: Ordered,
    /// The time that it had has passed: nothing more is sent, and what works is cancelled.
    pub time_is_up: bool,
    /// How it ended; `None` while it is active.
    pub end: Option<GroupEnd>,
    /// The current price when it ended.
    pub end_price: Option<Price>,
    /// What the risk gate refused of it last; `None` once that waits no more.
    pub held_back: Option<HeldBack>,
    /// Whether it takes back what a batch traded.
    pub compensates: bool,
    /// Its orders.
    pub orders: Orders,
}

/// What a group is opened with.
pub(super) struct Opening {
    pub directive: DirectiveId,
    pub action: GroupAction,
    pub algorithm: Algorithm,
    pub entry: EntryTerms,
    pub quantity: Quantity,
    pub end_after: Option<Span>,
    pub arrival: Option<Price>,
    pub compensates: bool,
}

impl Group {
    pub(super) fn new(no: GroupNo, id: GroupId, created_at: Timestamp, opening: Opening) -> Self {
        let Opening { directive, action, algorithm, entry, quantity, end_after, arrival, compensates } = opening;
        let own = if compensates { OrderRole::Compensation } else { own_role(action) };
        let mut group = Self {
            no,
            id,
            directive,
            action,
            algorithm,
            entry,
            end_after,
            arrival,
            planned: quantity,
            dropped: Position::FLAT,
            missed: Position::FLAT,
            created_at,
            slices_due: 1,
            ordered: Ordered::default(),
            time_is_up: false,
            end: None,
            end_price: None,
            held_back: None,
            compensates,
            orders: Orders::new(own),
        };
        // Only time makes slices wait.
        if !matches!(algorithm, Algorithm::Twap(_)) {
            group.slices_due = group.slices();
        }
        group
    }

    /// How its own orders trade, for a plan of this direction.
    pub const fn side(&self, direction: Side) -> Side {
        match self.action {
            GroupAction::Enter => direction,
            GroupAction::Reduce | GroupAction::Close => direction.opposite(),
        }
    }

    /// The role of its own orders.
    pub const fn role(&self) -> OrderRole {
        if self.compensates { OrderRole::Compensation } else { own_role(self.action) }
    }

    /// Whether it may still send orders.
    pub const fn is_active(&self) -> bool {
        self.end.is_none()
    }

    /// Into how many slices it divides its quantity: a layer is one, and so is what an iceberg shows at a time, unless the
    /// venue does that by itself.
    pub fn slices(&self) -> u32 {
        match self.algorithm {
            Algorithm::Single => 1,
            Algorithm::Twap(twap) => twap.slices,
            Algorithm::Iceberg(_) if self.orders.are_hidden_by_venue() => 1,
            Algorithm::Iceberg(iceberg) => parts(self.planned, iceberg.visible),
            Algorithm::Layered(layered) => layered.layers,
        }
    }

    /// How many of its slices have come due; of an iceberg, how many were shown.
    pub fn slices_begun(&self) -> u32 {
        match self.algorithm {
            Algorithm::Iceberg(_) => self.orders.own_last().map_or(0, |last| last.slice.saturating_add(1)),
            Algorithm::Single | Algorithm::Twap(_) | Algorithm::Layered(_) => self.slices_due,
        }
        .min(self.slices())
    }

    /// When slice `slice` is due.
    pub fn slice_due(&self, slice: u32) -> Timestamp {
        let offset = match self.algorithm {
            Algorithm::Single | Algorithm::Iceberg(_) | Algorithm::Layered(_) => Span::default(),
            Algorithm::Twap(twap) => twap.duration.portion(slice, twap.slices),
        };
        self.created_at.plus(offset)
    }

    /// What its own orders have filled, zero or more.
    pub const fn filled(&self) -> Position {
        self.orders.own_filled()
    }

    /// What it is to trade in all: what is wanted less what was taken back, zero or more. What traded before the
    /// cancel reached it was not taken back.
    ///
    /// # Errors
    /// [`Inexact`] when the difference does not fit.
    pub fn quantity(&self) -> Result<Position, Inexact> {
        Ok(self.wanted()?.minus(self.dropped)?.max(self.filled()))
    }

    /// What it is still to trade while it is active, sent or not, zero or more.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn outstanding(&self) -> Result<Position, Inexact> {
        if !self.is_active() {
            return Ok(Position::FLAT);
        }
        Ok(at_least_zero(self.quantity()?.minus(self.filled())?))
    }

    /// What of it works at the venue, zero or more; what is being added to an order counts.
    ///
    /// # Errors
    /// [`Inexact`] when the sum does not fit.
    pub fn working(&self) -> Result<Position, Inexact> {
        self.orders
            .own_filling()
            .filter_map(Order::remaining_most)
            .try_fold(Position::FLAT, |sum, remaining| sum.plus(Side::Buy.signed(remaining)))
    }

    /// What it is still to trade and has not sent, zero or more.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn unsent(&self) -> Result<Position, Inexact> {
        Ok(at_least_zero(self.outstanding()?.minus(self.working()?)?))
    }

    /// What slice `slice` alone trades: the quantity over the slices, rounded down to the lot, the remainder in the
    /// last. `None` where that is nothing.
    ///
    /// # Errors
    /// [`Inexact`] when an amount does not fit.
    pub fn slice_quantity(&self, slice: u32, instrument: &Instrument) -> Result<Option<Quantity>, Inexact> {
        let slices = self.slices();
        let regular = slice_size(self.planned, slices, instrument)?;
        if slice.saturating_add(1) < slices {
            return Ok(regular.size());
        }
        let before = times(regular, slices.saturating_sub(1))?;
        Ok(Side::Buy.signed(self.planned).minus(before)?.size())
    }

    /// What all slices that have come due are to trade, less what they missed; never more than [`Group::quantity`].
    ///
    /// # Errors
    /// [`Inexact`] when an amount does not fit.
    pub fn due_quantity(&self, instrument: &Instrument) -> Result<Position, Inexact> {
        let quantity = self.quantity()?;
        if self.slices_due >= self.slices() {
            return Ok(quantity);
        }
        let due = times(slice_size(self.planned, self.slices(), instrument)?, self.slices_due)?;
        Ok(due.plus(self.ordered.added)?.minus(self.missed)?.min(quantity))
    }
}

/// The role of the orders that a group of this action sends itself.
pub(super) const fn own_role(action: GroupAction) -> OrderRole {
    match action {
        GroupAction::Enter => OrderRole::Entry,
        GroupAction::Reduce => OrderRole::Reduce,
        GroupAction::Close => OrderRole::Close,
    }
}

/// Whether what is dropped for this reason is given up for good: nothing makes up for it, and its group ends short.
pub(super) const fn is_given_up(because: Because) -> bool {
    matches!(
        because,
        Because::Skipped
            | Because::BelowMinNotional
            | Because::RiskGate
            | Because::KillSwitch
            | Because::TimeUp
            | Because::EndedShort
    )
}

/// In how many parts of at most `part` a quantity goes.
fn parts(quantity: Quantity, part: Quantity) -> u32 {
    let parts = exact::mul_div(quantity.value(), Decimal::ONE, part.value(), 0, Rounding::Up);
    parts.ok().and_then(|parts| u32::try_from(parts).ok()).unwrap_or(u32::MAX)
}

/// What every slice but the last trades, zero or more.
///
/// # Errors
/// [`Inexact`] when an amount does not fit.
pub fn slice_size(quantity: Quantity, slices: u32, instrument: &Instrument) -> Result<Position, Inexact> {
    let lots_a_slice = times_decimal(instrument.lot, slices.max(1))?;
    let rounds = exact::mul_div(quantity.value(), Decimal::ONE, lots_a_slice, 0, Rounding::Down)?;
    let size = exact::mul(rounds, instrument.lot.value())?;
    Position::new(size).map_err(|_| Inexact { left: rounds, operation: '*', right: instrument.lot.value() })
}

fn times_decimal(quantity: Quantity, count: u32) -> Result<Decimal, Inexact> {
    exact::mul(quantity.value(), Decimal::from(count))
}

fn times(position: Position, count: u32) -> Result<Position, Inexact> {
    let count = Decimal::from(count);
    let product = exact::mul(position.value(), count)?;
    Position::new(product).map_err(|_| Inexact { left: position.value(), operation: '*', right: count })
}

fn at_least_zero(position: Position) -> Position {
    position.max(Position::FLAT)
}
