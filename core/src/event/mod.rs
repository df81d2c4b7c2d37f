//! Facts, in the past tense: what came from outside (inputs) and what our own code concluded (decisions).
//!
//! An event never changes. A variant added here must be given a kind number and a stored form in [`crate::codec`], an
//! arm in the ledger's `apply`, and a line in the audit story; each of these matches is written out by hand.

mod decision;
mod import;
mod operator;
mod refusal;
mod report;
mod risk;

use bincode::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use decision::{BatchEnd, Because, Decision, GroupAction, GroupEnd, LegEnd, Outcome, TimerPurpose};
pub use import::{TradeImported, TradeOrigin};
pub use operator::{OperatorCommand, OperatorCommanded, Switch};
pub use refusal::{GroupRefusal, Idle, Refusal};
pub use report::{FillReport, Report, ReportKind, ReportedOrder, VenueReason};
pub use risk::{AfterRefusal, OrderRefused, RiskRefusal};

use crate::amount::Price;
use crate::directive::StrategyDirective;
use crate::ids::{OrderNo, PlanNo, Seq, SessionUid, TimerId};
use crate::instrument::Symbol;
use crate::order::Side;
use crate::time::Timestamp;

/// One recorded fact with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the session.
    pub seq: Seq,
    /// When it happened, on the session's clock: the time of its Step's input.
    pub time: Timestamp,
    /// The plan it belongs to.
    pub plan: Option<PlanNo>,
    /// The order it belongs to.
    pub order: Option<OrderNo>,
    /// The earlier event that led to it.
    pub cause: Option<Seq>,
    /// What happened.
    pub fact: Fact,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Something came from outside.
    Input(Input),
    /// Our own code concluded something.
    Decision(Decision),
    /// A kind that a newer version wrote: kept, counted, and left out of every fold.
    Unknown(UnknownFact),
}

/// An event of a kind that this build does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFact {
    /// Its kind number.
    pub kind: u16,
    /// Its schema version.
    pub version: u8,
    /// Its payload as stored.
    pub payload: Vec<u8>,
}

/// A fact from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Input {
    /// The session goes on from another one's final ledger: always its first event.
    SessionContinued(SessionContinued),
    /// A price was seen: recorded by value where there is no tape to refer to.
    PriceMoved(PriceMoved),
    /// The strategist gave a directive.
    DirectiveReceived(Box<StrategyDirective>),
    /// A timer that was set came due.
    TimerFired {
        /// Which.
        timer: TimerId,
    },
    /// The venue reported.
    Report(Report),
    /// A history from elsewhere tells of a trade.
    TradeImported(Box<TradeImported>),
    /// The connection to the venue was lost, or began: also where an engine begins again from its log.
    ConnectionChanged {
        /// Whether the venue can be asked for something now.
        connected: bool,
    },
    /// The operator gave an order.
    OperatorCommanded(OperatorCommanded),
}

/// Where a continued session comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct SessionContinued {
    /// The session it goes on from.
    pub parent: SessionUid,
    /// That session's head: all of its log.
    pub head: Head,
    /// The digest of that session's final ledger, with which this one starts.
    #[serde(serialize_with = "crate::content::hex")]
    pub ledger_digest: [u8; 32],
}

/// The hash that commits to a whole log (see [`crate::chain`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Head(pub [u8; 32]);

impl Serialize for Head {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no head: 64 hexadecimal digits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 64 hexadecimal digits")]
pub struct NoHead;

impl std::str::FromStr for Head {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(NoHead)?;
        let mut head = [0; 32];
        for (byte, pair) in head.iter_mut().zip(digits.as_chunks::<2>().0) {
            let [high, low] = *pair;
            *byte = u8::try_from(high << 4 | low).map_err(|_| NoHead)?;
        }
        Ok(Self(head))
    }
}

impl<'de> Deserialize<'de> for Head {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A symbol's prices at one point of the tape.
///
/// On the pessimistic path a rest shows long plans and short plans their own worst extreme at the same moment, so a
/// point has a price for each; at opens and closes, and on every other path, both are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// What plans that are long see.
    pub long: Price,
    /// What plans that are short see.
    pub short: Price,
}

impl Mark {
    /// The same price for every plan.
    pub const fn same(price: Price) -> Self {
        Self { long: price, short: price }
    }

    /// What a plan of this direction sees.
    pub const fn for_plan(self, direction: Side) -> Price {
        match direction {
            Side::Buy => self.long,
            Side::Sell => self.short,
        }
    }
}

/// A price was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PriceMoved {
    /// Of what.
    pub symbol: Symbol,
    /// At which prices.
    pub mark: Mark,
}
