//! What the account has to trade with, where a session checks that (SEMANTICS 7): cash in quote that no position holds.
//! What orders at work keep of it depends on prices, so that is no part of it.

use bincode::{Decode, Encode};
use retrace_core::amount::{Money, Price, Quantity};
use retrace_core::exact::{self, Inexact, Rounding};
use retrace_core::manifest::{AccountCheck, Identity};
use retrace_core::venue::FeeAsset;
use rust_decimal::Decimal;

use super::{Ledger, Plan};

/// To how many decimals cash is counted, always against the account: sums over many plans then have room.
const CASH_DECIMALS: u32 = 8;

/// The account of a session that checks it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Cash {
    balance: Money,
    /// What a taker pays in quote, as a fraction of the notional; a rebate is none.
    #[bincode(with_serde)]
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

#[cfg(test)]
mod tests {
    use retrace_core::testkit::samples;

    use super::*;

    fn cash(taker_fee: &str, fee_asset: FeeAsset) -> Cash {
        let mut identity = samples::identity("cash");
        identity.account.check = AccountCheck::Cash;
        identity.venue.taker_fee = samples::dec(taker_fee);
        identity.venue.fee_asset = fee_asset;
        Cash::new(&identity).unwrap()
    }

    #[test]
    fn an_order_takes_its_notional_and_the_fee_rounded_up() {
        let takes = |cash: &Cash, quantity, price| {
            cash.takes(samples::quantity(quantity), samples::price(price)).unwrap().to_string()
        };
        let usual = cash("0.001", FeeAsset::Quote);
        assert_eq!(takes(&usual, "2.5", "100"), "250.25");
        // 0.000000012345, then a thousandth of what that was rounded to.
        assert_eq!(takes(&usual, "0.012345", "0.000001"), "0.00000003");
        assert_eq!(takes(&cash("-0.001", FeeAsset::Quote), "2.5", "100"), "250", "a rebate is not counted on");
        assert_eq!(takes(&cash("0.001", FeeAsset::Base), "2.5", "100"), "250", "a fee in base takes no cash");
    }

    #[test]
    fn an_account_that_is_not_checked_has_none() {
        assert_eq!(Cash::new(&samples::identity("unchecked")), None);
    }
}
