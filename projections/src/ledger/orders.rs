//! A group's orders, kept so that a long history costs nothing: what may still change stands apart from what has ended.

use bincode::{Decode, Encode};
use std::sync::Arc;

use retrace_core::amount::Position;
use retrace_core::exact::Inexact;
use retrace_core::ids::OrderNo;
use retrace_core::order::OrderRole;

use super::order::Order;

/// A group's orders. Those that ended are shared between copies: copying a plan to decide about it costs as much as it
/// has orders open, and looking for what works never walks through its history.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Orders {
    /// The role of the group's own orders; all others hang on it: stops, take profits, flattening orders.
    own: OrderRole,
    /// Working, or ended with a change unanswered, in order of request.
    open: Vec<Order>,
    /// Own orders that ended, in that order.
    own_ended: Arc<Vec<Order>>,
    /// All others that ended, in that order.
    side_ended: Arc<Vec<Order>>,
    /// What own orders have filled, zero or more.
    own_filled: Position,
    /// The own order that was requested last.
    own_last: Option<OrderNo>,
    /// The venue hides a part of an own order, or did.
    hidden_by_venue: bool,
}

impl Orders {
    pub(super) fn new(own: OrderRole) -> Self {
        Self {
            own,
            open: Vec::new(),
            own_ended: Arc::default(),
            side_ended: Arc::default(),
            own_filled: Position::FLAT,
            own_last: None,
            hidden_by_venue: false,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.own_ended.is_empty() && self.side_ended.is_empty()
    }

    /// All of them, in order of request.
    pub fn in_order(&self) -> Vec<&Order> {
        let mut all: Vec<&Order> = self.iter().collect();
        all.sort_by_key(|order| order.no);
        all
    }

    /// All of them, in no order that means anything.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.own_ended.iter().chain(self.side_ended.iter()).chain(&self.open)
    }

    /// Those that work, or ended with a change unanswered, in order of request.
    pub fn open(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.open.iter()
    }

    /// The group's own orders that work, in order of request.
    pub fn own_working(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.open.iter().filter(|order| order.role == self.own && order.is_working())
    }

    /// The group's own orders that may fill more than by now, in order of request.
    pub fn own_filling(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.open.iter().filter(|order| order.role == self.own && order.may_fill())
    }

    /// How many own orders there are.
    pub fn own_count(&self) -> usize {
        let open = self.open.iter().filter(|order| order.role == self.own).count();
        self.own_ended.len().saturating_add(open)
    }

    /// The own order that was requested last.
    pub fn own_last(&self) -> Option<&Order> {
        self.own_last.and_then(|no| self.get(no))
    }

    /// Whether the venue hides a part of an own order by itself, or did of one that has ended.
    pub const fn are_hidden_by_venue(&self) -> bool {
        self.hidden_by_venue
    }

    /// What own orders have filled, zero or more.
    pub const fn own_filled(&self) -> Position {
        self.own_filled
    }

    /// Stops, take profits and flattening orders: ended ones in the order of their ends, then open ones.
    pub fn side(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.side_ended.iter().chain(self.open.iter().filter(|order| order.role != self.own))
    }

    /// The order of that number. What is asked for ended lately, if at all.
    pub fn get(&self, no: OrderNo) -> Option<&Order> {
        let open = self.open.iter().find(|order| order.no == no);
        let own = || self.own_ended.iter().rfind(|order| order.no == no);
        open.or_else(own).or_else(|| self.side_ended.iter().rfind(|order| order.no == no))
    }

    /// Changes every order in a way that moves no sum.
    pub(super) fn change_all(&mut self, change: fn(&mut Order)) {
        let ended = [&mut self.own_ended, &mut self.side_ended];
        for orders in ended.into_iter().filter(|orders| !orders.is_empty()) {
            Arc::make_mut(orders).iter_mut().for_each(change);
        }
        self.open.iter_mut().for_each(change);
    }

    pub(super) fn request(&mut self, order: Order) {
        if order.role == self.own {
            self.own_last = Some(order.no);
            self.hidden_by_venue |= order.terms.visible().is_some();
        }
        self.open.push(order);
    }

    /// Changes an order by a report or a request. Answers `None` where there is no order of that number.
    pub(super) fn change<T>(
        &mut self,
        no: OrderNo,
        change: impl FnOnce(&mut Order) -> Result<T, Inexact>,
    ) -> Option<Result<T, Inexact>> {
        let own = self.own;
        if let Some(place) = self.open.iter().position(|order| order.no == no) {
            let order = self.open.get_mut(place)?;
            let changed = counted(order, own, &mut self.own_filled, change);
            if order.is_settled() {
                let order = self.open.remove(place);
                let ended = if order.role == own { &mut self.own_ended } else { &mut self.side_ended };
                Arc::make_mut(ended).push(order);
            }
            return Some(changed);
        }
        // A report that comes after the end: rare enough to copy what other copies share.
        for ended in [&mut self.own_ended, &mut self.side_ended] {
            if let Some(place) = ended.iter().rposition(|order| order.no == no) {
                let orders = Arc::make_mut(ended);
                let order = orders.get_mut(place)?;
                let changed = counted(order, own, &mut self.own_filled, change);
                if !order.is_settled() {
                    // It is not as ended as it was said to be.
                    let order = orders.remove(place);
                    let before = self.open.iter().position(|open| open.no > order.no).unwrap_or(self.open.len());
                    self.open.insert(before, order);
                }
                return Some(changed);
            }
        }
        None
    }
}

/// Changes an order and keeps the sum of own fills right.
fn counted<T>(
    order: &mut Order,
    own: OrderRole,
    own_filled: &mut Position,
    change: impl FnOnce(&mut Order) -> Result<T, Inexact>,
) -> Result<T, Inexact> {
    let before = order.filled();
    let changed = change(order)?;
    if order.role == own {
        *own_filled = own_filled.plus(order.filled().minus(before)?)?;
    }
    Ok(changed)
}
