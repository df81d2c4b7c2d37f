//! What the account has to trade with, where a session checks that (SEMANTICS 7): cash in quote that no position holds.
//! What orders at work keep of it depends on prices, so that is no part of it.

use retrace_core::amount::{Money, Price, Quantity};
use retrace_core::exact::{self, Inexact, Rounding};
use retrace_core::manifest::{AccountCheck, Identity};
use retrace_core::venue::FeeAsset;
use rust_decimal::Decimal;

use super::{Ledger, Plan};

/// To how many decimals cash is counted, always against the account: sums over many plans then have room.
const CASH_DECIMALS: u32 = 8;

/// The account of a session that checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cash {
    balance: Money,
    /// What a taker pays in quote, as a fraction of the notional; a rebate is none.
    taker_fee: Decimal,
    /// What the plans that have ended brought, or took.
    ended: Money,
}

impl Cash {
    /// `None` where the session's account is not checked.
    pub(super) fn new(identity: &Identity) -> Option<Self> {
        let in_quote = match identity.venue.fee_asset {
            FeeAsset::Quote => identity.venue.taker_fee.max(Decimal::ZERO),
            FeeAsset::Base => Decimal::ZERO,
        };
        let cash = Self { balance: identity.account.balance, taker_fee: in_quote, ended: Money::ZERO };
        (identity.account.check == AccountCheck::Cash).then_some(cash)
    }

    /// What an order of `quantity` takes at `price`, in quote: its notional and the fee of a taker, rounded up.
    ///
    /// # Errors
    /// [`Inexact`] when the amount does not fit.
    pub fn takes(&self, quantity: Quantity, price: Price) -> Result<Money, Inexact> {
        let up = |amount, part| exact::mul_div(amount, part, Decimal::ONE, CASH_DECIMALS, Rounding::Up);
        let notional = up(price.value(), quantity.value())?;
        Ok(Money::new(exact::add(notional, up(notional, self.taker_fee)?)?))
    }

    pub(super) fn sealed(&mut self, plan: &Plan) -> Result<(), Inexact> {
        self.ended = self.ended.plus(brought(plan)?)?;
        Ok(())
    }

    pub(super) fn restored(&mut self, plan: &Plan) -> Result<(), Inexact> {
        self.ended = self.ended.minus(brought(plan)?)?;
        Ok(())
    }
}

impl Ledger {
    /// The session's account, where it is checked.
    pub const fn cash(&self) -> Option<&Cash> {
        self.gate.cash()
    }

    /// What of the account's cash no position holds, in quote, orders at work aside. Below zero where more was lost than
    /// there was.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn cash_in_hand(&self, cash: &Cash) -> Result<Money, Inexact> {
        let start = cash.balance.plus(cash.ended)?;
        self.plans().try_fold(start, |sum, plan| sum.plus(brought(plan)?))
    }
}

/// What a plan has brought the account, or taken from it, in quote: its result less what its open position cost and what
/// it paid in quote. So a position holds what it cost: what was paid for it where it is long; where it is short, what
/// its sale brought (that buys it back) is held, and as much again, as collateral.
fn brought(plan: &Plan) -> Result<Money, Inexact> {
    let totals = plan.accounting.totals();
    let to = |money: Money, rounding| {
        exact::mul_div(money.value(), Decimal::ONE, Decimal::ONE, CASH_DECIMALS, rounding).map(Money::new)
    };
    let fees = totals.fees.get(plan.symbol().quote()).copied().unwrap_or_default();
    to(totals.realized, Rounding::Down)?.minus(to(totals.cost, Rounding::Up)?)?.minus(to(fees, Rounding::Up)?)
}
