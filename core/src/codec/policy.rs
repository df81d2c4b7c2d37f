//! A session's execution policy as stored, version 1: the extension of an identity that is not the default.

use bincode::{Decode, Encode};

use super::CodecError;
use super::algorithm::algorithm_form;
use super::encode::word;
use super::fields::Fields;
use super::v1::{AlgorithmV1, Dec};
use crate::policy::{BatchDefaults, BatchPolicy, ExecutionPolicy, RiskLimits, SymbolLimits, UrgencyRange};
use crate::time::Span;

#[derive(Encode, Decode)]
pub(super) struct PolicyV1 {
    symbols: Vec<SymbolLimitsV1>,
    max_order_notional: Option<Dec>,
    max_account_position: Option<Dec>,
    price_collar: Option<Dec>,
    max_orders_per_minute: Option<u32>,
    max_open_orders: Option<u32>,
    new_trade: Option<BatchPolicyV1>,
    modify_existing: Option<BatchPolicyV1>,
    close_existing: Option<BatchPolicyV1>,
    urgency: Vec<(Dec, AlgorithmV1)>,
    reject_retries: u32,
    stop_limit_patience_ns: u64,
}

#[derive(Encode, Decode)]
struct SymbolLimitsV1 {
    symbol: String,
    max_order_quantity: Option<Dec>,
    max_position: Option<Dec>,
}

#[derive(Encode, Decode)]
pub(super) struct BatchPolicyV1 {
    execution_mode: u8,
    timeout_ns: Option<u64>,
    rollback_on_failure: bool,
}

pub(super) fn policy_form(policy: &ExecutionPolicy) -> PolicyV1 {
    let ExecutionPolicy { risk, batch_defaults, urgency, reject_retries, stop_limit_patience } = policy;
    let symbol = |limits: &SymbolLimits| SymbolLimitsV1 {
        symbol: limits.symbol.to_string(),
        max_order_quantity: limits.max_order_quantity.map(|quantity| quantity.value().into()),
        max_position: limits.max_position.map(|quantity| quantity.value().into()),
    };
    PolicyV1 {
        symbols: risk.symbols.iter().map(symbol).collect(),
        max_order_notional: risk.max_order_notional.map(|money| money.value().into()),
        max_account_position: risk.max_account_position.map(|money| money.value().into()),
        price_collar: risk.price_collar.map(Dec::from),
        max_orders_per_minute: risk.max_orders_per_minute,
        max_open_orders: risk.max_open_orders,
        new_trade: batch_defaults.new_trade.map(batch_form),
        modify_existing: batch_defaults.modify_existing.map(batch_form),
        close_existing: batch_defaults.close_existing.map(batch_form),
        urgency: urgency.iter().map(|range| (range.from.into(), algorithm_form(range.algorithm))).collect(),
        reject_retries: *reject_retries,
        stop_limit_patience_ns: stop_limit_patience.nanos(),
    }
}

pub(super) fn batch_form(policy: BatchPolicy) -> BatchPolicyV1 {
    BatchPolicyV1 {
        execution_mode: word(policy.execution_mode),
        timeout_ns: policy.timeout.map(Span::nanos),
        rollback_on_failure: policy.rollback_on_failure,
    }
}

impl Fields {
    pub(super) fn policy(self, form: &PolicyV1) -> Result<ExecutionPolicy, CodecError> {
        let symbols = form.symbols.iter().map(|limits| {
            let quantity = |field, value: Option<Dec>| value.map(|value| self.quantity(field, value)).transpose();
            Ok(SymbolLimits {
                symbol: self.symbol(&limits.symbol)?,
                max_order_quantity: quantity("max_order_quantity", limits.max_order_quantity)?,
                max_position: quantity("max_position", limits.max_position)?,
            })
        });
        let urgency = form.urgency.iter().map(|(from, form)| {
            Ok(UrgencyRange { from: self.number("urgency", *from)?, algorithm: self.algorithm(form)? })
        });
        let money = |field, value: Option<Dec>| value.map(|value| self.money(field, value)).transpose();
        let batch = |form: &Option<BatchPolicyV1>| form.as_ref().map(|form| self.batch_policy(form)).transpose();
        Ok(ExecutionPolicy {
            risk: RiskLimits {
                symbols: symbols.collect::<Result<_, CodecError>>()?,
                max_order_notional: money("max_order_notional", form.max_order_notional)?,
                max_account_position: money("max_account_position", form.max_account_position)?,
                price_collar: self.maybe_number("price_collar", form.price_collar)?,
                max_orders_per_minute: form.max_orders_per_minute,
                max_open_orders: form.max_open_orders,
            },
            batch_defaults: BatchDefaults {
                new_trade: batch(&form.new_trade)?,
                modify_existing: batch(&form.modify_existing)?,
                close_existing: batch(&form.close_existing)?,
            },
            urgency: urgency.collect::<Result<_, CodecError>>()?,
            reject_retries: form.reject_retries,
            stop_limit_patience: Span::from_nanos(form.stop_limit_patience_ns),
        })
    }

    pub(super) fn batch_policy(self, form: &BatchPolicyV1) -> Result<BatchPolicy, CodecError> {
        Ok(BatchPolicy {
            execution_mode: self.word("execution_mode", form.execution_mode)?,
            timeout: form.timeout_ns.map(Span::from_nanos),
            rollback_on_failure: form.rollback_on_failure,
        })
    }
}
