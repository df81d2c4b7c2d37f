//! What reports, and requests, do to an order. Whatever the order in which reports are told, it comes to stand the same.

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::event::{FillReport, VenueReason};
use retrace_core::exact::Inexact;
use retrace_core::ids::{ConnectorOrderId, FillId, Seq, TradeId};
use retrace_core::order::{OrderStatus, Side};

use super::order::{Change, Fill, Order};
use super::status::{Told, may_become};

/// What a fill, a correction or a bust came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Booked {
    /// It was told before, or is older than what is known.
    Known,
    /// It was told before with another body: it changes nothing.
    Conflict,
    /// A trade was taken back, or put right; how it was before, unless it had been taken back already.
    Changed(Option<Fill>),
    /// A trade that was not known.
    New,
}

/// A fill as it was told: first, or put right.
#[derive(Clone, Copy)]
pub(super) struct ToldFill<'a> {
    /// Its public id.
    pub id: FillId,
    /// Which correction, 0 for the fill itself.
    pub revision: u32,
    /// What it says.
    pub report: &'a FillReport,
    /// Where.
    pub seq: Seq,
}

impl Order {
    pub(super) const fn ask(&mut self, change: Change, seq: Seq) {
        self.in_flight = Some(change);
        self.asked = seq;
    }

    pub(super) const fn ask_where_it_stands(&mut self, seq: Seq) {
        self.query = Some(seq);
    }

    /// Whether a report answers what was asked of it last. One that names no request is taken by what it says.
    fn answers_last(&self, answers: Option<Seq>) -> Option<bool> {
        answers.map(|seq| seq == self.asked)
    }

    pub(super) fn accept(&mut self, id: ConnectorOrderId) {
        self.connector_order_id = Some(id);
        self.told.accepted = true;
        self.restate();
    }

    /// Its level was touched: so the venue has it, whether or not it said so before.
    pub(super) fn triggered(&mut self) {
        self.set_off = true;
        (self.told.accepted, self.told.triggered) = (true, true);
        self.restate();
    }

    /// It was refused: what was accepted was not.
    pub(super) fn refuse(&mut self, reason: VenueReason) {
        self.told.refused = Some(least(self.told.refused, reason));
        self.restate();
    }

    /// It ended, as the venue says. Of several ends the least counts, whichever was told first.
    pub(super) fn end(&mut self, status: OrderStatus, reason: Option<VenueReason>, answers: Option<Seq>) {
        if status == OrderStatus::Canceled
            && self.in_flight == Some(Change::Cancel)
            && self.answers_last(answers).unwrap_or(true)
        {
            self.in_flight = None;
        }
        self.ends(status, reason);
        self.restate();
    }

    /// Of the same end the one with a reason tells more than the one without: where an order stands is told without.
    fn ends(&mut self, status: OrderStatus, reason: Option<VenueReason>) {
        let rank = |(status, reason): (OrderStatus, Option<VenueReason>)| (status, reason.is_none(), reason);
        let end = (status, reason);
        self.told.end = Some(self.told.end.map_or(end, |known| if rank(end) < rank(known) { end } else { known }));
    }

    /// A change was refused. What was not asked for cannot be refused: that is an older answer told again. Of an order
    /// that has ended by then nothing else is to be said.
    pub(super) fn amend_refused(&mut self, reason: VenueReason, answers: Option<Seq>) {
        let amends = matches!(self.in_flight, Some(Change::Amend { .. }));
        self.change_refused(amends, Some(reason), answers);
    }

    /// A cancel was refused: the order works on as it did, unless the venue knows it no more.
    pub(super) fn cancel_refused(&mut self, reason: VenueReason, answers: Option<Seq>) {
        let cancels = self.in_flight == Some(Change::Cancel);
        self.change_refused(cancels, Some(reason).filter(|reason| *reason == VenueReason::UnknownOrder), answers);
    }

    fn change_refused(&mut self, fits: bool, reason: Option<VenueReason>, answers: Option<Seq>) {
        let named = self.answers_last(answers);
        if !named.unwrap_or(fits) {
            return;
        }
        // A query may have told before that the change was not made; why is told now.
        if fits {
            self.in_flight = None;
        }
        self.told.change_refused = reason.or(self.told.change_refused);
        self.restate();
    }

    /// A change was made, if it is the one that was asked for: any other is an older answer told again.
    pub(super) fn amended(&mut self, quantity: Quantity, price: Option<Price>, answers: Option<Seq>) {
        let fits = matches!(self.in_flight, Some(Change::Amend { quantity: asked, price: to })
            if self.is_change(asked, to, (quantity, price)));
        if !self.answers_last(answers).unwrap_or(fits) {
            return;
        }
        if matches!(self.in_flight, Some(Change::Amend { .. })) {
            self.in_flight = None;
        }
        self.become_amended(quantity, price);
        self.restate();
    }

    /// Whether what was asked for is what is told. Of a stop without a size only its level is asked for.
    fn is_change(&self, quantity: Quantity, price: Option<Price>, told: (Quantity, Option<Price>)) -> bool {
        price == told.1 && (quantity == told.0 || self.is_size_free())
    }

    fn become_amended(&mut self, quantity: Quantity, price: Option<Price>) {
        self.quantity = quantity;
        if let Some(price) = price {
            self.terms = self.terms.at(price);
        }
    }

    /// Where it stands at the venue. How much was filled in all, that the venue has it, and that it ended are so for ever,
    /// and count whenever they are told; whether a change of it was made counts only as the answer to the last query.
    pub(super) fn stands(
        &mut self,
        status: OrderStatus,
        whole: (Quantity, Option<Price>),
        filled: Position,
        answers: Option<Seq>,
    ) {
        self.stated = self.stated.max(filled);
        match status {
            OrderStatus::Filled if self.is_size_free() => {
                self.told.accepted = true;
                self.ends(status, None);
            }
            OrderStatus::Pending | OrderStatus::Open | OrderStatus::PartiallyFilled | OrderStatus::Filled => {
                self.told.accepted = true;
            }
            OrderStatus::Canceled | OrderStatus::Expired => {
                self.told.accepted = true;
                self.ends(status, None);
            }
            OrderStatus::Rejected => self.told.refused = Some(least(self.told.refused, VenueReason::Other)),
        }
        if answers.is_some() && answers == self.query {
            self.query = None;
            if let Some(Change::Amend { quantity, price }) = self.in_flight
                && self.is_change(quantity, price, whole)
            {
                self.become_amended(quantity, price);
            }
            self.in_flight = None;
        }
        self.restate();
    }

    /// The venue knows no such order. One that it never spoke of never reached it; of one that it had, the end is still
    /// to be told.
    pub(super) fn not_found(&mut self, answers: Option<Seq>) {
        if answers.is_none() || answers != self.query {
            return;
        }
        self.query = None;
        self.in_flight = None;
        self.refuse(VenueReason::NeverArrived);
    }

    /// Brings its status to what was reported of it.
    fn restate(&mut self) {
        self.take_size();
        let told = Told {
            accepted: self.told.accepted,
            traded: !self.filled.is_flat(),
            // Another fill of its plan would make it larger: that it is done the venue says.
            whole: !self.is_size_free() && self.filled.value() >= self.quantity.value(),
            missing: !self.missing_fill().is_flat(),
            end: self.told.end.map(|(end, _)| end),
            refused: self.told.refused.is_some(),
        };
        let status = told.status();
        if may_become(self.status, status) {
            self.status = status;
        }
        self.reason = match self.status {
            OrderStatus::Pending | OrderStatus::Open | OrderStatus::PartiallyFilled => self.told.change_refused,
            OrderStatus::Filled => None,
            OrderStatus::Canceled | OrderStatus::Expired => self.told.end.and_then(|(_, reason)| reason),
            OrderStatus::Rejected => self.told.refused,
        };
    }

    /// It is as large as its trades: one more of them is known, and it works again until that is booked.
    pub(super) fn extend(&mut self, quantity: Quantity) {
        self.quantity = quantity;
        self.restate();
    }

    /// Books a trade, or puts it right: the highest revision told counts.
    pub(super) fn fill(&mut self, told: ToldFill<'_>) -> Result<Booked, Inexact> {
        let ToldFill { id, revision, report, seq } = told;
        let Some(place) = self.fills.iter().position(|fill| fill.trade_id == report.trade_id) else {
            self.count(None, report.quantity)?;
            let overfill = !self.is_size_free() && self.filled.value() > self.quantity.value();
            self.fills.push(Fill {
                id,
                booked: seq,
                trade_id: report.trade_id.clone(),
                price: report.price,
                quantity: report.quantity,
                largest: report.quantity,
                revision,
                busted: self.busted.contains(&report.trade_id),
                fee: report.fee,
                fee_asset: report.fee_asset.clone(),
                liquidity: report.liquidity,
                executed_at: report.executed_at,
                late: !self.is_working(),
                overfill,
            });
            self.restate();
            return Ok(Booked::New);
        };
        let Some(known) = self.fills.get(place).cloned() else { return Ok(Booked::Known) };
        if revision == known.revision {
            return Ok(if known.says(report) { Booked::Known } else { Booked::Conflict });
        }
        let largest = known.largest.max(report.quantity);
        self.count(Some(known.largest), largest)?;
        if let Some(fill) = self.fills.get_mut(place) {
            fill.largest = largest;
            if revision > known.revision {
                fill.revision = revision;
                fill.price = report.price;
                fill.quantity = report.quantity;
                fill.fee = report.fee;
                fill.fee_asset = report.fee_asset.clone();
                fill.liquidity = report.liquidity;
                fill.executed_at = report.executed_at;
            }
        }
        self.restate();
        let newer = revision > known.revision;
        Ok(if newer { Booked::Changed(Some(known).filter(|fill| !fill.busted)) } else { Booked::Known })
    }

    /// Takes a trade back, also one that is still to be told.
    pub(super) fn bust(&mut self, trade: &TradeId) -> Booked {
        let known = self.fills.iter_mut().find(|fill| fill.trade_id == *trade && !fill.busted);
        let was = known.map(|fill| {
            let was = fill.clone();
            fill.busted = true;
            was
        });
        self.busted.insert(trade.clone());
        was.map_or(Booked::Known, |was| Booked::Changed(Some(was)))
    }

    /// Counts so much as filled, in place of what the same trade counted for before.
    fn count(&mut self, before: Option<Quantity>, now: Quantity) -> Result<(), Inexact> {
        let before = before.map_or(Position::FLAT, |before| Side::Buy.signed(before));
        self.filled = self.filled.minus(before)?.plus(Side::Buy.signed(now))?;
        Ok(())
    }
}

/// Of two reasons the least, so that it does not matter which was told first.
fn least(known: Option<VenueReason>, told: VenueReason) -> VenueReason {
    known.map_or(told, |known| known.min(told))
}
