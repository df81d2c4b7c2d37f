//! Where a position is left: stop, take profit, and the price limit of a close (SEMANTICS 4, 5).

use retrace_core::amount::Price;
use retrace_core::directive::{Algorithm, ClosePlans, ModifyPlans, NewTrade, StopChange, StopLevel, TakeProfitChange};
use retrace_core::event::Refusal;
use retrace_core::exact::{self, Rounding};
use retrace_core::instrument::Instrument;
use retrace_core::order::Side;
use retrace_core::stop::StopKind;
use retrace_projections::access::{ClosingView, ExitView};
use retrace_projections::ledger::Exits;
use rust_decimal::Decimal;

use super::{ExitPlan, TradePlanner, Unplanned, division, levels};

/// Plans the exits.
#[derive(Clone, Copy, Debug)]
pub struct ExitPlanner {
    /// Whether a stop and a take profit may stand together: by reduce-only, or because the venue links them.
    pub linked: bool,
    /// Whether the venue lets a stop follow the price.
    pub trailing: bool,
    /// Whether stops name no quantity: then they are at market.
    pub size_free: bool,
}

impl ExitPlanner {
    /// A stop and a take profit that could both trade never stand together; a stop limit has a price for its limit.
    fn checked(self, exits: Exits, direction: Side) -> Result<Exits, Unplanned> {
        levels::check_limit(&exits, direction)?;
        if self.size_free && exits.stop.is_some() && matches!(exits.stop_kind, StopKind::Limit { .. }) {
            return Err(Refusal::UnsupportedByProfile { needs: "stop_limit".to_owned() }.into());
        }
        if !self.linked && exits.stop.is_some() && exits.take_profit.is_some() {
            return Err(Refusal::UnsupportedByProfile { needs: "native_oco".to_owned() }.into());
        }
        Ok(exits)
    }

    /// A stop trails only where the venue moves it.
    fn supports(self, stop: StopLevel) -> Result<(), Refusal> {
        match stop {
            StopLevel::Trailing(_) if !self.trailing => {
                Err(Refusal::UnsupportedByProfile { needs: "native_trailing".to_owned() })
            }
            StopLevel::Trailing(_) | StopLevel::At(_) | StopLevel::Tolerance(_) | StopLevel::Limited { .. } => Ok(()),
        }
    }
}

impl TradePlanner for ExitPlanner {
    type View<'a> = ExitView<'a>;
    type ClosingView<'a> = ClosingView<'a>;
    type Plan = ExitPlan;

    fn on_new_trade(&self, view: ExitView<'_>, wanted: &NewTrade) -> Result<ExitPlan, Unplanned> {
        let (instrument, direction, current) = (view.instrument(), view.direction(), view.current_price());
        wanted.stop.map_or(Ok(()), |stop| self.supports(stop))?;
        let reference = wanted.entry.limit_price.or(current);
        let (for_stop, for_profit) = match wanted.execution.algorithm {
            Some(Algorithm::Layered(layered)) => {
                let (farthest, nearest) = division::outermost(layered, direction);
                (Some(farthest), Some(nearest))
            }
            Some(Algorithm::Single | Algorithm::Twap(_) | Algorithm::Iceberg(_)) | None => (reference, reference),
        };
        let stop = wanted.stop.map(|stop| levels::stop_level(stop, direction, instrument, current, for_stop));
        let stop = stop.transpose()?;
        let kind = wanted.stop.zip(stop).map(|(wanted, level)| levels::stop_kind(wanted, level, direction, instrument));
        let stop_kind = kind.transpose()?.unwrap_or_default();
        let take_profit = wanted.take_profit.map(|p| levels::take_profit_level(p, direction, instrument, for_profit));
        Ok(ExitPlan::Levels(self.checked(Exits { stop, take_profit: take_profit.transpose()?, stop_kind }, direction)?))
    }

    fn on_modify_trade(&self, view: ExitView<'_>, wanted: &ModifyPlans) -> Result<Option<ExitPlan>, Unplanned> {
        let (instrument, direction, current) = (view.instrument(), view.direction(), view.current_price());
        let standing = view.exits();
        let mut exits = standing;
        match wanted.stop {
            None => {}
            Some(StopChange::Remove) => exits.stop = None,
            Some(StopChange::To(wanted)) => {
                self.supports(wanted)?;
                let level = match (wanted, standing.stop) {
                    // Where one stands, it is the same one, or refused.
                    (StopLevel::Trailing(_), Some(stop)) => stop,
                    _ => levels::stop_level(wanted, direction, instrument, current, current)?,
                };
                let proposed = levels::stop_kind(wanted, level, direction, instrument)?;
                match standing.stop {
                    None => exits.stop_kind = proposed,
                    Some(stop) => {
                        check_kind(standing.stop_kind, proposed)?;
                        if matches!(wanted, StopLevel::Tolerance(_)) && levels::loosens(stop, level, direction) {
                            return Err(Refusal::WouldLoosen { stop, proposed: level }.into());
                        }
                    }
                }
                exits.stop = Some(level);
            }
        }
        match wanted.take_profit {
            None => {}
            Some(TakeProfitChange::Remove) => exits.take_profit = None,
            Some(TakeProfitChange::To(wanted)) => {
                exits.take_profit = Some(levels::take_profit_level(wanted, direction, instrument, current)?);
            }
        }
        if let Some(Algorithm::Layered(layered)) = wanted.execution.algorithm {
            division::check_stop(layered, direction, exits.stop)?;
        }
        Ok((exits != standing).then_some(ExitPlan::Levels(self.checked(exits, direction)?)))
    }

    fn on_close_trade(&self, view: ClosingView<'_>, wanted: &ClosePlans) -> Result<ExitPlan, Unplanned> {
        let Some(fraction) = wanted.execution.max_total_slippage else {
            return Ok(ExitPlan::Leave { price_limit: None });
        };
        let current = view.current_price().ok_or(Refusal::NoPriceYet)?;
        let price_limit = slippage_limit(view.instrument(), view.direction(), current, fraction)?;
        Ok(ExitPlan::Leave { price_limit: Some(price_limit) })
    }
}

/// A stop that stands is moved, never made into another order; one that trails is not moved either.
fn check_kind(stands: StopKind, proposed: StopKind) -> Result<(), Refusal> {
    match (stands, proposed) {
        (StopKind::Trailing(trail), StopKind::Trailing(proposed)) if trail == proposed => Ok(()),
        (StopKind::Trailing(_), _) | (_, StopKind::Trailing(_)) => Err(Refusal::OtherStopStands { stands, proposed }),
        // The limit of one that has one goes with its level.
        (StopKind::Market | StopKind::Limit { .. }, StopKind::Market) => Ok(()),
        (StopKind::Limit { distance }, StopKind::Limit { distance: proposed }) if distance == proposed => Ok(()),
        (StopKind::Limit { distance }, StopKind::Limit { distance: proposed }) => {
            Err(Refusal::StopStands { distance: Some(distance), proposed })
        }
        (StopKind::Market, StopKind::Limit { distance }) => {
            Err(Refusal::StopStands { distance: None, proposed: distance })
        }
    }
}

/// The worst price that a close may take: `fraction` of the current price beyond it, on the tick that stays inside.
fn slippage_limit(
    instrument: &Instrument,
    direction: Side,
    current: Price,
    fraction: Decimal,
) -> Result<Price, Refusal> {
    let bad = || Refusal::BadLevel { field: "max_total_slippage_pct".to_owned(), price: current };
    let (factor, inside) = match direction {
        Side::Buy => (exact::sub(Decimal::ONE, fraction), Rounding::Up),
        Side::Sell => (exact::add(Decimal::ONE, fraction), Rounding::Down),
    };
    let limit = factor.and_then(|factor| exact::mul(current.value(), factor)).map_err(|_| bad())?;
    instrument.round_price(limit, inside).map_err(|_| bad())
}
