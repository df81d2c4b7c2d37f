//! The values of a directive line that say how a size is divided: the algorithm, its fields, and its end by time.

use retrace_core::amount::{Price, Quantity};
use retrace_core::directive::{Algorithm, ExecutionHint, Iceberg, Layered, Twap};
use retrace_core::exact::{Rounding, mul, mul_div};
use retrace_core::instrument::Instrument;
use retrace_core::time::Span;
use rust_decimal::Decimal;

use crate::input::directive_fields::{ExecutionFields, ParamsFields};
use crate::input::directive_values::{Built, Named, Values, text_of};
use crate::input::rule::Rule;

/// The longest schedule, in minutes: a year.
pub(super) const MINUTES_MAX: u64 = 366 * 24 * 60;

/// The most slices that one schedule may have.
pub(super) const SLICES_MAX: u64 = 100_000;

/// The most layers: all of them stand at the venue at once.
const LAYERS_MAX: u64 = 100;

/// The paths of the fields that divide a quantity, which differ between the two forms.
pub(super) struct DivisionFields {
    pub(super) algorithm: &'static str,
    pub(super) duration: &'static str,
    pub(super) slices: &'static str,
    pub(super) catch_up: &'static str,
    pub(super) visible: &'static str,
    pub(super) layers: &'static str,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) end_after: &'static str,
    pub(super) limit_price: &'static str,
}

/// In `directive`.
pub(super) const FIELDS: DivisionFields = DivisionFields {
    algorithm: "directive.execution_directive.algorithm",
    duration: "directive.execution_directive.duration_minutes",
    slices: "directive.execution_directive.slices",
    catch_up: "directive.execution_directive.catch_up",
    visible: "directive.execution_directive.visible_quantity",
    layers: "directive.execution_directive.layers",
    from: "directive.execution_directive.price_from",
    to: "directive.execution_directive.price_to",
    end_after: "directive.execution_directive.end_after_minutes",
    limit_price: "directive.entry_directive.limit_price",
};

/// In the aggregated form.
const INSTRUCTION_FIELDS: DivisionFields = DivisionFields {
    algorithm: "execution_directive.instructions[0].algo_type",
    duration: "execution_directive.instructions[0].params.duration",
    slices: "execution_directive.instructions[0].params.slices",
    catch_up: "execution_directive.instructions[0].params.catch_up",
    visible: "execution_directive.instructions[0].params.visible_quantity",
    layers: "execution_directive.instructions[0].params.layers",
    from: "execution_directive.instructions[0].params.price_from",
    to: "execution_directive.instructions[0].params.price_to",
    end_after: "execution_directive.instructions[0].params.end_after",
    limit_price: "execution_directive.instructions[0].params.limit_price",
};

/// What is divided, where the file shows it, and by whose rules.
pub(super) struct Divided<'d> {
    /// The size of a new plan; `None` for a change, whose size depends on where the plan stands.
    pub(super) size: Option<Quantity>,
    /// The instruments of the plans.
    pub(super) instruments: &'d [&'d Instrument],
    /// The limit price of the orders.
    pub(super) limit_price: Option<Price>,
}

/// The fields, as given.
struct Given<'t> {
    algorithm: Option<&'t str>,
    duration: Option<&'t str>,
    slices: Option<&'t str>,
    catch_up: Option<bool>,
    visible: Option<&'t str>,
    layers: Option<&'t str>,
    from: Option<&'t str>,
    to: Option<&'t str>,
    end_after: Option<&'t str>,
}

/// Algorithms with fields of their own, as messages name them.
const SINGLE: &str = "algorithm SINGLE";
const TWAP: &str = "algorithm TWAP";
const ICEBERG: &str = "algorithm ICEBERG";
const LAYERED: &str = "algorithm LAYERED";

impl Values<'_> {
    pub(super) fn execution(&self, fields: Option<&ExecutionFields>, divided: &Divided<'_>) -> Built<ExecutionHint> {
        let Some(fields) = fields else { return Ok(ExecutionHint::NONE) };
        let urgency = text_of(fields.execution_urgency.as_ref());
        let urgency = self.fraction(Named("directive.execution_directive.execution_urgency", urgency), true)?;
        let given = Given {
            algorithm: fields.algorithm.as_deref(),
            duration: text_of(fields.duration_minutes.as_ref()),
            slices: text_of(fields.slices.as_ref()),
            catch_up: fields.catch_up,
            visible: text_of(fields.visible_quantity.as_ref()),
            layers: text_of(fields.layers.as_ref()),
            from: text_of(fields.price_from.as_ref()),
            to: text_of(fields.price_to.as_ref()),
            end_after: text_of(fields.end_after_minutes.as_ref()),
        };
        Ok(ExecutionHint { urgency, ..self.hint(&FIELDS, &given, divided)? })
    }

    pub(super) fn instruction_execution(
        &self,
        algo_type: &str,
        params: &ParamsFields,
        divided: &Divided<'_>,
    ) -> Built<ExecutionHint> {
        let given = Given {
            algorithm: Some(algo_type),
            duration: text_of(params.duration.as_ref()),
            slices: text_of(params.slices.as_ref()),
            catch_up: None,
            visible: text_of(params.visible_quantity.as_ref()),
            layers: text_of(params.layers.as_ref()),
            from: text_of(params.price_from.as_ref()),
            to: text_of(params.price_to.as_ref()),
            end_after: text_of(params.end_after.as_ref()),
        };
        self.hint(&INSTRUCTION_FIELDS, &given, divided)
    }

    fn hint(&self, at: &DivisionFields, given: &Given<'_>, divided: &Divided<'_>) -> Built<ExecutionHint> {
        let known = ["SINGLE", "TWAP", "ICEBERG", "LAYERED"];
        let word = self.word(Named(at.algorithm, given.algorithm), &known, &known)?;
        self.belong(at, given, word)?;
        let algorithm = match word {
            None => None,
            Some("TWAP") => Some(Algorithm::Twap(self.twap(at, given, divided)?)),
            Some("ICEBERG") => Some(Algorithm::Iceberg(self.iceberg(at, given, divided)?)),
            Some("LAYERED") => Some(Algorithm::Layered(self.layered(at, given, divided)?)),
            Some(_) => Some(Algorithm::Single),
        };
        let end_after = self.minutes(Named(at.end_after, given.end_after))?;
        Ok(ExecutionHint { algorithm, urgency: None, end_after })
    }

    /// Refuses fields of another algorithm than the one that is named: ignoring one would do other than the file says.
    fn belong(&self, at: &DivisionFields, given: &Given<'_>, word: Option<&'static str>) -> Built<()> {
        for (owner, field, name, is_given) in [
            ("TWAP", at.duration, "a duration", given.duration.is_some()),
            ("TWAP", at.slices, "a number of slices", given.slices.is_some()),
            ("TWAP", at.catch_up, "catch_up", given.catch_up.is_some()),
            ("ICEBERG", at.visible, "a visible quantity", given.visible.is_some()),
            ("LAYERED", at.layers, "a number of layers", given.layers.is_some()),
            ("LAYERED", at.from, "a range of prices", given.from.is_some()),
            ("LAYERED", at.to, "a range of prices", given.to.is_some()),
        ] {
            let other = match word {
                _ if !is_given => continue,
                None => return Err((self.here)(Rule::MissingFor { by: name }).field(at.algorithm)),
                Some(word) if word == owner => continue,
                Some("TWAP") => TWAP,
                Some("ICEBERG") => ICEBERG,
                Some("LAYERED") => LAYERED,
                Some(_) => SINGLE,
            };
            return Err((self.here)(Rule::Excludes { other }).field(field));
        }
        Ok(())
    }

    fn twap(&self, at: &DivisionFields, given: &Given<'_>, divided: &Divided<'_>) -> Built<Twap> {
        let required = |field| (self.here)(Rule::MissingFor { by: TWAP }).field(field);
        let (duration, slices) = (Named(at.duration, given.duration), Named(at.slices, given.slices));
        let minutes = self.whole(duration, 1, MINUTES_MAX)?.ok_or_else(|| required(at.duration))?;
        let count = self.whole(slices, 1, SLICES_MAX)?.ok_or_else(|| required(at.slices))?;
        self.a_lot_each(slices, count, divided)?;
        Ok(Twap {
            duration: Span::from_seconds(minutes * 60),
            slices: u32::try_from(count).unwrap_or(u32::MAX),
            catch_up: given.catch_up.unwrap_or(true),
        })
    }

    fn iceberg(&self, at: &DivisionFields, given: &Given<'_>, divided: &Divided<'_>) -> Built<Iceberg> {
        let named = Named(at.visible, given.visible);
        let required = || (self.here)(Rule::MissingFor { by: ICEBERG }).field(at.visible);
        let visible = self.number(named)?.ok_or_else(required)?;
        let visible = Quantity::new(visible).map_err(|error| self.at(named, Rule::Amount(error)))?;
        divided.instruments.iter().try_for_each(|instrument| self.on_lot(named, visible, instrument))?;
        if let Some(size) = divided.size.filter(|size| visible > *size) {
            return Err(self.at(named, Rule::AboveSize { size }));
        }
        // A market order has nothing to hide: it takes all there is at once.
        if divided.limit_price.is_none() {
            return Err((self.here)(Rule::MissingFor { by: ICEBERG }).field(at.limit_price));
        }
        Ok(Iceberg { visible })
    }

    fn layered(&self, at: &DivisionFields, given: &Given<'_>, divided: &Divided<'_>) -> Built<Layered> {
        let required = |field| (self.here)(Rule::MissingFor { by: LAYERED }).field(field);
        let layers = Named(at.layers, given.layers);
        let count = self.whole(layers, 1, LAYERS_MAX)?.ok_or_else(|| required(at.layers))?;
        let (from, to) = (Named(at.from, given.from), Named(at.to, given.to));
        let lowest = self.price(from, divided.instruments)?.ok_or_else(|| required(at.from))?;
        let highest = self.price(to, divided.instruments)?.ok_or_else(|| required(at.to))?;
        if highest < lowest || (highest == lowest && count > 1) {
            return Err(self.at(to, Rule::EmptyRange { from: lowest }));
        }
        self.a_lot_each(layers, count, divided)?;
        Ok(Layered { layers: u32::try_from(count).unwrap_or(u32::MAX), from: lowest, to: highest })
    }

    /// No more parts than there are lots, where the file shows what is divided.
    fn a_lot_each(&self, parts: Named<'_>, count: u64, divided: &Divided<'_>) -> Built<()> {
        let (Some(quantity), [instrument, ..]) = (divided.size, divided.instruments) else { return Ok(()) };
        let lot = instrument.lot;
        let lots = mul_div(quantity.value(), Decimal::ONE, lot.value(), 0, Rounding::Down);
        match lots {
            Ok(lots) if Decimal::from(count) > lots => Err(self.at(parts, Rule::TooManySlices { quantity, lot, lots })),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// A span given in minutes, to the millisecond.
    fn minutes(&self, named: Named<'_>) -> Built<Option<Span>> {
        let Some(minutes) = self.number(named)? else { return Ok(None) };
        let bounds = "above 0 and at most 527040, in whole milliseconds";
        let millis = mul(minutes, Decimal::from(60_000)).ok().filter(|millis| millis.fract().is_zero());
        let millis = millis.and_then(|millis| u64::try_from(millis).ok());
        match millis.filter(|millis| (1..=MINUTES_MAX * 60_000).contains(millis)) {
            Some(millis) => Ok(Some(Span::from_nanos(millis * 1_000_000))),
            None => Err(self.at(named, Rule::OutOfBounds { bounds })),
        }
    }
}
