//! What the bar venue's profile allows: sales of what is held, amending, the number of stops, linked exits.

use retrace_core::amount::{Position, Quantity};
use retrace_core::event::{Report, VenueReason};
use retrace_core::ids::PlanNo;
use retrace_core::instrument::Symbol;
use retrace_core::order::{OrderTerms, Side};

use super::book::Resting;
use super::{BarVenue, VenueError, expired};

impl BarVenue {
    /// Why the profile does not let a new order in, if so.
    pub(super) fn against_profile(&self, order: &Resting) -> Result<Option<VenueReason>, VenueError> {
        let profile = &self.settings.profile;
        let trails = order.terms.trail().is_some() && !profile.native_trailing;
        if trails || (order.terms.visible().is_some() && !profile.native_iceberg) {
            return Ok(Some(VenueReason::Other));
        }
        // One of two linked exits that comes when the other has traded.
        let exits = order.is_stop() || matches!(order.terms, OrderTerms::TakeProfit { .. });
        if exits && profile.native_oco && !order.reduce_only {
            let held = self.positions.get(&order.plan).map(|(_, position)| *position);
            if held.is_some_and(|held| Side::of(held) != Some(order.side.opposite())) {
                return Ok(Some(VenueReason::NothingToReduce));
            }
        }
        if order.is_stop() {
            let stops = self.resting.values().filter(|o| o.symbol == order.symbol && o.is_stop()).count();
            if profile.max_stops.is_some_and(|max| stops >= usize::from(max)) {
                return Ok(Some(VenueReason::TooManyStops));
            }
        }
        if profile.shorting || order.side == Side::Buy || order.size_free {
            return Ok(None);
        }
        let held = self.account(&order.symbol)?;
        let wanted = Side::Buy.signed(order.quantity);
        if wanted > held {
            return Ok(Some(VenueReason::NotHeld));
        }
        if !profile.stop_locks_holding {
            return Ok(None);
        }
        let locked = self.locked(&order.symbol, order)?;
        Ok((locked > held).then_some(VenueReason::HoldingLocked))
    }

    /// Why a working order's quantity may not be changed to `quantity`, if so. What grows needs what is free.
    pub(super) fn against_amending(
        &self,
        order: &Resting,
        quantity: Quantity,
    ) -> Result<Option<VenueReason>, VenueError> {
        let profile = &self.settings.profile;
        let forbidden = quantity > order.quantity && !profile.amend_up;
        if forbidden || (quantity < order.quantity && !profile.amend_down) {
            return Ok(Some(VenueReason::CannotAmend));
        }
        if profile.shorting || order.side == Side::Buy || quantity <= order.quantity {
            return Ok(None);
        }
        let held = self.account(&order.symbol)?;
        let changed = Resting { quantity, ..order.clone() };
        if changed.remaining().is_some_and(|left| Side::Buy.signed(left) > held) {
            return Ok(Some(VenueReason::NotHeld));
        }
        let locked = self.locked(&order.symbol, &changed)?;
        Ok((profile.stop_locks_holding && locked > held).then_some(VenueReason::HoldingLocked))
    }

    /// What the account holds of a symbol, in whole lots: the sum of its plans.
    fn account(&self, symbol: &Symbol) -> Result<Position, VenueError> {
        let mut held = self.dust.get(symbol).copied().unwrap_or_default();
        for (_, position) in self.positions.values().filter(|(of, _)| of == symbol) {
            held = held.plus(*position)?;
        }
        Ok(self.instrument(symbol)?.whole_lots(held)?)
    }

    /// What working sales lock, with `order` as it is to be: a plan's stops and take profits count once where they are
    /// linked.
    fn locked(&self, symbol: &Symbol, order: &Resting) -> Result<Position, VenueError> {
        let sales = || {
            let others = self.resting.values().filter(|other| other.order != order.order);
            others.chain([order]).filter(|order| order.side == Side::Sell && order.symbol == *symbol)
        };
        let mut plans: Vec<PlanNo> = sales().map(|order| order.plan).collect();
        plans.sort_unstable();
        plans.dedup();
        let mut locked = Position::FLAT;
        for plan in plans {
            let (mut stops, mut profits) = (Position::FLAT, Position::FLAT);
            for order in sales().filter(|order| order.plan == plan) {
                let left = order.remaining().map_or(Position::FLAT, |left| Side::Buy.signed(left));
                if order.is_stop() {
                    stops = stops.plus(left)?;
                } else if matches!(order.terms, OrderTerms::TakeProfit { .. }) {
                    profits = profits.plus(left)?;
                } else {
                    locked = locked.plus(left)?;
                }
            }
            let exits = if self.settings.profile.native_oco { stops.max(profits) } else { stops.plus(profits)? };
            locked = locked.plus(exits)?;
        }
        Ok(locked)
    }

    /// What of `wanted` an order may sell where nothing may be below zero; `None` where nothing is left.
    pub(super) fn within_account(&self, order: &Resting, wanted: Quantity) -> Result<Option<Quantity>, VenueError> {
        if self.settings.profile.shorting || order.side == Side::Buy {
            return Ok(Some(wanted));
        }
        let held = self.account(&order.symbol)?;
        Ok(held.size().filter(|_| held > Position::FLAT).map(|held| held.min(wanted)))
    }

    /// The first trade of one leg of linked exits ends the other: all of the plan's take profits for a stop, all of its
    /// stops for a take profit. Where orders are reduce-only they cannot trade more than is held, and need no link.
    pub(super) fn unlink(&mut self, traded: &Resting, reports: &mut Vec<Report>) {
        let profile = &self.settings.profile;
        let other: fn(&Resting) -> bool = match traded.terms {
            OrderTerms::Stop { .. } | OrderTerms::StopLimit { .. } | OrderTerms::TrailingStop { .. } => {
                |order| matches!(order.terms, OrderTerms::TakeProfit { .. })
            }
            OrderTerms::TakeProfit { .. } => Resting::is_stop,
            OrderTerms::Market | OrderTerms::Limit { .. } | OrderTerms::Iceberg { .. } | OrderTerms::Unknown => return,
        };
        if !profile.native_oco || traded.reduce_only {
            return;
        }
        let ended: Vec<u64> = self
            .resting
            .iter()
            .filter(|(_, order)| order.plan == traded.plan && other(order))
            .map(|(place, _)| *place)
            .collect();
        for place in ended {
            if let Some(order) = self.resting.remove(&place) {
                reports.push(expired(order.order, VenueReason::Linked));
            }
        }
    }
}
