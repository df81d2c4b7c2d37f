//! The beginning of a close as stored: version 1 of one that goes at once, and version 2 with its slices after that.

use bincode::{Decode, Encode};

use super::fields::Fields;
use super::v1::CloseStartedV1;
use super::{CodecError, decode_form};
use crate::algorithm::Twap;
use crate::event::Decision;
use crate::time::Span;

pub(super) const CLOSE_STARTED: u16 = 115;

/// The version that has slices.
pub(super) const IN_SLICES: u8 = 2;

#[derive(Encode, Decode)]
pub(super) struct TwapV1 {
    duration_ns: u64,
    slices: u32,
    catch_up: bool,
}

/// A form of version 1, then the slices.
#[derive(Encode, Decode)]
struct InSlices {
    form: CloseStartedV1,
    twap: TwapV1,
}

pub(super) const fn twap_form(twap: Twap) -> TwapV1 {
    let Twap { duration, slices, catch_up } = twap;
    TwapV1 { duration_ns: duration.nanos(), slices, catch_up }
}

/// The live form of version 2.
pub(super) fn decode_in_slices(payload: &[u8]) -> Result<Decision, CodecError> {
    let InSlices { form, twap } = decode_form(CLOSE_STARTED, IN_SLICES, payload)?;
    let TwapV1 { duration_ns, slices, catch_up } = twap;
    let twap = Twap { duration: Span::from_nanos(duration_ns), slices, catch_up };
    Fields { kind: CLOSE_STARTED }.close_started(&form, Some(twap))
}

impl Fields {
    pub(super) fn close_started(self, form: &CloseStartedV1, twap: Option<Twap>) -> Result<Decision, CodecError> {
        Ok(Decision::CloseStarted {
            directive: self.directive(&form.directive)?,
            price_limit: self.maybe_price("price_limit", form.price_limit)?,
            on_limit: self.on_limit(&form.on_limit)?,
            twap,
        })
    }
}
