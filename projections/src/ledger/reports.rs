//! What a venue's reports do to the ledger: orders come to stand where they stand, fills are booked once.

use retrace_core::amount::Position;
use retrace_core::event::{Event, FillReport, Report, ReportKind, ReportedOrder};
use retrace_core::exact::Inexact;
use retrace_core::ids::{OrderNo, derive_fill_id};
use retrace_core::order::{OrderRole, OrderStatus, Side};

use super::apply::amount;
use super::{BrokenHistory, Ledger, Order, Phase, Plan, Trade, is_protection};

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
        if let ReportKind::Filled(fill) = &report.what {
            return self.apply_fill(event, no, fill);
        }
        let refuses = matches!(report.what, ReportKind::AmendRejected { .. });
        let (role, not_added) = self.change_order(event, no, |order| {
            let not_added = refuses && order.is_to_grow();
            report_to(order, &report.what);
            Ok((order.role, not_added))
        })?;
        if not_added && !is_protection(role) {
            self.mark_resend(event)?;
        }
        if (&report.what, role) == (&ReportKind::Triggered, OrderRole::StopLoss) {
            let plan = Self::number_of_plan(event)?;
            stop_out(self.plan_mut(event, plan)?);
        }
        Ok(())
    }

    pub(super) fn apply_fill(&mut self, event: &Event, no: OrderNo, report: &FillReport) -> Result<(), BrokenHistory> {
        let session = self.session;
        let plan = event.plan.and_then(|plan| self.plan(plan));
        let known = plan.and_then(|plan| plan.order(no)).and_then(|order| order.fill_of(&report.trade_id));
        if let Some(known) = known {
            let same = known.says(report);
            let counts = &mut self.counts;
            let count = if same { &mut counts.repeated_fills } else { &mut counts.conflicting_fills };
            *count = count.saturating_add(1);
            return Ok(());
        }
        let (side, role) = self.change_order(event, no, |order| {
            order.fill(derive_fill_id(session, order.id, &report.trade_id), report, event.seq)?;
            Ok((order.side, order.role))
        })?;
        let plan_no = Self::number_of_plan(event)?;
        let plan = self.plan_mut(event, plan_no)?;
        let trade = Trade {
            trade_id: report.trade_id.clone(),
            executed_at: report.executed_at,
            side,
            price: report.price,
            quantity: report.quantity,
            fee: report.fee,
            fee_asset: report.fee_asset.clone(),
        };
        plan.accounting.book(trade).map_err(|source| amount(event, source))?;
        plan.filled_last = Some(role);
        if let Phase::Closed { outcome, .. } = plan.phase {
            plan.phase = Phase::Reopened { outcome };
            plan.target.size = Position::FLAT;
        }
        match role {
            OrderRole::StopLoss => {
                let lowered = lower(plan.target.size, side.signed(report.quantity));
                plan.target.size = lowered.map_err(|source| amount(event, source))?;
                stop_out(plan);
            }
            OrderRole::TakeProfit => {
                let traded = side.signed(report.quantity);
                plan.target.size = lower(plan.target.size, traded).map_err(|source| amount(event, source))?;
                let plan_id = plan.id.clone();
                self.lower_before(&plan_id, traded).map_err(|source| amount(event, source))?;
            }
            // There is more to reduce than what could not be.
            OrderRole::Entry => plan.target.kept = plan.target.kept_on_request,
            OrderRole::Reduce | OrderRole::Close | OrderRole::Flatten | OrderRole::Compensation => {}
        }
        Ok(())
    }
}

/// What a report other than a fill does to its order.
fn report_to(order: &mut Order, what: &ReportKind) {
    match what {
        ReportKind::Accepted { connector_order_id } => order.accept(connector_order_id.clone()),
        ReportKind::Rejected { reason } => order.end(OrderStatus::Rejected, Some(*reason)),
        ReportKind::Amended { quantity, price } => order.amended(*quantity, *price),
        ReportKind::AmendRejected { reason } => order.amend_refused(*reason),
        ReportKind::CancelRejected { reason } => order.cancel_refused(*reason),
        ReportKind::Canceled => order.end(OrderStatus::Canceled, None),
        ReportKind::Expired { reason } => order.end(OrderStatus::Expired, Some(*reason)),
        // It works on; what follows concerns its plan.
        ReportKind::Triggered => order.triggered(),
        // Booked by `apply_fill`.
        ReportKind::Filled(_) => {}
    }
}

/// A stop traded or was set off: nothing more is entered.
fn stop_out(plan: &mut Plan) {
    if plan.phase == Phase::Standing {
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
