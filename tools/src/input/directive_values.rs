//! The single values of a directive line: words, names, prices, quantities, fractions, schedules.

use retrace_core::amount::{Price, Quantity};
use retrace_core::directive::{Algorithm, CloseHint, EntryTerms, ExecutionHint, OnLimit, Twap, WhenLimitHolds};
use retrace_core::exact::{Rounding, mul_div};
use retrace_core::ids::IdError;
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::order::{OrderType, Side, TimeInForce};
use retrace_core::time::Span;
use rust_decimal::Decimal;

use crate::input::directive_fields::{EntryFields, ExecutionFields, Given, OnLimitFields, ParamsFields, Text};
use crate::input::directives::{symbols, value_of};
use crate::input::hint::did_you_mean;
use crate::input::number;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

/// Fractions keep to this many decimals, so that a product with a price stays exact.
const FRACTION_DECIMALS_MAX: u32 = 8;

/// The longest schedule, in minutes: a year.
const MINUTES_MAX: u64 = 366 * 24 * 60;

/// The most slices that one schedule may have.
const SLICES_MAX: u64 = 100_000;

type Built<T> = Result<T, InputProblem>;

/// A field's path in the line and its text, `None` where it is absent.
#[derive(Clone, Copy)]
pub(super) struct Named<'t>(pub(super) &'static str, pub(super) Option<&'t str>);

impl<'t> Named<'t> {
    /// A field that may also be null.
    pub(super) fn given(path: &'static str, given: &'t Given<Text>) -> Self {
        Self(path, value_of(given))
    }
}

/// The paths of the fields that divide a quantity over time, which differ between the two forms.
pub(super) struct TwapFields {
    pub(super) algorithm: &'static str,
    pub(super) duration: &'static str,
    pub(super) slices: &'static str,
}

/// In `directive`.
pub(super) const TWAP_FIELDS: TwapFields = TwapFields {
    algorithm: "directive.execution_directive.algorithm",
    duration: "directive.execution_directive.duration_minutes",
    slices: "directive.execution_directive.slices",
};

/// In the aggregated form.
const INSTRUCTION_TWAP_FIELDS: TwapFields = TwapFields {
    algorithm: "execution_directive.instructions[0].algo_type",
    duration: "execution_directive.instructions[0].params.duration",
    slices: "execution_directive.instructions[0].params.slices",
};

/// Reads values and says what is wrong with them.
pub(super) struct Values<'a> {
    pub(super) here: &'a dyn Fn(Rule) -> InputProblem,
    pub(super) instruments: &'a [Instrument],
}

/// The text of an optional field.
pub(super) fn text_of(text: Option<&Text>) -> Option<&str> {
    text.map(|text| text.0.as_str())
}

impl<'a> Values<'a> {
    /// A problem with this field's value.
    pub(super) fn at(&self, named: Named<'_>, rule: Rule) -> InputProblem {
        let problem = (self.here)(rule).field(named.0);
        match named.1 {
            Some(text) => problem.value(text),
            None => problem,
        }
    }

    fn missing(&self, field: &str) -> InputProblem {
        (self.here)(Rule::Missing).field(field)
    }

    /// A word of `supported`; one of `known` that is not is named as not supported yet.
    pub(super) fn word(
        &self,
        named: Named<'_>,
        supported: &[&'static str],
        known: &[&'static str],
    ) -> Built<Option<&'static str>> {
        let Some(text) = named.1 else { return Ok(None) };
        if let Some(word) = supported.iter().find(|word| **word == text) {
            return Ok(Some(word));
        }
        let rule =
            if known.contains(&text) { Rule::NotSupportedYet } else { Rule::NotOneOf { allowed: supported.to_vec() } };
        Err(self.at(named, rule))
    }

    pub(super) fn spelled<T: Copy>(
        &self,
        field: &'static str,
        text: &str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Built<T> {
        let allowed = || all.iter().map(|&item| name(item)).collect();
        parse(text).ok_or_else(|| self.at(Named(field, Some(text)), Rule::NotOneOf { allowed: allowed() }))
    }

    pub(super) fn name<T>(&self, field: &'static str, text: &str, new: fn(&str) -> Result<T, IdError>) -> Built<T> {
        new(text).map_err(|_| self.at(Named(field, Some(text)), Rule::NotAName))
    }

    pub(super) fn direction(&self, named: Named<'_>) -> Built<Option<Side>> {
        named.1.map(|text| self.spelled(named.0, text, Side::ALL, Side::as_str, Side::parse)).transpose()
    }

    pub(super) fn instrument(&self, named: Named<'_>) -> Built<&'a Instrument> {
        let text = named.1.ok_or_else(|| self.missing(named.0))?;
        let symbol: Symbol = text.parse().map_err(|_| {
            let problem = self.at(named, Rule::NotASymbol);
            // `BTCUSDT` names no symbol of any session, and one of this session all the same.
            let letters = |text: &str| text.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "");
            let mut known = self.instruments.iter().map(|instrument| instrument.symbol.to_string());
            match known.find(|known| letters(known) == letters(text)) {
                Some(meant) => problem.with_hint(did_you_mean(meant)),
                None => problem,
            }
        })?;
        let found = self.instruments.iter().find(|instrument| instrument.symbol == symbol);
        found.ok_or_else(|| self.at(named, Rule::UnknownSymbol { known: symbols(self.instruments) }))
    }

    pub(super) fn number(&self, named: Named<'_>) -> Built<Option<Decimal>> {
        let Some(text) = named.1 else { return Ok(None) };
        number::parse(text).map(Some).map_err(|fault| self.at(named, Rule::Number(fault)))
    }

    /// A price on the tick of every one of `instruments`.
    pub(super) fn price(&self, named: Named<'_>, instruments: &[&Instrument]) -> Built<Option<Price>> {
        let Some(number) = self.number(named)? else { return Ok(None) };
        let price = Price::new(number).map_err(|error| self.at(named, Rule::Amount(error)))?;
        match instruments.iter().find(|instrument| !instrument.on_tick(price)) {
            Some(instrument) => Err(self.at(named, Rule::OffTick { tick: instrument.tick })),
            None => Ok(Some(price)),
        }
    }

    /// A size that must be given, above zero and a whole number of lots.
    pub(super) fn quantity(&self, named: Named<'_>, instrument: &Instrument) -> Built<Quantity> {
        let number = self.number(named)?.ok_or_else(|| self.missing(named.0))?;
        let quantity = Quantity::new(number).map_err(|error| self.at(named, Rule::Amount(error)))?;
        self.on_lot(named, quantity, instrument)?;
        Ok(quantity)
    }

    pub(super) fn on_lot(&self, named: Named<'_>, quantity: Quantity, instrument: &Instrument) -> Built<()> {
        if instrument.on_lot(quantity) { Ok(()) } else { Err(self.at(named, Rule::OffLot { lot: instrument.lot })) }
    }

    /// A number between 0 and 1; whether the ends themselves are allowed is the caller's to say.
    pub(super) fn fraction(&self, named: Named<'_>, ends: bool) -> Built<Option<Decimal>> {
        let Some(number) = self.number(named)? else { return Ok(None) };
        let inside = number > Decimal::ZERO && number < Decimal::ONE;
        let fits = inside || (ends && (number.is_zero() || number == Decimal::ONE));
        if fits && number.normalize().scale() <= FRACTION_DECIMALS_MAX {
            return Ok(Some(number.normalize()));
        }
        let bounds =
            if ends { "from 0 to 1, with at most 8 decimals" } else { "above 0 and below 1, with at most 8 decimals" };
        Err(self.at(named, Rule::OutOfBounds { bounds }))
    }

    pub(super) fn whole(&self, named: Named<'_>, min: u64, max: u64) -> Built<Option<u64>> {
        let Some(text) = named.1 else { return Ok(None) };
        let number = number::parse_whole(text, min, max);
        number.map(Some).ok_or_else(|| self.at(named, Rule::NotWhole { min, max }))
    }

    pub(super) fn entry(&self, fields: Option<&EntryFields>, instruments: &[&Instrument]) -> Built<EntryTerms> {
        let Some(fields) = fields else { return Ok(EntryTerms::MARKET) };
        let order_type = Named("directive.entry_directive.order_type", fields.order_type.as_deref());
        let limit = Named("directive.entry_directive.limit_price", text_of(fields.limit_price.as_ref()));
        let limit_price = self.limit_price(order_type, limit, instruments)?;
        let time_in_force = match &fields.time_in_force {
            None => TimeInForce::Gtc,
            Some(text) => {
                let field = "directive.entry_directive.time_in_force";
                let found = self.spelled(field, text, TimeInForce::ALL, TimeInForce::as_str, TimeInForce::parse)?;
                if found == TimeInForce::Gtd {
                    return Err(self.at(Named(field, Some(text)), Rule::NotSupportedYet));
                }
                found
            }
        };
        let post_only = fields.post_only.unwrap_or(false);
        if post_only && limit_price.is_none() {
            let problem = (self.here)(Rule::Excludes { other: "a market order" });
            return Err(problem.field("directive.entry_directive.post_only").value("true"));
        }
        Ok(EntryTerms { limit_price, time_in_force, post_only })
    }

    pub(super) fn instruction_entry(&self, params: &ParamsFields, instruments: &[&Instrument]) -> Built<EntryTerms> {
        let order_type = Named("execution_directive.instructions[0].params.order_type", params.order_type.as_deref());
        let limit =
            Named("execution_directive.instructions[0].params.limit_price", text_of(params.limit_price.as_ref()));
        Ok(EntryTerms { limit_price: self.limit_price(order_type, limit, instruments)?, ..EntryTerms::MARKET })
    }

    /// The limit price that a LIMIT order must and a MARKET order must not have.
    fn limit_price(
        &self,
        order_type: Named<'_>,
        limit: Named<'_>,
        instruments: &[&Instrument],
    ) -> Built<Option<Price>> {
        let types = OrderType::ALL.iter().filter(|known| **known != OrderType::Unknown);
        let known: Vec<&'static str> = types.map(|known| known.as_str()).collect();
        let word = self.word(order_type, &["MARKET", "LIMIT"], &known)?;
        let price = self.price(limit, instruments)?;
        match (word == Some("LIMIT"), price) {
            (true, None) => Err((self.here)(Rule::MissingFor { by: "order type LIMIT" }).field(limit.0)),
            (false, Some(_)) => {
                let problem = self.at(limit, Rule::Excludes { other: "order type MARKET" });
                Err(problem.with_hint("set `order_type` to LIMIT"))
            }
            (true, Some(_)) | (false, None) => Ok(price),
        }
    }

    pub(super) fn execution(
        &self,
        fields: Option<&ExecutionFields>,
        divides: Option<(Quantity, &Instrument)>,
    ) -> Built<ExecutionHint> {
        let Some(fields) = fields else { return Ok(ExecutionHint { algorithm: None, urgency: None }) };
        let urgency = text_of(fields.execution_urgency.as_ref());
        let urgency = self.fraction(Named("directive.execution_directive.execution_urgency", urgency), true)?;
        let schedule = Schedule {
            algorithm: fields.algorithm.as_deref(),
            duration: text_of(fields.duration_minutes.as_ref()),
            slices: text_of(fields.slices.as_ref()),
            catch_up: fields.catch_up,
        };
        Ok(ExecutionHint { algorithm: self.algorithm(&TWAP_FIELDS, &schedule, divides)?, urgency })
    }

    pub(super) fn instruction_execution(
        &self,
        algo_type: &str,
        params: &ParamsFields,
        divides: (Quantity, &Instrument),
    ) -> Built<ExecutionHint> {
        let schedule = Schedule {
            algorithm: Some(algo_type),
            duration: text_of(params.duration.as_ref()),
            slices: text_of(params.slices.as_ref()),
            catch_up: None,
        };
        let algorithm = self.algorithm(&INSTRUCTION_TWAP_FIELDS, &schedule, Some(divides))?;
        Ok(ExecutionHint { algorithm, urgency: None })
    }

    fn algorithm(
        &self,
        at: &TwapFields,
        given: &Schedule<'_>,
        divides: Option<(Quantity, &Instrument)>,
    ) -> Built<Option<Algorithm>> {
        let known = ["SINGLE", "TWAP", "ICEBERG", "LAYERED"];
        let word = self.word(Named(at.algorithm, given.algorithm), &["SINGLE", "TWAP"], &known)?;
        let (duration, slices) = (Named(at.duration, given.duration), Named(at.slices, given.slices));
        if word != Some("TWAP") {
            for (field, name, misplaced) in [
                (at.duration, "a duration", given.duration.is_some()),
                (at.slices, "a number of slices", given.slices.is_some()),
                ("directive.execution_directive.catch_up", "catch_up", given.catch_up.is_some()),
            ] {
                match (misplaced, word) {
                    (false, _) => {}
                    (true, None) => return Err((self.here)(Rule::MissingFor { by: name }).field(at.algorithm)),
                    (true, Some(_)) => {
                        return Err((self.here)(Rule::Excludes { other: "algorithm SINGLE" }).field(field));
                    }
                }
            }
            return Ok(word.map(|_| Algorithm::Single));
        }
        let required = |field| (self.here)(Rule::MissingFor { by: "algorithm TWAP" }).field(field);
        let minutes = self.whole(duration, 1, MINUTES_MAX)?.ok_or_else(|| required(at.duration))?;
        let count = self.whole(slices, 1, SLICES_MAX)?.ok_or_else(|| required(at.slices))?;
        if let Some((quantity, instrument)) = divides {
            let lot = instrument.lot;
            let lots = mul_div(quantity.value(), Decimal::ONE, lot.value(), 0, Rounding::Down);
            if let Ok(lots) = lots
                && Decimal::from(count) > lots
            {
                return Err(self.at(slices, Rule::TooManySlices { quantity, lot, lots }));
            }
        }
        Ok(Some(Algorithm::Twap(Twap {
            duration: Span::from_seconds(minutes * 60),
            slices: u32::try_from(count).unwrap_or(u32::MAX),
            catch_up: given.catch_up.unwrap_or(true),
        })))
    }

    pub(super) fn close_hint(&self, fields: Option<&ExecutionFields>) -> Built<CloseHint> {
        let urgency = text_of(fields.and_then(|f| f.execution_urgency.as_ref()));
        let slippage = text_of(fields.and_then(|f| f.max_total_slippage_pct.as_ref()));
        let slippage_field = "directive.execution_directive.max_total_slippage_pct";
        let max_total_slippage = self.fraction(Named(slippage_field, slippage), false)?;
        let on_limit = match fields.and_then(|f| f.on_limit.as_ref()) {
            None => OnLimit::default(),
            Some(_) if max_total_slippage.is_none() => {
                return Err((self.here)(Rule::MissingFor { by: "on_limit" }).field(slippage_field));
            }
            Some(fields) => self.on_limit(fields)?,
        };
        let urgency = self.fraction(Named("directive.execution_directive.execution_urgency", urgency), true)?;
        Ok(CloseHint { urgency, max_total_slippage, on_limit })
    }

    fn on_limit(&self, fields: &OnLimitFields) -> Built<OnLimit> {
        let usual = OnLimit::default();
        let retry = text_of(fields.retry_seconds.as_ref());
        let retry = self.whole(Named("directive.execution_directive.on_limit.retry_seconds", retry), 1, 86_400)?;
        let tries = text_of(fields.tries.as_ref());
        let tries = self.whole(Named("directive.execution_directive.on_limit.tries", tries), 1, 1_000)?;
        let then = match &fields.then {
            None => usual.then,
            Some(text) => {
                let field = "directive.execution_directive.on_limit.then";
                self.spelled(field, text, WhenLimitHolds::ALL, WhenLimitHolds::as_str, WhenLimitHolds::parse)?
            }
        };
        Ok(OnLimit {
            retry: retry.map_or(usual.retry, Span::from_seconds),
            tries: tries.map_or(usual.tries, |n| u32::try_from(n).unwrap_or(u32::MAX)),
            then,
        })
    }
}

/// The fields that divide a quantity over time, as given.
struct Schedule<'t> {
    algorithm: Option<&'t str>,
    duration: Option<&'t str>,
    slices: Option<&'t str>,
    catch_up: Option<bool>,
}
