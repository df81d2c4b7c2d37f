//! `columns:` of a map on its way to [`Rows`]: which must be there, and which cannot stand beside each other.

use super::map::{Common, FeeColumns, Leg, Legs, Priced, RoundTrips, Rows, Swapped, SymbolColumns};
use super::map_check::Checker;
use super::map_fields::ColumnFields;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::yaml::Text;

/// What a row is, by its word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    Trades,
    RoundTrips,
    Legs,
}

/// `columns:` as they stand.
pub(super) struct Columns<'a> {
    pub(super) checker: &'a Checker<'a>,
    pub(super) fields: &'a ColumnFields,
    pub(super) line: u64,
}

/// A column by its key in the map.
type Named<'a> = (&'static str, Option<&'a Text>);

impl<'a> Columns<'a> {
    /// The columns of rows of this kind. `kinds` are the words for a side of a trade and for a fee.
    pub(super) fn read(
        &self,
        kind: RowKind,
        kinds: (Vec<String>, Vec<String>),
    ) -> Result<(Rows, Common), InputProblem> {
        let f = self.fields;
        let common = Common {
            trade_id: text(f.trade_id.as_ref()),
            order_id: text(f.order_id.as_ref()),
            position: text(f.position.as_ref()),
            liquidity: text(f.liquidity.as_ref()),
        };
        if kind != RowKind::Legs {
            self.none_of(&[("asset", f.asset.as_ref()), ("kind", f.kind.as_ref())], "rows other than legs")?;
        }
        if kind != RowKind::RoundTrips {
            self.none_of(&self.halves(), "rows other than round_trips")?;
        }
        let rows = match kind {
            RowKind::Legs => Rows::Legs(self.legs(kinds)?),
            RowKind::RoundTrips => Rows::RoundTrips(self.round_trips()?),
            RowKind::Trades if self.swap().iter().any(|(_, column)| column.is_some()) => Rows::Swapped(self.swapped()?),
            RowKind::Trades => Rows::Priced(self.priced()?),
        };
        Ok((rows, common))
    }

    fn legs(&self, (trade, fee): (Vec<String>, Vec<String>)) -> Result<Legs, InputProblem> {
        let f = self.fields;
        let others = [("position", f.position.as_ref()), ("liquidity", f.liquidity.as_ref())];
        for columns in [&self.pair()[..], &self.price(), &self.fees(), &self.swap(), &others] {
            self.none_of(columns, "rows: legs")?;
        }
        self.need("trade_id", f.trade_id.as_ref())?;
        Ok(Legs {
            time: self.need("time", f.time.as_ref())?,
            amount: self.need("amount", f.amount.as_ref())?,
            asset: self.need("asset", f.asset.as_ref())?,
            kind: self.need("kind", f.kind.as_ref())?,
            trade,
            fee,
        })
    }

    fn round_trips(&self) -> Result<RoundTrips, InputProblem> {
        let f = self.fields;
        let single = [
            ("time", f.time.as_ref()),
            ("price", f.price.as_ref()),
            ("amount", f.amount.as_ref()),
            ("fee", f.fee.as_ref()),
            ("fee_rate", f.fee_rate.as_ref()),
            ("order_id", f.order_id.as_ref()),
            ("position", f.position.as_ref()),
        ];
        for columns in [&single[..], &self.swap()] {
            self.none_of(columns, "rows: round_trips")?;
        }
        Ok(RoundTrips {
            symbol: self.symbol()?,
            side: text(f.side.as_ref()),
            quantity: self.need("quantity", f.quantity.as_ref())?,
            entry: Leg {
                time: self.need("entry_time", f.entry_time.as_ref())?,
                price: self.need("entry_price", f.entry_price.as_ref())?,
                fee: self.fee(f.entry_fee.as_ref(), ("entry_fee_rate", f.entry_fee_rate.as_ref()))?,
            },
            exit: Leg {
                time: self.need("exit_time", f.exit_time.as_ref())?,
                price: self.need("exit_price", f.exit_price.as_ref())?,
                fee: self.fee(f.exit_fee.as_ref(), ("exit_fee_rate", f.exit_fee_rate.as_ref()))?,
            },
        })
    }

    fn swapped(&self) -> Result<Swapped, InputProblem> {
        let f = self.fields;
        let amount = [("amount", f.amount.as_ref())];
        for columns in [&self.pair()[..], &self.price(), &amount] {
            self.none_of(columns, "the columns of a swap (buy_quantity, buy_asset, sell_quantity, sell_asset)")?;
        }
        Ok(Swapped {
            time: self.need("time", f.time.as_ref())?,
            buy_quantity: self.need("buy_quantity", f.buy_quantity.as_ref())?,
            buy_asset: self.need("buy_asset", f.buy_asset.as_ref())?,
            sell_quantity: self.need("sell_quantity", f.sell_quantity.as_ref())?,
            sell_asset: self.need("sell_asset", f.sell_asset.as_ref())?,
            fee: self.fee(f.fee.as_ref(), ("fee_rate", f.fee_rate.as_ref()))?,
        })
    }

    fn priced(&self) -> Result<Priced, InputProblem> {
        let f = self.fields;
        let time = self.need("time", f.time.as_ref())?;
        if f.price.is_none() && f.amount.is_none() {
            return Err(self.missing("price", Rule::MissingFor { by: "a trade without `amount`" }));
        }
        Ok(Priced {
            time,
            symbol: self.symbol()?,
            side: text(f.side.as_ref()),
            price: text(f.price.as_ref()),
            quantity: self.need("quantity", f.quantity.as_ref())?,
            amount: text(f.amount.as_ref()),
            fee: self.fee(f.fee.as_ref(), ("fee_rate", f.fee_rate.as_ref()))?,
        })
    }

    fn pair(&self) -> [Named<'a>; 3] {
        let f = self.fields;
        [("symbol", f.symbol.as_ref()), ("base", f.base.as_ref()), ("quote", f.quote.as_ref())]
    }

    fn price(&self) -> [Named<'a>; 3] {
        let f = self.fields;
        [("side", f.side.as_ref()), ("price", f.price.as_ref()), ("quantity", f.quantity.as_ref())]
    }

    fn fees(&self) -> [Named<'a>; 3] {
        let f = self.fields;
        [("fee", f.fee.as_ref()), ("fee_asset", f.fee_asset.as_ref()), ("fee_rate", f.fee_rate.as_ref())]
    }

    fn swap(&self) -> [Named<'a>; 4] {
        let f = self.fields;
        [
            ("buy_quantity", f.buy_quantity.as_ref()),
            ("buy_asset", f.buy_asset.as_ref()),
            ("sell_quantity", f.sell_quantity.as_ref()),
            ("sell_asset", f.sell_asset.as_ref()),
        ]
    }

    fn halves(&self) -> [Named<'a>; 8] {
        let f = self.fields;
        [
            ("entry_time", f.entry_time.as_ref()),
            ("entry_price", f.entry_price.as_ref()),
            ("entry_fee", f.entry_fee.as_ref()),
            ("entry_fee_rate", f.entry_fee_rate.as_ref()),
            ("exit_time", f.exit_time.as_ref()),
            ("exit_price", f.exit_price.as_ref()),
            ("exit_fee", f.exit_fee.as_ref()),
            ("exit_fee_rate", f.exit_fee_rate.as_ref()),
        ]
    }

    fn symbol(&self) -> Result<SymbolColumns, InputProblem> {
        let f = self.fields;
        if f.base.is_none() && f.quote.is_none() {
            return Ok(SymbolColumns::One(self.need("symbol", f.symbol.as_ref())?));
        }
        self.none_of(&[("symbol", f.symbol.as_ref())], "base and quote")?;
        Ok(SymbolColumns::Two(self.need("base", f.base.as_ref())?, self.need("quote", f.quote.as_ref())?))
    }

    fn fee(&self, fee: Option<&Text>, rate: Named<'_>) -> Result<FeeColumns, InputProblem> {
        let Some(fee) = fee else {
            return Ok(rate.1.map_or(FeeColumns::None, |rate| FeeColumns::Rate(rate.value.clone())));
        };
        self.none_of(&[rate], "an amount of fee")?;
        Ok(FeeColumns::Amount { fee: fee.value.clone(), asset: text(self.fields.fee_asset.as_ref()) })
    }

    fn need(&self, name: &'static str, column: Option<&Text>) -> Result<String, InputProblem> {
        text(column).ok_or_else(|| self.missing(name, Rule::Missing))
    }

    fn missing(&self, name: &str, rule: Rule) -> InputProblem {
        InputProblem::new(self.checker.file, rule).on_line(self.line).field(format!("columns.{name}"))
    }

    fn none_of(&self, columns: &[Named<'_>], other: &'static str) -> Result<(), InputProblem> {
        for (name, column) in columns {
            if let Some(text) = column {
                return Err(self.checker.at(&format!("columns.{name}"), text, Rule::Excludes { other }));
            }
        }
        Ok(())
    }
}

fn text(column: Option<&Text>) -> Option<String> {
    column.map(|text| text.value.clone())
}
