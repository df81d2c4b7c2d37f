//! The single values of a directive line: words, names, prices, quantities, fractions, how orders are placed.

use retrace_core::amount::{Price, Quantity};
use retrace_core::directive::{CloseHint, EntryTerms, OnLimit, WhenLimitHolds};
use retrace_core::ids::IdError;
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::order::{OrderType, Side, TimeInForce, TimeInForceKind};
use retrace_core::time::{Span, Timestamp};
use rust_decimal::Decimal;

use crate::input::directive_fields::{EntryFields, ExecutionFields, Given, OnLimitFields, ParamsFields, Text};
use crate::input::directives::{symbols, value_of};
use crate::input::hint::did_you_mean;
use crate::input::number;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::time;

/// Until when orders stand.
pub(super) const GOOD_TILL: &str = "directive.entry_directive.good_till";

/// Fractions keep to this many decimals, so that a product with a price stays exact.
const FRACTION_DECIMALS_MAX: u32 = 8;

pub(super) type Built<T> = Result<T, InputProblem>;

/// A field's path in the line and its text, `None` where it is absent.
#[derive(Clone, Copy)]
pub(super) struct Named<'t>(pub(super) &'static str, pub(super) Option<&'t str>);

impl<'t> Named<'t> {
    /// A field that may also be null.
    pub(super) fn given(path: &'static str, given: &'t Given<Text>) -> Self {
        Self(path, value_of(given))
    }
}

/// Where an algorithm places its orders, as far as that limits what an entry may say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// Where the entry says.
    AsSaid,
    /// There, at times of their own.
    OverTime,
    /// There, a part after the other.
    InParts,
    /// At prices of their own.
    InLayers,
}

impl Placed {
    /// As the algorithm of this name places them.
    pub(super) fn by(algorithm: Option<&str>) -> Self {
        match algorithm {
            Some("TWAP") => Self::OverTime,
            Some("ICEBERG") => Self::InParts,
            Some("LAYERED") => Self::InLayers,
            Some(_) | None => Self::AsSaid,
        }
    }

    /// The algorithm whose orders must be able to rest.
    const fn rests(self) -> Option<&'static str> {
        match self {
            Self::AsSaid | Self::OverTime => None,
            Self::InParts => Some("algorithm ICEBERG"),
            Self::InLayers => Some("algorithm LAYERED"),
        }
    }
}

/// Reads values and says what is wrong with them.
pub(super) struct Values<'a> {
    pub(super) here: &'a dyn Fn(Rule) -> InputProblem,
    pub(super) instruments: &'a [Instrument],
    /// What times must lie after, where the line is the first of its directive.
    pub(super) at: Option<Timestamp>,
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

    pub(super) fn entry(
        &self,
        fields: Option<&EntryFields>,
        placed: Placed,
        instruments: &[&Instrument],
    ) -> Built<EntryTerms> {
        let Some(fields) = fields else { return Ok(EntryTerms::MARKET) };
        let order_type = Named("directive.entry_directive.order_type", fields.order_type.as_deref());
        let limit = Named("directive.entry_directive.limit_price", text_of(fields.limit_price.as_ref()));
        let limit_price = self.limit_price(order_type, limit, placed, instruments)?;
        let time_in_force = self.time_in_force(fields, placed, limit_price)?;
        let post_only = fields.post_only.unwrap_or(false);
        if post_only && limit_price.is_none() && placed != Placed::InLayers {
            let problem = (self.here)(Rule::Excludes { other: "a market order" });
            return Err(problem.field("directive.entry_directive.post_only").value("true"));
        }
        Ok(EntryTerms { limit_price, time_in_force, post_only })
    }

    /// How long orders stand, and until when: that is said with GTD and with nothing else.
    fn time_in_force(&self, fields: &EntryFields, placed: Placed, limit_price: Option<Price>) -> Built<TimeInForce> {
        let named = Named("directive.entry_directive.time_in_force", fields.time_in_force.as_deref());
        let good_till = Named(GOOD_TILL, text_of(fields.good_till.as_ref()));
        let parse =
            |text| self.spelled(named.0, text, TimeInForceKind::ALL, TimeInForceKind::as_str, TimeInForceKind::parse);
        let kind = named.1.map(parse).transpose()?.unwrap_or(TimeInForceKind::Gtc);
        let other = match kind {
            TimeInForceKind::Gtd => return self.good_till(named, good_till, placed, limit_price),
            TimeInForceKind::Gtc => "time in force GTC",
            TimeInForceKind::Ioc => "time in force IOC",
            TimeInForceKind::Fok => "time in force FOK",
        };
        if good_till.1.is_some() {
            let problem = self.at(good_till, Rule::Excludes { other });
            return Err(problem.with_hint("`\"time_in_force\":\"GTD\"` is what has a time"));
        }
        // What must fill at once neither waits to be shown nor stands at a price of its own.
        match (placed.rests(), kind) {
            (Some(other), TimeInForceKind::Ioc | TimeInForceKind::Fok) => Err(self.at(named, Rule::Excludes { other })),
            (_, TimeInForceKind::Ioc) => Ok(TimeInForce::Ioc),
            (_, TimeInForceKind::Fok) => Ok(TimeInForce::Fok),
            (_, TimeInForceKind::Gtc | TimeInForceKind::Gtd) => Ok(TimeInForce::Gtc),
        }
    }

    /// GTD, and the time that belongs to it.
    fn good_till(
        &self,
        named: Named<'_>,
        good_till: Named<'_>,
        placed: Placed,
        limit_price: Option<Price>,
    ) -> Built<TimeInForce> {
        let text =
            good_till.1.ok_or_else(|| (self.here)(Rule::MissingFor { by: "time in force GTD" }).field(GOOD_TILL))?;
        let excluded = |other, hint| Err(self.at(named, Rule::Excludes { other }).with_hint(hint));
        match placed {
            Placed::OverTime => {
                excluded("algorithm TWAP", "its duration says until when; `end_after_minutes` may end it sooner")
            }
            // It takes all there is at once, and nothing of it stands.
            Placed::AsSaid | Placed::InParts if limit_price.is_none() => {
                excluded("a market order", "set `order_type` to LIMIT and give a `limit_price`")
            }
            Placed::AsSaid | Placed::InParts | Placed::InLayers => {
                let (time, _) = time::parse(text).map_err(|fault| self.at(good_till, Rule::Time(fault)))?;
                match self.at.filter(|at| time <= *at) {
                    Some(at) => Err(self.at(good_till, Rule::NotAhead { at })),
                    None => Ok(TimeInForce::Gtd(time)),
                }
            }
        }
    }

    pub(super) fn instruction_entry(
        &self,
        params: &ParamsFields,
        placed: Placed,
        instruments: &[&Instrument],
    ) -> Built<EntryTerms> {
        let order_type = Named("execution_directive.instructions[0].params.order_type", params.order_type.as_deref());
        let limit =
            Named("execution_directive.instructions[0].params.limit_price", text_of(params.limit_price.as_ref()));
        let limit_price = self.limit_price(order_type, limit, placed, instruments)?;
        Ok(EntryTerms { limit_price, ..EntryTerms::MARKET })
    }

    /// The limit price that a LIMIT order must and a MARKET order must not have. Layers have prices of their own.
    fn limit_price(
        &self,
        order_type: Named<'_>,
        limit: Named<'_>,
        placed: Placed,
        instruments: &[&Instrument],
    ) -> Built<Option<Price>> {
        let types = OrderType::ALL.iter().filter(|known| **known != OrderType::Unknown);
        let known: Vec<&'static str> = types.map(|known| known.as_str()).collect();
        let word = self.word(order_type, &["MARKET", "LIMIT"], &known)?;
        let price = self.price(limit, instruments)?;
        if placed == Placed::InLayers {
            let other = "algorithm LAYERED";
            return match (word, price) {
                (_, Some(_)) => {
                    let problem = self.at(limit, Rule::Excludes { other });
                    Err(problem.with_hint("`price_from` and `price_to` say where its orders stand"))
                }
                (Some("MARKET"), None) => Err(self.at(order_type, Rule::Excludes { other })),
                (Some(_) | None, None) => Ok(None),
            };
        }
        match (word == Some("LIMIT"), price) {
            (true, None) => Err((self.here)(Rule::MissingFor { by: "order type LIMIT" }).field(limit.0)),
            (false, Some(_)) => {
                let problem = self.at(limit, Rule::Excludes { other: "order type MARKET" });
                Err(problem.with_hint("set `order_type` to LIMIT"))
            }
            (true, Some(_)) | (false, None) => Ok(price),
        }
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
