//! The account as a venue sees it: one position per symbol, whatever plans it belongs to.

use std::collections::BTreeMap;

use retrace_core::amount::Money;
use retrace_core::exact::Inexact;
use retrace_core::ids::TradeId;
use retrace_core::instrument::{Asset, Symbol};
use retrace_core::manifest::{Account, Identity};
use retrace_core::order::Side;

use crate::ledger::{Accounting, Fill, Order, Trade};
use crate::projection::{Ended, Projection, Recorded, Section, View};

/// Position, cash and result per symbol, and cash and result per quote asset. Average cost over the account's fills:
/// plans that stand against each other in one symbol net out here, so the realised result of a symbol is not the sum of
/// its plans' results while one of them is open. Holds no marks: what is open is shown at its cost.
#[derive(Clone, Debug)]
pub struct Portfolio {
    account: Account,
}

/// What the account did in one symbol.
#[derive(Clone, Debug)]
struct Holding {
    accounting: Accounting,
    /// What came in less what went out, in quote, fees in quote included.
    cash_flow: Money,
    /// The notional of everything traded.
    turnover: Money,
    fills: u64,
    /// How many fills a trade of the venue was: one, but two where both sides of it were ours or where it closed one
    /// plan and opened the next.
    trades: BTreeMap<TradeId, u32>,
}

impl Projection for Portfolio {
    const NAME: &'static str = "portfolio";
    const VERSION: u32 = 1;
    const FIELDS: &'static [&'static str] = &[
        "balance",
        "cash",
        "net_position",
        "held",
        "cost",
        "average_entry_price",
        "cash_flow",
        "turnover",
        "fills",
        "realized_pnl",
        "fees",
        "net_pnl",
    ];
    type Error = Inexact;

    fn begin(identity: &Identity) -> Self {
        Self { account: identity.account.clone() }
    }

    /// A trade may be taken back or put right, so that what all of them come to is known at the end alone.
    fn fold(&mut self, _: &Recorded<'_>) -> Result<(), Inexact> {
        Ok(())
    }

    fn view(&self, ended: &Ended<'_>) -> Result<View, Inexact> {
        let mut view = View::new();
        let symbols = holdings(ended)?;
        let quote = &self.account.quote;
        let mut by_quote: BTreeMap<&Asset, Sum> = BTreeMap::new();
        for (symbol, holding) in &symbols {
            by_quote.entry(symbol.quote()).or_default().add(holding)?;
        }
        let flow = by_quote.get(quote).map_or(Money::ZERO, |sum| sum.cash_flow);
        let balance = self.account.balance;
        view.push(
            Section::new(format!("account in {quote}"))
                .below("balance", balance)
                .below("cash", balance.plus(flow)?)
                .inner_all(by_quote.iter().map(|(asset, sum)| sum.section(asset))),
        );
        for (symbol, holding) in &symbols {
            view.push(holding.section(symbol)?);
        }
        Ok(view)
    }
}

/// What the session traded in each symbol, over all of its plans, in the order in which it was booked.
fn holdings(ended: &Ended<'_>) -> Result<BTreeMap<Symbol, Holding>, Inexact> {
    let fills = ended.book.plans().flat_map(|plan| plan.standing_fills().into_iter().map(move |told| (plan, told)));
    let mut fills: Vec<_> = fills.collect();
    fills.sort_by(|(_, (_, a)), (_, (_, b))| a.place().cmp(&b.place()));
    let mut symbols = BTreeMap::new();
    for (plan, (order, fill)) in fills {
        let symbol = plan.symbol();
        symbols.entry(symbol.clone()).or_insert_with(|| Holding::new(symbol)).book(symbol, order, fill)?;
    }
    Ok(symbols)
}

impl Holding {
    fn new(symbol: &Symbol) -> Self {
        Self {
            accounting: Accounting::new(symbol),
            cash_flow: Money::ZERO,
            turnover: Money::ZERO,
            fills: 0,
            trades: BTreeMap::new(),
        }
    }

    fn book(&mut self, symbol: &Symbol, order: &Order, fill: &Fill) -> Result<(), Inexact> {
        let notional = fill.quantity.notional(fill.price)?;
        self.turnover = self.turnover.plus(notional)?;
        self.cash_flow = match order.side {
            Side::Buy => self.cash_flow.minus(notional)?,
            Side::Sell => self.cash_flow.plus(notional)?,
        };
        if fill.fee_asset == *symbol.quote() {
            self.cash_flow = self.cash_flow.minus(fill.fee)?;
        }
        self.fills = self.fills.saturating_add(1);
        let times = self.trades.entry(fill.trade_id.clone()).or_default();
        *times = times.saturating_add(1);
        self.accounting.book(Trade { trade_id: nth(fill, *times), ..Trade::of(order.role, order.side, fill) })
    }

    fn section(&self, symbol: &Symbol) -> Result<Section, Inexact> {
        let totals = self.accounting.totals();
        let mut section = Section::new(format!("symbol {symbol}")).below("net_position", totals.traded);
        if totals.held != totals.traded {
            section = section.below("held", totals.held);
        }
        Ok(section
            .below_some("cost", Some(totals.cost).filter(|_| !totals.traded.is_flat()))
            .below_some("average_entry_price", totals.average_entry()?)
            .below("cash_flow", self.cash_flow)
            .below("turnover", self.turnover)
            .below("fills", self.fills)
            .below("realized_pnl", totals.realized)
            .below("fees", super::fees_text(&totals.fees))
            .below("net_pnl", totals.net()?))
    }
}

/// What tells the fills of one trade apart in the account's books: `17`, then `17:2`, or the fill's own id where that
/// would be too long a name.
fn nth(fill: &Fill, times: u32) -> TradeId {
    let trade = &fill.trade_id;
    if times <= 1 {
        return trade.clone();
    }
    let names = [format!("{trade}:{times}"), fill.id.to_string()];
    names.iter().find_map(|name| TradeId::new(name).ok()).unwrap_or_else(|| trade.clone())
}

/// What the symbols of one quote asset come to.
#[derive(Clone, Debug, Default)]
struct Sum {
    cash_flow: Money,
    turnover: Money,
    realized: Money,
    net: Money,
    fees: BTreeMap<Asset, Money>,
}

impl Sum {
    fn add(&mut self, holding: &Holding) -> Result<(), Inexact> {
        let totals = holding.accounting.totals();
        self.cash_flow = self.cash_flow.plus(holding.cash_flow)?;
        self.turnover = self.turnover.plus(holding.turnover)?;
        self.realized = self.realized.plus(totals.realized)?;
        self.net = self.net.plus(totals.net()?)?;
        for (asset, amount) in &totals.fees {
            let sum = self.fees.entry(asset.clone()).or_default();
            *sum = sum.plus(*amount)?;
        }
        Ok(())
    }

    fn section(&self, asset: &Asset) -> Section {
        Section::new(format!("symbols in {asset}"))
            .below("cash_flow", self.cash_flow)
            .below("turnover", self.turnover)
            .below("realized_pnl", self.realized)
            .below("fees", super::fees_text(&self.fees))
            .below("net_pnl", self.net)
    }
}
