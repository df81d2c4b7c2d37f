//! Whether a session can go on from another one's last ledger: what its open plans need must be there.
//!
//! Asked once, before anything of the new session is recorded.

use retrace_core::amount::{Price, Quantity};
use retrace_core::directive::Algorithm;
use retrace_core::ids::{PlanId, SessionName, StrategyInstanceId};
use retrace_core::instrument::{Asset, Instrument, Symbol};
use retrace_core::manifest::{Identity, Mode};
use retrace_core::order::Side;
use retrace_core::stop::StopKind;
use retrace_core::time::Timestamp;
use retrace_core::venue::VenueProfile;
use retrace_projections::ledger::{Group, Ledger, Plan};
use retrace_projections::lineage::Ancestor;

/// Why a session cannot go on from another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotContinued {
    /// The other one is a trade history.
    #[error("session {parent} is an imported trade history: only what was run is continued")]
    Import {
        /// Its name.
        parent: SessionName,
    },
    /// The other one is of another strategy instance.
    #[error("session {parent} is of strategy instance {theirs}, this one of {ours}")]
    OtherInstance {
        /// Its name.
        parent: SessionName,
        /// Its instance.
        theirs: StrategyInstanceId,
        /// The new session's.
        ours: StrategyInstanceId,
    },
    /// The other one's account is counted in another asset.
    #[error("session {parent} has an account in {theirs}, this one in {ours}")]
    OtherQuote {
        /// Its name.
        parent: SessionName,
        /// Its asset.
        theirs: Asset,
        /// The new session's.
        ours: Asset,
    },
    /// The market data begins before the other one's last event.
    #[error("the market data begins at {begins}, before the last event of session {parent}, at {last}")]
    Overlaps {
        /// Its name.
        parent: SessionName,
        /// When its last event was.
        last: Timestamp,
        /// When the market data begins.
        begins: Timestamp,
    },
    /// What an open plan trades is not traded any more.
    #[error("plan {plan} is open in {symbol}, which this session does not trade")]
    NoInstrument {
        /// The plan.
        plan: PlanId,
        /// What it trades.
        symbol: Symbol,
    },
    /// A price of an open plan is off the new tick.
    #[error("plan {plan}: {what} {price} is off the tick of {tick} that {symbol} has in this session")]
    OffTick {
        /// The plan.
        plan: PlanId,
        /// What it trades.
        symbol: Symbol,
        /// Which price.
        what: &'static str,
        /// The price.
        price: Price,
        /// The new tick.
        tick: Price,
    },
    /// A quantity of an open plan is off the new lot.
    #[error("plan {plan}: {what} {quantity} is off the lot of {lot} that {symbol} has in this session")]
    OffLot {
        /// The plan.
        plan: PlanId,
        /// What it trades.
        symbol: Symbol,
        /// Which quantity.
        what: &'static str,
        /// The quantity, without a sign.
        quantity: Quantity,
        /// The new lot.
        lot: Quantity,
    },
    /// The profile has not what an open plan needs.
    #[error("plan {plan} {needs}, so `venue.profile.{flag}` must be {value}")]
    Profile {
        /// The plan.
        plan: PlanId,
        /// Why.
        needs: &'static str,
        /// Which flag.
        flag: &'static str,
        /// What it must be.
        value: bool,
    },
}

/// Makes sure that the session of `identity`, whose market data begins at `begins`, can go on from where `parent` ended
/// with `ledger`.
///
/// # Errors
/// [`NotContinued`] with the first thing that does not fit.
pub fn can_continue(
    identity: &Identity,
    begins: Timestamp,
    parent: &Ancestor,
    ledger: &Ledger,
) -> Result<(), NotContinued> {
    let name = || parent.name.clone();
    let before = &parent.identity;
    if before.mode == Mode::Import {
        return Err(NotContinued::Import { parent: name() });
    }
    if before.instance != identity.instance {
        let (theirs, ours) = (before.instance.clone(), identity.instance.clone());
        return Err(NotContinued::OtherInstance { parent: name(), theirs, ours });
    }
    if before.account.quote != identity.account.quote {
        let (theirs, ours) = (before.account.quote.clone(), identity.account.quote.clone());
        return Err(NotContinued::OtherQuote { parent: name(), theirs, ours });
    }
    if let Some(last) = parent.last.filter(|last| begins < *last) {
        return Err(NotContinued::Overlaps { parent: name(), last, begins });
    }
    for plan in ledger.plans() {
        fits_profile(plan, &before.venue.profile, &identity.venue.profile)?;
        let missing = || NotContinued::NoInstrument { plan: plan.id.clone(), symbol: plan.symbol().clone() };
        let instrument = identity.instrument(plan.symbol()).ok_or_else(missing)?;
        fits_grid(plan, instrument)?;
    }
    Ok(())
}

/// Every number of the plan that is or may be sent to the venue lies on the instrument's tick and lot.
fn fits_grid(plan: &Plan, instrument: &Instrument) -> Result<(), NotContinued> {
    let on_tick = |what, price: Option<Price>| match price.filter(|price| !instrument.on_tick(*price)) {
        None => Ok(()),
        Some(price) => Err(NotContinued::OffTick {
            plan: plan.id.clone(),
            symbol: plan.symbol().clone(),
            what,
            price,
            tick: instrument.tick,
        }),
    };
    let on_lot = |what, quantity: Option<Quantity>| match quantity.filter(|quantity| !instrument.on_lot(*quantity)) {
        None => Ok(()),
        Some(quantity) => Err(NotContinued::OffLot {
            plan: plan.id.clone(),
            symbol: plan.symbol().clone(),
            what,
            quantity,
            lot: instrument.lot,
        }),
    };
    on_lot("its target", plan.target.size.size())?;
    // What is held may have been brought off the lot by fees in base; what was traded was in lots.
    on_lot("its position", plan.traded().size())?;
    on_tick("its stop", plan.exits.stop)?;
    on_tick("its take profit", plan.exits.take_profit)?;
    for group in plan.groups.iter().filter(|group| group.is_active()) {
        on_lot("a group of", Some(group.planned))?;
        on_tick("a group's limit", group.entry.limit_price)?;
    }
    for order in plan.open_orders().filter(|order| order.is_working()) {
        if !order.is_size_free() {
            on_lot("an order of", Some(order.quantity))?;
        }
        on_tick("an order's level", order.terms.trigger())?;
        on_tick("an order's limit", order.terms.limit_price())?;
    }
    Ok(())
}

/// What the plan holds and has at work stands under the new profile as it was placed under the old one.
fn fits_profile(plan: &Plan, old: &VenueProfile, new: &VenueProfile) -> Result<(), NotContinued> {
    let wrong = |needs, flag, value| Err(NotContinued::Profile { plan: plan.id.clone(), needs, flag, value });
    if plan.direction == Side::Sell && !new.shorting {
        return wrong("is short", "shorting", true);
    }
    let trails = matches!(plan.exits.stop_kind, StopKind::Trailing(_)) && plan.exits.stop.is_some();
    let works_trailing = plan.open_orders().any(|order| order.is_working() && order.terms.trail().is_some());
    if (trails || works_trailing) && !new.native_trailing {
        return wrong("has a stop that the venue moves", "native_trailing", true);
    }
    let is_iceberg = |group: &Group| matches!(group.algorithm, Algorithm::Iceberg(_));
    let iceberg = plan.groups.iter().any(|group| group.is_active() && is_iceberg(group));
    if iceberg && new.native_iceberg != old.native_iceberg {
        return wrong("is in the middle of an iceberg", "native_iceberg", old.native_iceberg);
    }
    // How its orders hang together was decided when they were placed.
    let flags = [
        ("reduce_only", old.reduce_only, new.reduce_only),
        ("native_oco", old.native_oco, new.native_oco),
        ("stop_locks_holding", old.stop_locks_holding, new.stop_locks_holding),
        ("size_free_stop", old.size_free_stop, new.size_free_stop),
    ];
    for (flag, old, new) in flags {
        if old != new {
            return wrong("is open", flag, old);
        }
    }
    Ok(())
}
