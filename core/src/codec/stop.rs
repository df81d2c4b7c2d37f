//! The stored forms of kinds of stop, version 1.

use bincode::{Decode, Encode};

use super::CodecError;
use super::fields::Fields;
use super::v1::Dec;
use crate::stop::{StopKind, Trail};

#[derive(Encode, Decode)]
pub(super) enum TrailV1 {
    Distance(Dec),
    Fraction(Dec),
}

#[derive(Encode, Decode)]
pub(super) enum StopKindV1 {
    Market,
    Limit { distance: Dec },
    Trailing(TrailV1),
}

#[derive(Encode, Decode)]
pub(super) struct StopTrailSetV1 {
    pub directive: String,
    pub trail: TrailV1,
}

pub(super) fn trail_form(trail: Trail) -> TrailV1 {
    match trail {
        Trail::Distance(distance) => TrailV1::Distance(distance.into()),
        Trail::Fraction(fraction) => TrailV1::Fraction(fraction.into()),
    }
}

pub(super) fn kind_form(kind: StopKind) -> StopKindV1 {
    match kind {
        StopKind::Market => StopKindV1::Market,
        StopKind::Limit { distance } => StopKindV1::Limit { distance: distance.into() },
        StopKind::Trailing(trail) => StopKindV1::Trailing(trail_form(trail)),
    }
}

impl Fields {
    pub(super) fn trail(self, form: &TrailV1) -> Result<Trail, CodecError> {
        let trail = match form {
            TrailV1::Distance(distance) => Trail::Distance(self.number("trail", *distance)?),
            TrailV1::Fraction(fraction) => Trail::Fraction(self.number("trail", *fraction)?),
        };
        if trail.is_valid() { Ok(trail) } else { Err(self.bad("trail")) }
    }

    pub(super) fn stop_kind(self, form: &StopKindV1) -> Result<StopKind, CodecError> {
        Ok(match form {
            StopKindV1::Market => StopKind::Market,
            StopKindV1::Limit { distance } => {
                let distance = self.number("distance", *distance)?;
                if distance.is_sign_negative() {
                    return Err(self.bad("distance"));
                }
                StopKind::Limit { distance }
            }
            StopKindV1::Trailing(trail) => StopKind::Trailing(self.trail(trail)?),
        })
    }
}
