//! An event in bytes that two sessions share: every number and derived id stands as the cause that it was given for.
//!
//! Numbers are told by the names of their types: whatever a decision holds, a plan's number in it is a `PlanNo`, so a
//! decision that is added later is compared without a word here.

use retrace_core::event::{Event, Fact};
use retrace_core::ids::{GroupId, PlanNo};
use serde::ser::{self, Serialize, Serializer};

use super::cause::Causes;

/// What of an event is left out beside what no two sessions share.
pub(super) type LeftOut = &'static [&'static str];

/// A comment's reference is salted by its session: only whether there is one is compared.
const COMMENTS: &str = "comments";

/// Writes `event` behind `bytes`: its plan, its order, and what happened.
pub(super) fn write(bytes: &mut Vec<u8>, event: &Event, causes: &Causes, left_out: LeftOut) {
    for known in [event.plan.and_then(|no| causes.plan(no)), event.order.and_then(|no| causes.order(no))] {
        match known {
            Some(digest) => bytes.extend_from_slice(&digest),
            None => bytes.push(0),
        }
    }
    let writer = Writer { bytes, causes, plan: event.plan, left_out };
    match &event.fact {
        Fact::Input(input) => put(writer, input),
        Fact::Decision(decision) => put(writer, decision),
        Fact::Unknown(unknown) => {
            bytes.extend_from_slice(&unknown.kind.to_le_bytes());
            bytes.push(unknown.version);
            bytes.extend_from_slice(&unknown.payload);
        }
    }
}

/// Writes any part of an event that belongs to `plan`.
pub(super) fn write_part(bytes: &mut Vec<u8>, part: &impl Serialize, plan: Option<PlanNo>, causes: &Causes) {
    put(Writer { bytes, causes, plan, left_out: &[] }, part);
}

fn put(mut writer: Writer<'_>, part: &impl Serialize) {
    // Nothing that an event holds refuses to be written.
    let _ = part.serialize(&mut writer);
}

struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
    causes: &'a Causes,
    plan: Option<PlanNo>,
    left_out: LeftOut,
}

/// What a value begins with, so that no two different ones are the same bytes.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Tag {
    Nothing = 1,
    Some,
    Number,
    Text,
    Variant,
    Open,
    Close,
    Cause,
}

impl Writer<'_> {
    fn tag(&mut self, tag: Tag) {
        self.bytes.push(tag as u8);
    }

    fn number(&mut self, number: u64) {
        self.tag(Tag::Number);
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, tag: Tag, text: &str) {
        self.tag(tag);
        self.bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn cause(&mut self, digest: Option<[u8; 16]>) {
        self.tag(Tag::Cause);
        self.bytes.extend(digest.iter().flatten());
    }

    /// The number that was written from `from` on, taken back.
    fn taken_back(&mut self, from: usize) -> u32 {
        let digits = self.bytes.get(from..).and_then(|written| written.get(1..9)).and_then(|raw| raw.try_into().ok());
        let number = digits.map_or(u64::MAX, u64::from_le_bytes);
        self.bytes.truncate(from);
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// A number or a name whose type says what it is one of.
    fn named(&mut self, name: &str, from: usize) {
        use retrace_core::ids::{BatchNo, GroupNo, OrderNo, TimerId};
        let causes = self.causes;
        match name {
            "PlanNo" => {
                let no = PlanNo(self.taken_back(from));
                self.cause(causes.plan(no));
            }
            "GroupNo" => {
                let no = GroupNo(self.taken_back(from));
                self.cause(self.plan.and_then(|plan| causes.group(plan, no)));
            }
            "OrderNo" => {
                let no = OrderNo(self.taken_back(from));
                self.cause(causes.order(no));
            }
            "TimerId" => {
                let id = TimerId(self.taken_back(from));
                self.cause(causes.timer(id));
            }
            "BatchNo" => {
                let no = BatchNo(self.taken_back(from));
                self.cause(causes.batch(no));
            }
            "PlanId" => {
                let text = self.bytes.get(from..).and_then(|written| written.get(9..)).unwrap_or_default();
                let derived = std::str::from_utf8(text).ok().and_then(|id| causes.derived(id));
                if derived.is_some() {
                    self.bytes.truncate(from);
                    self.cause(derived);
                }
            }
            // Where something stands in its log, and what the venue calls it, is nobody's decision.
            "Seq" | "TradeId" | "ConnectorOrderId" => {
                self.bytes.truncate(from);
                self.tag(Tag::Nothing);
            }
            _ => {}
        }
    }

    /// Whether a field of this name is left out; of a comment, that there is one is kept.
    fn leaves_out(&self, field: &str) -> bool {
        self.left_out.contains(&field)
    }
}

/// Never made: everything is taken.
#[derive(Debug)]
pub(super) struct Never;

impl std::fmt::Display for Never {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot be written")
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

macro_rules! numbers {
    ($($name:ident $type:ty),*) => {$(
        fn $name(self, value: $type) -> Result<(), Never> {
            self.number(u64::from_le_bytes(i64::from(value).to_le_bytes()));
            Ok(())
        }
    )*};
}

type Done = Result<(), Never>;

impl Serializer for &mut Writer<'_> {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    numbers!(serialize_bool bool, serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32);

    fn serialize_u64(self, value: u64) -> Done {
        self.number(value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Done {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Done {
        self.number(value.to_bits());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Done {
        self.serialize_u32(u32::from(value))
    }

    fn serialize_str(self, text: &str) -> Done {
        // A group's public id is made of its session's, too.
        if text.len() == 36
            && text.starts_with("EXG_")
            && let Some(group) = text.parse::<GroupId>().ok().and_then(|id| self.causes.group_of_id(id))
        {
            self.cause(Some(group));
        } else {
            self.text(Tag::Text, text);
        }
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Done {
        self.tag(Tag::Text);
        self.bytes.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn serialize_none(self) -> Done {
        self.tag(Tag::Nothing);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        self.tag(Tag::Some);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.serialize_none()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.text(Tag::Variant, variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Done {
        let from = self.bytes.len();
        value.serialize(&mut *self)?;
        self.named(name, from);
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        self.text(Tag::Variant, variant);
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Never> {
        self.tag(Tag::Open);
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Never> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Never> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Self, Never> {
        self.text(Tag::Variant, variant);
        self.serialize_seq(None)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Never> {
        self.serialize_seq(None)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Never> {
        self.serialize_seq(None)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Self, Never> {
        self.text(Tag::Variant, variant);
        self.serialize_seq(None)
    }
}

macro_rules! elements {
    ($($trait:ident $method:ident),*) => {$(
        impl ser::$trait for &mut Writer<'_> {
            type Ok = ();
            type Error = Never;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
                value.serialize(&mut **self)
            }

            fn end(self) -> Done {
                self.tag(Tag::Close);
                Ok(())
            }
        }
    )*};
}
elements!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field);

macro_rules! fields {
    ($($trait:ident),*) => {$(
        impl ser::$trait for &mut Writer<'_> {
            type Ok = ();
            type Error = Never;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, field: &'static str, value: &T) -> Done {
                if self.leaves_out(field) {
                    return Ok(());
                }
                self.text(Tag::Text, field);
                let from = self.bytes.len();
                value.serialize(&mut **self)?;
                if field == COMMENTS {
                    self.bytes.truncate(from.saturating_add(1));
                }
                Ok(())
            }

            fn end(self) -> Done {
                self.tag(Tag::Close);
                Ok(())
            }
        }
    )*};
}
fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for &mut Writer<'_> {
    type Ok = ();
    type Error = Never;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(&mut **self)
    }

    fn end(self) -> Done {
        self.tag(Tag::Close);
        Ok(())
    }
}
