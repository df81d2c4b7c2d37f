//! What a venue says as stored: version 1, and version 2, which also says what it answers. Version 2 is written only
//! where version 1 cannot say it, so that older logs stay as they are. And what surrounds it: connection and query.

use bincode::{Decode, Encode};

use super::encode::{EncodedFact, fill_form, word};
use super::fields::Fields;
use super::v1::{Dec, FillV1, ReportKindV1, ReportV1};
use super::{CodecError, encode_form};
use crate::event::{Input, Report, ReportKind, ReportedOrder};
use crate::ids::{ConnectorOrderId, OrderNo, Seq, TradeId};
use crate::order::OrderStatus;

/// The kind of a report.
pub(super) const KIND: u16 = 5;

/// The last version of a report.
pub(super) const LAST: u8 = 2;

/// `foreign` is set where the order is not ours; ours stands in the event's header.
#[derive(Encode, Decode)]
pub(super) struct ReportV2 {
    foreign: Option<String>,
    answers: Option<u64>,
    what: ReportKindV2,
}

#[derive(Encode, Decode)]
enum ReportKindV2 {
    /// What version 1 can say.
    Known(ReportKindV1),
    Busted {
        trade_id: String,
    },
    Corrected {
        revision: u32,
        fill: FillV1,
    },
    Stands {
        status: u8,
        quantity: Dec,
        price: Option<Dec>,
        filled: Dec,
    },
    NotFound,
}

#[derive(Encode, Decode)]
pub(super) struct ConnectionChangedV1 {
    pub connected: bool,
}

#[derive(Encode, Decode)]
pub(super) struct QueryRequestedV1 {}

pub(super) fn encode(report: &Report) -> EncodedFact {
    let Report { order, answers, what } = report;
    let foreign = match order {
        ReportedOrder::Ours(_) => None,
        ReportedOrder::Foreign(id) => Some(id.to_string()),
    };
    match (kind_form(what), answers) {
        (ReportKindV2::Known(what), None) => {
            EncodedFact { kind: KIND, version: 1, payload: encode_form(&ReportV1 { foreign, what }) }
        }
        (what, answers) => {
            let form = ReportV2 { foreign, answers: answers.map(|seq| seq.0), what };
            EncodedFact { kind: KIND, version: LAST, payload: encode_form(&form) }
        }
    }
}

fn kind_form(what: &ReportKind) -> ReportKindV2 {
    ReportKindV2::Known(match what {
        ReportKind::Accepted { connector_order_id } => {
            ReportKindV1::Accepted { connector_order_id: connector_order_id.to_string() }
        }
        ReportKind::Rejected { reason } => ReportKindV1::Rejected { reason: word(*reason) },
        ReportKind::Filled(fill) => ReportKindV1::Filled(fill_form(fill)),
        ReportKind::Amended { quantity, price } => {
            ReportKindV1::Amended { quantity: quantity.value().into(), price: price.map(|p| p.value().into()) }
        }
        ReportKind::AmendRejected { reason } => ReportKindV1::AmendRejected { reason: word(*reason) },
        ReportKind::Canceled => ReportKindV1::Canceled,
        ReportKind::CancelRejected { reason } => ReportKindV1::CancelRejected { reason: word(*reason) },
        ReportKind::Expired { reason } => ReportKindV1::Expired { reason: word(*reason) },
        ReportKind::Triggered => ReportKindV1::Triggered,
        ReportKind::Busted { trade_id } => return ReportKindV2::Busted { trade_id: trade_id.to_string() },
        ReportKind::Corrected { revision, fill } => {
            return ReportKindV2::Corrected { revision: *revision, fill: fill_form(fill) };
        }
        ReportKind::Stands { status, quantity, price, filled } => {
            return ReportKindV2::Stands {
                status: word(*status),
                quantity: quantity.value().into(),
                price: price.map(|p| p.value().into()),
                filled: filled.value().into(),
            };
        }
        ReportKind::NotFound => return ReportKindV2::NotFound,
    })
}

pub(super) fn decode_v1(form: &ReportV1, order: Option<OrderNo>) -> Result<Input, CodecError> {
    let order = reported(form.foreign.as_deref(), order)?;
    Ok(Input::Report(Report { order, answers: None, what: known(&form.what)? }))
}

pub(super) fn decode(form: &ReportV2, order: Option<OrderNo>) -> Result<Input, CodecError> {
    let order = reported(form.foreign.as_deref(), order)?;
    let what = match &form.what {
        ReportKindV2::Known(what) => known(what)?,
        ReportKindV2::Busted { trade_id } => {
            ReportKind::Busted { trade_id: READ.text("trade_id", trade_id, TradeId::new)? }
        }
        ReportKindV2::Corrected { revision, fill } => {
            ReportKind::Corrected { revision: *revision, fill: READ.fill(fill)? }
        }
        ReportKindV2::Stands { status, quantity, price, filled } => ReportKind::Stands {
            status: READ.word::<OrderStatus>("status", *status)?,
            quantity: READ.quantity("quantity", *quantity)?,
            price: READ.maybe_price("price", *price)?,
            filled: READ.position("filled", *filled)?,
        },
        ReportKindV2::NotFound => ReportKind::NotFound,
    };
    Ok(Input::Report(Report { order, answers: form.answers.map(Seq), what }))
}

const READ: Fields = Fields { kind: KIND };

fn reported(foreign: Option<&str>, order: Option<OrderNo>) -> Result<ReportedOrder, CodecError> {
    match (foreign, order) {
        (Some(id), None) => Ok(ReportedOrder::Foreign(READ.text("foreign", id, ConnectorOrderId::new)?)),
        (None, Some(order)) => Ok(ReportedOrder::Ours(order)),
        (Some(_), Some(_)) | (None, None) => Err(READ.bad("foreign")),
    }
}

fn known(form: &ReportKindV1) -> Result<ReportKind, CodecError> {
    Ok(match form {
        ReportKindV1::Accepted { connector_order_id } => ReportKind::Accepted {
            connector_order_id: READ.text("connector_order_id", connector_order_id, ConnectorOrderId::new)?,
        },
        ReportKindV1::Rejected { reason } => ReportKind::Rejected { reason: READ.word("reason", *reason)? },
        ReportKindV1::Filled(fill) => ReportKind::Filled(READ.fill(fill)?),
        ReportKindV1::Amended { quantity, price } => ReportKind::Amended {
            quantity: READ.quantity("quantity", *quantity)?,
            price: READ.maybe_price("price", *price)?,
        },
        ReportKindV1::AmendRejected { reason } => ReportKind::AmendRejected { reason: READ.word("reason", *reason)? },
        ReportKindV1::Canceled => ReportKind::Canceled,
        ReportKindV1::CancelRejected { reason } => ReportKind::CancelRejected { reason: READ.word("reason", *reason)? },
        ReportKindV1::Expired { reason } => ReportKind::Expired { reason: READ.word("reason", *reason)? },
        ReportKindV1::Triggered => ReportKind::Triggered,
    })
}
