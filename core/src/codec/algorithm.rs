//! The stored form of an algorithm and of how long it may take, in every kind that has them.

use bincode::{Decode, Encode};

use super::CodecError;
use super::fields::Fields;
use super::v1::{AlgorithmV1, Dec, ExecutionHintV1};
use crate::algorithm::{Algorithm, Iceberg, Layered, Twap};
use crate::directive::ExecutionHint;
use crate::time::Span;

/// What version 1 of an algorithm cannot say: a time after which it is given up, with or without an algorithm, and the
/// algorithms that came later.
#[derive(Encode, Decode)]
pub(super) struct ExecutionV2 {
    algorithm: Option<AlgorithmV2>,
    end_after_ns: Option<u64>,
}

#[derive(Encode, Decode)]
enum AlgorithmV2 {
    Single,
    Twap { duration_ns: u64, slices: u32, catch_up: bool },
    Iceberg { visible: Dec },
    Layered { layers: u32, from: Dec, to: Dec },
}

/// An algorithm that has no time after which it is given up.
pub(super) fn algorithm_form(algorithm: Algorithm) -> AlgorithmV1 {
    execution_form(algorithm, None)
}

/// The older form where that can say it, so that what it always said is written as it always was.
pub(super) fn execution_form(algorithm: Algorithm, end_after: Option<Span>) -> AlgorithmV1 {
    match (algorithm, end_after) {
        (Algorithm::Single, None) => AlgorithmV1::Single,
        (Algorithm::Twap(Twap { duration, slices, catch_up }), None) => {
            AlgorithmV1::Twap { duration_ns: duration.nanos(), slices, catch_up }
        }
        (Algorithm::Iceberg(_) | Algorithm::Layered(_), None) | (_, Some(_)) => newer(Some(algorithm), end_after),
    }
}

pub(super) fn hint_form(hint: ExecutionHint) -> ExecutionHintV1 {
    let algorithm = match (hint.algorithm, hint.end_after) {
        (None, None) => None,
        (None, end_after @ Some(_)) => Some(newer(None, end_after)),
        (Some(algorithm), end_after) => Some(execution_form(algorithm, end_after)),
    };
    ExecutionHintV1 { algorithm, urgency: hint.urgency.map(Dec::from) }
}

fn newer(algorithm: Option<Algorithm>, end_after: Option<Span>) -> AlgorithmV1 {
    let algorithm = algorithm.map(|algorithm| match algorithm {
        Algorithm::Single => AlgorithmV2::Single,
        Algorithm::Twap(Twap { duration, slices, catch_up }) => {
            AlgorithmV2::Twap { duration_ns: duration.nanos(), slices, catch_up }
        }
        Algorithm::Iceberg(Iceberg { visible }) => AlgorithmV2::Iceberg { visible: visible.value().into() },
        Algorithm::Layered(Layered { layers, from, to }) => {
            AlgorithmV2::Layered { layers, from: from.value().into(), to: to.value().into() }
        }
    });
    AlgorithmV1::Newer(ExecutionV2 { algorithm, end_after_ns: end_after.map(Span::nanos) })
}

impl Fields {
    /// An algorithm where nothing but one may stand.
    pub(super) fn algorithm(self, form: &AlgorithmV1) -> Result<Algorithm, CodecError> {
        match self.execution(form)? {
            (algorithm, None) => Ok(algorithm),
            (_, Some(_)) => Err(self.bad("algorithm")),
        }
    }

    /// An algorithm, and how long it may take.
    pub(super) fn execution(self, form: &AlgorithmV1) -> Result<(Algorithm, Option<Span>), CodecError> {
        let (algorithm, end_after) = self.stated(form)?;
        Ok((algorithm.ok_or_else(|| self.bad("algorithm"))?, end_after))
    }

    pub(super) fn hint(self, form: &ExecutionHintV1) -> Result<ExecutionHint, CodecError> {
        let stated = form.algorithm.as_ref().map(|form| self.stated(form)).transpose()?;
        let (algorithm, end_after) = stated.unwrap_or_default();
        Ok(ExecutionHint { algorithm, urgency: self.maybe_number("urgency", form.urgency)?, end_after })
    }

    /// As stored: a time may stand without an algorithm. What one form can say, the other must not.
    fn stated(self, form: &AlgorithmV1) -> Result<(Option<Algorithm>, Option<Span>), CodecError> {
        let twap = |duration_ns: &u64, slices: &u32, catch_up: &bool| {
            Algorithm::Twap(Twap { duration: Span::from_nanos(*duration_ns), slices: *slices, catch_up: *catch_up })
        };
        let newer = match form {
            AlgorithmV1::Single => return Ok((Some(Algorithm::Single), None)),
            AlgorithmV1::Twap { duration_ns, slices, catch_up } => {
                return Ok((Some(twap(duration_ns, slices, catch_up)), None));
            }
            AlgorithmV1::Newer(newer) => newer,
        };
        let algorithm = match &newer.algorithm {
            None => None,
            Some(AlgorithmV2::Single) => Some(Algorithm::Single),
            Some(AlgorithmV2::Twap { duration_ns, slices, catch_up }) => Some(twap(duration_ns, slices, catch_up)),
            Some(AlgorithmV2::Iceberg { visible }) => {
                Some(Algorithm::Iceberg(Iceberg { visible: self.quantity("visible_quantity", *visible)? }))
            }
            Some(AlgorithmV2::Layered { layers, from, to }) => Some(Algorithm::Layered(Layered {
                layers: *layers,
                from: self.price("price_from", *from)?,
                to: self.price("price_to", *to)?,
            })),
        };
        let older = matches!(algorithm, None | Some(Algorithm::Single | Algorithm::Twap(_)));
        match newer.end_after_ns.map(Span::from_nanos) {
            None if older => Err(self.bad("algorithm")),
            end_after => Ok((algorithm, end_after)),
        }
    }
}
