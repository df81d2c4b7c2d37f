//! `exit_directive`: where a position is left. One kind of stop, and a take profit.

use retrace_core::directive::{StopChange, StopLevel, TakeProfitChange};
use retrace_core::instrument::Instrument;
use retrace_core::stop::Trail;

use super::directive_build::{Builder, Built};
use super::directive_fields::{ExitFields, Given};
use super::directive_values::Named;
use super::rule::Rule;

const STOP_LIMIT: &str = "directive.exit_directive.stop_limit_price";
const TOLERANCE: &str = "directive.exit_directive.stop_loss_tolerance";
pub(super) const STOP: &str = "directive.exit_directive.stop_loss_price";
pub(super) const TAKE_PROFIT: &str = "directive.exit_directive.take_profit_price";
pub(super) const REMOVE_STOP: &str = "directive.exit_directive.remove_stop";
const TRAIL_DISTANCE: &str = "directive.exit_directive.trailing_stop_distance";
const TRAIL_TOLERANCE: &str = "directive.exit_directive.trailing_stop_tolerance";

impl Builder<'_> {
    pub(super) fn exits(
        &self,
        exit: Option<&ExitFields>,
        instruments: &[&Instrument],
    ) -> Built<(Option<StopChange>, Option<TakeProfitChange>)> {
        let values = self.values();
        let Some(exit) = exit else { return Ok((None, None)) };
        // Nothing is no stop: what it was meant to be cannot be told.
        let others = [
            (STOP_LIMIT, &exit.stop_limit_price),
            (TOLERANCE, &exit.stop_loss_tolerance),
            (TRAIL_DISTANCE, &exit.trailing_stop_distance),
            (TRAIL_TOLERANCE, &exit.trailing_stop_tolerance),
        ];
        if let Some((field, _)) = others.into_iter().find(|(_, given)| **given == Given::Null) {
            return Err((self.here)(Rule::StopRemovedByNull).field(field).value("null"));
        }
        let stop = match self.trailing(exit, instruments)? {
            Some(trail) => Some(StopChange::To(StopLevel::Trailing(trail))),
            None => self.stop(exit, instruments)?,
        };
        let take_profit = match values.price(Named::given(TAKE_PROFIT, &exit.take_profit_price), instruments)? {
            Some(price) => Some(TakeProfitChange::To(price)),
            None => (exit.take_profit_price == Given::Null).then_some(TakeProfitChange::Remove),
        };
        Ok((stop, take_profit))
    }

    /// A stop that follows the price stands in place of every other one.
    fn trailing(&self, exit: &ExitFields, instruments: &[&Instrument]) -> Built<Option<Trail>> {
        let values = self.values();
        let distance = values.price(Named::given(TRAIL_DISTANCE, &exit.trailing_stop_distance), instruments)?;
        let tolerance = Named::given(TRAIL_TOLERANCE, &exit.trailing_stop_tolerance);
        let (field, trail) = match (distance, values.fraction(tolerance, false)?) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return self.excludes(TRAIL_TOLERANCE, "trailing_stop_distance"),
            (Some(distance), None) => (TRAIL_DISTANCE, Trail::Distance(distance.value())),
            (None, Some(fraction)) => (TRAIL_TOLERANCE, Trail::Fraction(fraction)),
        };
        let others = [
            (!matches!(exit.stop_loss_price, Given::Absent), "stop_loss_price"),
            (!matches!(exit.stop_loss_tolerance, Given::Absent), "stop_loss_tolerance"),
            (!matches!(exit.stop_limit_price, Given::Absent), "stop_limit_price"),
            (exit.remove_stop == Some(true), "remove_stop"),
        ];
        match others.into_iter().find(|(given, _)| *given) {
            Some((_, other)) => self.excludes(field, other),
            None => Ok(Some(trail)),
        }
    }

    fn stop(&self, exit: &ExitFields, instruments: &[&Instrument]) -> Built<Option<StopChange>> {
        let values = self.values();
        let tolerance = values.fraction(Named::given(TOLERANCE, &exit.stop_loss_tolerance), false)?;
        let price = values.price(Named::given(STOP, &exit.stop_loss_price), instruments)?;
        let remove = exit.remove_stop == Some(true);
        let limit = values.price(Named::given(STOP_LIMIT, &exit.stop_limit_price), instruments)?;
        Ok(match (price, tolerance, remove) {
            (Some(_), Some(_), _) => return self.excludes(TOLERANCE, "stop_loss_price"),
            (Some(_), None, true) => return self.excludes(REMOVE_STOP, "stop_loss_price"),
            (None, Some(_), true) => return self.excludes(REMOVE_STOP, "stop_loss_tolerance"),
            (None, Some(_), false) if exit.stop_loss_price == Given::Null => {
                return self.excludes(TOLERANCE, "stop_loss_price");
            }
            (None, None, false) if exit.stop_loss_price == Given::Null => {
                return Err((self.here)(Rule::StopRemovedByNull).field(STOP).value("null"));
            }
            (None, Some(_), false) if limit.is_some() => return self.excludes(STOP_LIMIT, "stop_loss_tolerance"),
            (None, None, true) if limit.is_some() => return self.excludes(STOP_LIMIT, "remove_stop"),
            (None, None, false) if limit.is_some() => return Err((self.here)(Rule::Missing).field(STOP)),
            (Some(price), None, false) => {
                Some(StopChange::To(limit.map_or(StopLevel::At(price), |limit| StopLevel::Limited { price, limit })))
            }
            (None, Some(fraction), false) => Some(StopChange::To(StopLevel::Tolerance(fraction))),
            (None, None, true) => Some(StopChange::Remove),
            (None, None, false) => None,
        })
    }

    fn excludes<T>(&self, field: &'static str, other: &'static str) -> Built<T> {
        Err((self.here)(Rule::Excludes { other }).field(field))
    }
}
