//! Names and numbers of sessions, directives, plans, groups, orders and fills.
//!
//! Inside a log, plans and orders have dense numbers; outside, everything has a public id of 36 characters that is a
//! function of its *cause* (SEMANTICS 11): the same directive leads to the same order in two runs, whatever else
//! happened. The first 12 hex digits of such an id are the session's, the other 20 the cause's, so a client order id
//! found at a venue leads back to its session, and two sessions are aligned by comparing the rest.

use bincode::{Decode, Encode};
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::instrument::Symbol;

/// Hex digits of a public id that are the session's, and that two runs of other sessions do not share.
pub const SESSION_DIGITS: usize = 12;

/// The longest name a caller may choose for a directive, plan, session or strategy instance.
pub const NAME_MAX: usize = 64;

/// A text that is no valid name or id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Empty, too long, or with characters that are hard to quote.
    #[error("`{value}` is not a name: 1 to 64 letters, digits or any of _ . : -")]
    BadName {
        /// The text as given.
        value: String,
    },
    /// Not the prefix and 32 hex digits.
    #[error("`{value}` is not an id: {prefix} and 32 hex digits")]
    BadId {
        /// The text as given.
        value: String,
        /// The prefix that ids of this kind have.
        prefix: &'static str,
    },
}

fn check_name(value: &str) -> Result<String, IdError> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-');
    if value.is_empty() || value.len() > NAME_MAX || !value.bytes().all(fits) {
        return Err(IdError::BadName { value: value.chars().take(80).collect() });
    }
    Ok(value.to_owned())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Encode, Decode)]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// [`IdError::BadName`] unless `name` is 1 to 64 letters, digits or any of `_ . : -`.
            pub fn new(name: &str) -> Result<Self, IdError> {
                check_name(name).map(Self)
            }

            /// The name itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )*};
}
names! {
    /// What the user calls a session; unique within a store.
    SessionName;
    /// The strategist's name for one directive; its idempotency key, for ever.
    DirectiveId;
    /// A plan's public name: the caller's own, or `TPL_` and 32 hex digits.
    PlanId;
    /// One running copy of a strategy. A worker sees only the plans of its own.
    StrategyInstanceId;
    /// A free id that says what made the strategist act, such as a signal's.
    CausalityId;
    /// A venue's own id of a fill; unique per venue and symbol.
    TradeId;
    /// A venue's own id of an order.
    ConnectorOrderId;
    /// Which of several positions in one symbol a trade of a history belongs to, such as `LONG` in hedge mode.
    PositionKey;
    /// Why an operator gave an order, in a word of their own, such as `exchange-maintenance`.
    OperatorReason;
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Encode, Decode)]
        pub struct $name(pub $inner);

        impl $name {
            /// The next number after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
numbers! {
    /// An event's place in its session's log; the first is 1. (session, seq) is an event's identity.
    Seq(u64);
    /// A plan's dense number within its session, in order of appearance; the first is 1.
    PlanNo(u32);
    /// A group's number within its plan; the first is 1.
    GroupNo(u32);
    /// An order's dense number within its session, in order of appearance; the first is 1.
    OrderNo(u32);
    /// A timer's number within its session; the first is 1. At one due time, timers fire in this order.
    TimerId(u32);
    /// A batch's number within its session, in order of appearance; the first is 1.
    BatchNo(u32);
}

/// A session's own id: a `UUIDv8` made of the BLAKE3 of its identity (see [`crate::manifest`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct SessionUid(pub [u8; 16]);

impl fmt::Display for SessionUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

impl Serialize for SessionUid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

macro_rules! public_ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        pub struct $name([u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let wrong = || IdError::BadId { value: text.chars().take(80).collect(), prefix: $prefix };
                let digits = text.strip_prefix($prefix).ok_or_else(wrong)?;
                if digits.len() != 32 || !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                    return Err(wrong());
                }
                u128::from_str_radix(digits, 16).map(|n| Self(n.to_be_bytes())).map_err(|_| wrong())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
public_ids! {
    /// An execution group's public id, `EXG_` and 32 hex digits.
    GroupId, "EXG_";
    /// An order's public id, `ORD_` and 32 hex digits: also its client order id at the venue.
    OrderId, "ORD_";
    /// A fill's public id, `FIL_` and 32 hex digits.
    FillId, "FIL_";
}

impl OrderId {
    /// Whether it is an id of that session's: what tells its own orders at a venue from everyone else's.
    pub fn is_of(self, session: SessionUid) -> bool {
        self.0.iter().zip(&session.0).take(SESSION_DIGITS / 2).all(|(ours, theirs)| ours == theirs)
    }
}

/// Why an order exists, in the terms its id is made of: never its position in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderCause<'a> {
    /// The directive whose instruction the order carries out.
    pub directive: &'a DirectiveId,
    /// The plan it belongs to.
    pub plan: &'a PlanId,
    /// The group it belongs to.
    pub group: GroupNo,
    /// What it does there, so that a slice and a stop of one group differ.
    pub role: &'static str,
    /// Which slice of the group, or which order of that role.
    pub slice: u32,
    /// Which try, from 0.
    pub attempt: u32,
}

impl GroupId {
    /// Stands for any group's id where ids do not count.
    pub(crate) const UNNAMED: Self = Self([0; 16]);
}

impl PlanId {
    /// Stands for any plan's id where ids do not count.
    pub(crate) fn unnamed() -> Self {
        Self("TPL_".to_owned())
    }
}

/// The plan id for a directive that names none.
pub fn derive_plan_id(session: SessionUid, directive: &DirectiveId, leg: u32) -> PlanId {
    let digest = cause_digest(session, "plan", &[directive.as_str().as_bytes(), &leg.to_le_bytes()]);
    PlanId(format!("TPL_{:032x}", u128::from_be_bytes(digest)))
}

/// What stands in a directive's place for a trade of a history: `TRD_` and 32 hex digits. The same in every session.
pub fn derive_trade_cause(symbol: &Symbol, trade: &TradeId) -> DirectiveId {
    let mut hasher = cause_hasher("trade", &[symbol.to_string().as_bytes(), trade.as_str().as_bytes()]).finalize_xof();
    let mut short = [0; 16];
    hasher.fill(&mut short);
    DirectiveId(format!("TRD_{:032x}", u128::from_be_bytes(short)))
}

/// The id of a plan's group.
pub fn derive_group_id(session: SessionUid, directive: &DirectiveId, plan: &PlanId, group: GroupNo) -> GroupId {
    let parts: [&[u8]; 3] = [directive.as_str().as_bytes(), plan.as_str().as_bytes(), &group.0.to_le_bytes()];
    GroupId(cause_digest(session, "group", &parts))
}

/// The id of an order.
pub fn derive_order_id(session: SessionUid, cause: &OrderCause<'_>) -> OrderId {
    let parts: [&[u8]; 6] = [
        cause.directive.as_str().as_bytes(),
        cause.plan.as_str().as_bytes(),
        &cause.group.0.to_le_bytes(),
        cause.role.as_bytes(),
        &cause.slice.to_le_bytes(),
        &cause.attempt.to_le_bytes(),
    ];
    OrderId(cause_digest(session, "order", &parts))
}

/// The id of a fill: its order and the venue's trade id.
pub fn derive_fill_id(session: SessionUid, order: OrderId, trade: &TradeId) -> FillId {
    // The order's session digits are left out: the rest of the id must be the same in every session.
    let cause = order.0.get(SESSION_DIGITS / 2..).unwrap_or_default();
    FillId(cause_digest(session, "fill", &[cause, trade.as_str().as_bytes()]))
}

/// 6 bytes of the session, then 10 bytes of BLAKE3 over the length-prefixed parts of the cause.
fn cause_digest(session: SessionUid, kind: &str, parts: &[&[u8]]) -> [u8; 16] {
    let cause = cause_hasher(kind, parts).finalize();
    let mut id = [0; 16];
    let session_part = session.0.iter().take(SESSION_DIGITS / 2);
    for (slot, byte) in id.iter_mut().zip(session_part.chain(cause.as_bytes())) {
        *slot = *byte;
    }
    id
}

fn cause_hasher(kind: &str, parts: &[&[u8]]) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 public id by cause");
    for part in std::iter::once(&kind.as_bytes()).chain(parts) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_leads_back_to_its_session_and_aligns_by_cause() {
        let (directive, plan) = (DirectiveId::new("STR_1").unwrap(), PlanId::new("TPL_A").unwrap());
        let cause =
            OrderCause { directive: &directive, plan: &plan, group: GroupNo(1), role: "entry", slice: 3, attempt: 0 };
        let (a, b) = (SessionUid([0xab; 16]), SessionUid([0xcd; 16]));
        let (one, other) = (derive_order_id(a, &cause).to_string(), derive_order_id(b, &cause).to_string());
        assert_eq!(one.len(), 36);
        assert!(one.starts_with("ORD_abababababab"), "{one}");
        assert_eq!(one[16..], other[16..], "the rest is the cause's");
        assert!(derive_order_id(a, &cause).is_of(a) && !derive_order_id(a, &cause).is_of(b));
        assert_ne!(derive_order_id(a, &OrderCause { attempt: 1, ..cause }).to_string()[16..], one[16..]);
        assert_eq!(one.parse::<OrderId>().unwrap().to_string(), one);
    }

    #[test]
    fn a_name_with_control_characters_is_refused() {
        for bad in ["", "a b", "a\u{1b}[31m", "ü", &"x".repeat(65)] {
            assert!(PlanId::new(bad).is_err(), "{bad:?}");
        }
    }
}
