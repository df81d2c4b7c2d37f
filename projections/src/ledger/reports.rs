//! What a venue's reports do to the ledger: orders come to stand where they stand, fills are booked once.

use retrace_core::amount::Position;
use retrace_core::event::{Event, FillReport, Report, ReportKind, ReportedOrder};
use retrace_core::exact::Inexact;
use retrace_core::ids::{OrderNo, TradeId, derive_fill_id};
use retrace_core::order::{OrderRole, OrderStatus, Side};

use super::apply::amount;
use super::told::{Booked, ToldFill};
use super::{BrokenHistory, Change, Differs, Fill, Ledger, Order, Phase, Plan, Trade, is_protection};

impl Ledger {
    pub(super) fn apply_report(&mut self, event: &Event, report: &Report) -> Result<(), BrokenHistory> {
        self.fold_report(event, report)?;
        // A plan that was brought back for a report that changed nothing of it is put away again.
        match event.plan {
            Some(no) if self.plan(no).is_some_and(|plan| matches!(plan.phase, Phase::Closed { .. })) => {
                self.seal(no).map_err(|source| amount(event, source))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn fold_report(&mut self, event: &Event, report: &Report) -> Result<(), BrokenHistory> {
        let no = match &report.order {
            ReportedOrder::Ours(no) => *no,
            ReportedOrder::Foreign(_) => {
                self.counts.foreign = self.counts.foreign.saturating_add(1);
                return Ok(());
            }
        };
        match &report.what {
            ReportKind::Filled(fill) => return self.apply_told_fill(event, no, 0, fill),
            ReportKind::Corrected { revision, fill } => return self.apply_told_fill(event, no, *revision, fill),
            ReportKind::Busted { trade_id } => return self.apply_bust(event, no, trade_id),
            ReportKind::Accepted { .. }
            | ReportKind::Rejected { .. }
            | ReportKind::Amended { .. }
            | ReportKind::AmendRejected { .. }
            | ReportKind::Canceled
            | ReportKind::CancelRejected { .. }
            | ReportKind::Expired { .. }
            | ReportKind::Triggered
            | ReportKind::Stands { .. }
            | ReportKind::NotFound => {}
        }
        // Taken back so that it can be sent again, larger.
        let resent =
            event.plan.and_then(|plan| self.plan(plan)?.group_of(no)).is_some_and(|group| group.ordered.resend);
        let (role, not_added, set_off) = self.change_order(event, no, |order| {
            let was_set_off = order.told.triggered || order.is_done();
            let (was_to_grow, before) = (order.is_to_grow(), order.quantity);
            let was_to_end = resent && order.in_flight == Some(Change::Cancel);
            report_to(order, report);
            let not_added = was_to_grow && order.in_flight.is_none() && order.quantity == before;
            let goes_on = order.is_working() || order.status == OrderStatus::Filled;
            let stays = was_to_end && order.in_flight.is_none() && goes_on;
            order.told.did_not_grow |= not_added || stays;
            // One that is done was set off, whether or not its trades are told.
            Ok((order.role, not_added, !was_set_off && (order.told.triggered || order.is_done())))
        })?;
        if not_added && !is_protection(role) {
            self.mark_resend(event)?;
        }
        if set_off && role == OrderRole::StopLoss {
            let plan = Self::number_of_plan(event)?;
            stop_out(self.plan_mut(event, plan)?);
        }
        Ok(())
    }

    /// A fill, or a correction of one: a trade is booked once, as its highest revision says.
    pub(super) fn apply_fill(
        &mut self,
        event: &Event,
        no: OrderNo,
        revision: u32,
        report: &FillReport,
    ) -> Result<(), BrokenHistory> {
        let session = self.session;
        let lowered = |order: &Order| order.fill_of(&report.trade_id).map(|fill| fill.largest);
        let (booked, before, role, side) = self.change_order(event, no, |order| {
            let id = derive_fill_id(session, order.id, &report.trade_id);
            let before = lowered(order);
            let booked = order.fill(ToldFill { id, revision, report, seq: event.seq })?;
            Ok((booked, before, order.role, order.side))
        })?;
        let plan_no = Self::number_of_plan(event)?;
        let plan = self.plan(plan_no);
        let Some(fill) = plan.and_then(|plan| plan.order(no)).and_then(|order| order.fill_of(&report.trade_id)) else {
            return Ok(());
        };
        let fill = fill.clone();
        match &booked {
            Booked::Known => self.counts.repeated_fills = self.counts.repeated_fills.saturating_add(1),
            Booked::Conflict => {
                self.note_conflict(event, plan_no, no, Differs::Body(Box::new(fill.clone())), report);
            }
            Booked::New | Booked::Changed(_) => {}
        }
        let plan = self.plan_mut(event, plan_no)?;
        let inexact = |source| amount(event, source);
        match &booked {
            Booked::Known | Booked::Conflict => {}
            Booked::New => rebook(plan, (role, side), None, Some(&fill)).map_err(inexact)?,
            Booked::Changed(was) => {
                rebook(plan, (role, side), was.as_ref(), Some(&fill)).map_err(inexact)?;
            }
        }
        // A stop or take profit takes the most that was said of its trade off the target, and never gives it back.
        let used = Side::Buy.signed(fill.largest);
        let more = before.map_or(Ok(used), |before| used.minus(Side::Buy.signed(before))).map_err(inexact)?;
        let takes = matches!(role, OrderRole::StopLoss | OrderRole::TakeProfit);
        if let Some(more) = more.size().filter(|_| takes) {
            let traded = side.signed(more);
            plan.target.size = lower(plan.target.size, traded).map_err(inexact)?;
            if role == OrderRole::TakeProfit {
                let plan_id = plan.id.clone();
                self.lower_before(&plan_id, traded).map_err(inexact)?;
            }
        }
        let plan = self.plan_mut(event, plan_no)?;
        if booked == Booked::New {
            match role {
                OrderRole::StopLoss => stop_out(plan),
                // There is more to reduce than what could not be.
                OrderRole::Entry => plan.target.kept = plan.target.kept_on_request,
                OrderRole::TakeProfit
                | OrderRole::Reduce
                | OrderRole::Close
                | OrderRole::Flatten
                | OrderRole::Compensation => {}
            }
        }
        plan.follow_holding().map_err(inexact)
    }

    /// A trade was taken back: what it did to the position and the result is undone. That it used up its order, and that
    /// a stop was set off by it, stays so.
    fn apply_bust(&mut self, event: &Event, no: OrderNo, trade: &TradeId) -> Result<(), BrokenHistory> {
        let (booked, role, side) =
            self.change_order(event, no, |order| Ok((order.bust(trade), order.role, order.side)))?;
        let plan_no = Self::number_of_plan(event)?;
        let plan = self.plan_mut(event, plan_no)?;
        let rebooked = match booked {
            Booked::Changed(was) => rebook(plan, (role, side), was.as_ref(), None),
            Booked::Known | Booked::Conflict | Booked::New => Ok(()),
        };
        rebooked.and_then(|()| plan.follow_holding()).map_err(|source| amount(event, source))
    }
}

/// Books a fill of a plan in place of what was booked before; a plan that had ended is opened again.
fn rebook(
    plan: &mut Plan,
    (role, side): (OrderRole, Side),
    was: Option<&Fill>,
    now: Option<&Fill>,
) -> Result<(), Inexact> {
    if let Some(was) = was {
        plan.accounting.unbook(was.executed_at, &was.trade_id)?;
    }
    if let Some(fill) = now.filter(|fill| !fill.busted) {
        plan.accounting.book(Trade::of(role, side, fill))?;
    }
    if let Phase::Closed { outcome, .. } = plan.phase {
        plan.phase = Phase::Reopened { outcome };
        plan.target.size = Position::FLAT;
    }
    Ok(())
}

/// What a report other than of a trade does to its order.
fn report_to(order: &mut Order, report: &Report) {
    let answers = report.answers;
    match &report.what {
        ReportKind::Accepted { connector_order_id } => order.accept(connector_order_id.clone()),
        ReportKind::Rejected { reason } => order.refuse(*reason),
        ReportKind::Amended { quantity, price } => order.amended(*quantity, *price, answers),
        ReportKind::AmendRejected { reason } => order.amend_refused(*reason, answers),
        ReportKind::CancelRejected { reason } => order.cancel_refused(*reason, answers),
        ReportKind::Canceled => order.end(OrderStatus::Canceled, None, answers),
        ReportKind::Expired { reason } => order.end(OrderStatus::Expired, Some(*reason), answers),
        // It works on; what follows concerns its plan.
        ReportKind::Triggered => order.triggered(),
        ReportKind::Stands { status, quantity, price, filled } => {
            order.stands(*status, (*quantity, *price), *filled, answers);
        }
        ReportKind::NotFound => order.not_found(answers),
        // Booked by `apply_fill` and `apply_bust`.
        ReportKind::Filled(_) | ReportKind::Corrected { .. } | ReportKind::Busted { .. } => {}
    }
}

/// A stop traded or was set off: nothing more is entered, and what it leaves does not wait for the slices of a close.
pub(super) fn stop_out(plan: &mut Plan) {
    if plan.phase == Phase::Standing || plan.closes_in_slices() {
        plan.phase = Phase::StoppedOut;
        plan.target.size = Position::FLAT;
    }
}

/// A target less what a stop or take profit traded, never across zero: nothing is bought back.
pub(super) fn lower(target: Position, traded: Position) -> Result<Position, Inexact> {
    let lowered = target.plus(traded)?;
    let crossed = Side::of(lowered).is_some_and(|side| Some(side) != Side::of(target));
    Ok(if crossed { Position::FLAT } else { lowered })
}
