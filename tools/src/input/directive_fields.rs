//! The shapes of a directive line as JSON has them. Numbers are kept as their text, so that no parser rounds them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::input::operator::OperatorFields;

/// A JSON string or number, as its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        match raw.bytes().next() {
            Some(b'"') => serde_json::from_str(raw).map(Self).map_err(D::Error::custom),
            Some(b'-' | b'0'..=b'9') => Ok(Self(raw.to_owned())),
            _ => Err(D::Error::custom(format_args!("invalid type: {}, expected a string or a number", kind(raw)))),
        }
    }
}

/// What is written, in the words that serde has for it.
fn kind(raw: &str) -> String {
    match raw.bytes().next() {
        Some(b'{') => "map".to_owned(),
        Some(b'[') => "sequence".to_owned(),
        Some(b'n') => "null".to_owned(),
        _ => format!("boolean `{raw}`"),
    }
}

/// A field that may be absent, null, or a value: three different things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Given<T> {
    #[default]
    Absent,
    Null,
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// A field that holds an object, or is absent or null. Serde would take a list for one, its members in the order of the
/// fields, and so accept what nobody wrote on purpose.
fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|object| object.0))
}

/// The same where there must be one.
fn required_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Object::deserialize(deserializer)?.0)
}

/// What is read from an object and from nothing else.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMap<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfMap<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(OfMap(PhantomData)).map(Self)
    }
}

/// Any value of a field that is known and not supported yet. Only whether it is there matters.
pub(super) type Later<'a> = Option<&'a RawValue>;

/// One line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineFields<'a> {
    pub(super) at: Text,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) directive: Option<DirectiveFields<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) execution_directive: Option<AggregatedFields<'a>>,
    #[serde(default, deserialize_with = "object")]
    pub(super) operator: Option<OperatorFields>,
}

/// `directive`: a strategist's intent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DirectiveFields<'a> {
    pub(super) directive_id: String,
    pub(super) scope: String,
    pub(super) action: Option<String>,
    pub(super) plan_id: Option<String>,
    pub(super) target_plan_ids: Option<Vec<String>>,
    pub(super) comments: Option<String>,
    pub(super) confidence: Option<Text>,
    pub(super) causality: Option<Vec<String>>,
    #[serde(default, deserialize_with = "object")]
    pub(super) entry_directive: Option<EntryFields>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) size_directive: Option<SizeFields<'a>>,
    #[serde(default, deserialize_with = "object")]
    pub(super) exit_directive: Option<ExitFields>,
    #[serde(default, deserialize_with = "object", alias = "execution_hint")]
    pub(super) execution_directive: Option<ExecutionFields>,
    /// A text or an object: read when it is known that the action takes one.
    #[serde(borrow)]
    pub(super) target_group: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) legs: Option<Vec<Object<LegFields<'a>>>>,
    #[serde(default, deserialize_with = "object")]
    pub(super) batch_execution_policy: Option<BatchPolicyFields>,
}

/// One of `legs`: a trade of one plan.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LegFields<'a> {
    pub(super) plan_id: Option<String>,
    #[serde(default, deserialize_with = "object")]
    pub(super) entry_directive: Option<EntryFields>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) size_directive: Option<SizeFields<'a>>,
    #[serde(default, deserialize_with = "object")]
    pub(super) exit_directive: Option<ExitFields>,
    #[serde(default, deserialize_with = "object", alias = "execution_hint")]
    pub(super) execution_directive: Option<ExecutionFields>,
    pub(super) timeout_seconds: Option<Text>,
}

/// `batch_execution_policy`: how several trades hang together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchPolicyFields {
    pub(super) execution_mode: String,
    pub(super) timeout_seconds: Option<Text>,
    pub(super) rollback_on_failure: Option<bool>,
}

/// `entry_directive`: what, which way and how.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryFields {
    pub(super) symbol: Option<String>,
    pub(super) direction: Option<String>,
    pub(super) order_type: Option<String>,
    pub(super) limit_price: Option<Text>,
    pub(super) time_in_force: Option<String>,
    pub(super) good_till: Option<Text>,
    pub(super) post_only: Option<bool>,
}

/// `size_directive`: how much.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SizeFields<'a> {
    pub(super) target_position_size: Option<Text>,
    pub(super) order_quantity: Option<Text>,
    #[serde(borrow)]
    pub(super) aggressiveness: Later<'a>,
}

/// `exit_directive`: where it ends.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExitFields {
    #[serde(default)]
    pub(super) stop_loss_price: Given<Text>,
    #[serde(default)]
    pub(super) stop_loss_tolerance: Given<Text>,
    #[serde(default)]
    pub(super) stop_limit_price: Given<Text>,
    #[serde(default)]
    pub(super) trailing_stop_distance: Given<Text>,
    #[serde(default)]
    pub(super) trailing_stop_tolerance: Given<Text>,
    #[serde(default)]
    pub(super) take_profit_price: Given<Text>,
    pub(super) remove_stop: Option<bool>,
}

/// `execution_directive` inside a directive: how it is carried out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExecutionFields {
    pub(super) algorithm: Option<String>,
    pub(super) duration_minutes: Option<Text>,
    pub(super) slices: Option<Text>,
    pub(super) catch_up: Option<bool>,
    pub(super) visible_quantity: Option<Text>,
    pub(super) layers: Option<Text>,
    pub(super) price_from: Option<Text>,
    pub(super) price_to: Option<Text>,
    pub(super) end_after_minutes: Option<Text>,
    pub(super) execution_urgency: Option<Text>,
    pub(super) max_total_slippage_pct: Option<Text>,
    #[serde(default, deserialize_with = "object")]
    pub(super) on_limit: Option<OnLimitFields>,
    pub(super) include_protection: Option<bool>,
}

/// `on_limit`: what to do when a close finds no price inside its limit.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OnLimitFields {
    pub(super) retry_seconds: Option<Text>,
    pub(super) tries: Option<Text>,
    pub(super) then: Option<String>,
}

/// `execution_directive` of a line: the aggregated form, told by its `instructions`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AggregatedFields<'a> {
    pub(super) directive_id: String,
    pub(super) plan_id: Option<String>,
    pub(super) comments: Option<String>,
    #[serde(borrow)]
    pub(super) instructions: Vec<&'a RawValue>,
}

/// What an instruction is for, read before its parameters: other intents have other ones.
#[derive(Debug, Deserialize)]
pub(super) struct IntentFields {
    pub(super) intent: String,
}

/// One of `instructions`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InstructionFields {
    #[expect(dead_code, reason = "read before, by `IntentFields`; named here because unknown fields are refused")]
    pub(super) intent: String,
    pub(super) algo_type: String,
    #[serde(deserialize_with = "required_object")]
    pub(super) params: ParamsFields,
}

/// `params` of an instruction.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParamsFields {
    pub(super) symbol: Option<String>,
    pub(super) direction: Option<String>,
    pub(super) quantity: Option<Text>,
    pub(super) duration: Option<Text>,
    pub(super) slices: Option<Text>,
    pub(super) visible_quantity: Option<Text>,
    pub(super) layers: Option<Text>,
    pub(super) price_from: Option<Text>,
    pub(super) price_to: Option<Text>,
    pub(super) end_after: Option<Text>,
    pub(super) order_type: Option<String>,
    pub(super) limit_price: Option<Text>,
    #[serde(default)]
    pub(super) stop_loss_price: Given<Text>,
    #[serde(default)]
    pub(super) take_profit_price: Given<Text>,
}
