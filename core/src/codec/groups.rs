//! A group's beginning and end as stored: version 1, and version 2 with the price at which each happened after it.

use bincode::{Decode, Encode};

use super::fields::Fields;
use super::v1::{Dec, GroupEndedV1, GroupOpenedV1};
use super::{CodecError, decode_form};
use crate::amount::Price;
use crate::event::{Decision, Fact};
use crate::ids::GroupNo;

const GROUP_OPENED: u16 = 107;
const GROUP_ENDED: u16 = 109;

/// The version that has a price.
pub(super) const PRICED: u8 = 2;

/// A form of version 1, then the price.
#[derive(Encode, Decode)]
struct Priced<T> {
    form: T,
    price: Dec,
}

/// The price that makes a decision one of version 2.
pub(super) const fn price_of(decision: &Decision) -> Option<Price> {
    let (Decision::GroupOpened { arrival: price, .. } | Decision::GroupEnded { price, .. }) = decision else {
        return None;
    };
    *price
}

/// The live form of version 2 of these kinds; `None` of any other kind or version.
pub(super) fn priced_fact(kind: u16, version: u8, payload: &[u8]) -> Result<Option<Fact>, CodecError> {
    let read = Fields { kind };
    let decision = match (kind, version) {
        (GROUP_OPENED, PRICED) => {
            let Priced { form, price } = decode_form(kind, version, payload)?;
            read.group_opened(&form, Some(read.price("arrival", price)?))?
        }
        (GROUP_ENDED, PRICED) => {
            let Priced { form, price } = decode_form(kind, version, payload)?;
            read.group_ended(&form, Some(read.price("price", price)?))?
        }
        _ => return Ok(None),
    };
    Ok(Some(Fact::Decision(decision)))
}

impl Fields {
    pub(super) fn group_opened(self, form: &GroupOpenedV1, arrival: Option<Price>) -> Result<Decision, CodecError> {
        let (algorithm, end_after) = self.execution(&form.algorithm)?;
        Ok(Decision::GroupOpened {
            group: GroupNo(form.group),
            directive: self.directive(&form.directive)?,
            action: self.word("action", form.action)?,
            algorithm,
            entry: self.entry(&form.entry)?,
            quantity: self.quantity("quantity", form.quantity)?,
            end_after,
            arrival,
        })
    }

    pub(super) fn group_ended(self, form: &GroupEndedV1, price: Option<Price>) -> Result<Decision, CodecError> {
        Ok(Decision::GroupEnded { group: GroupNo(form.group), end: self.word("end", form.end)?, price })
    }
}
