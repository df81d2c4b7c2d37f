//! Orders that are good until a time: in every other world some of the limit orders are. Drawn apart from everything else,
//! so that the other dice stay as they are.

use std::collections::BTreeMap;

use retrace_core::directive::{Algorithm, EntryTerms, ExecutionHint, Intent, Legs, StrategyDirective};
use retrace_core::ids::DirectiveId;
use retrace_core::order::TimeInForce;

use crate::dice::{Dice, drawn, key_of};
use crate::units::moment;

/// Gives some of a world's limit orders a time, mostly one that comes while they work.
pub(super) fn limit<'a>(seed: u64, said: impl Iterator<Item = (i64, &'a mut StrategyDirective)>) {
    if !Dice::new(key_of("good till") ^ seed).once_in(2) {
        return;
    }
    // A directive that is said again is given the same time again.
    let mut first: BTreeMap<DirectiveId, i64> = BTreeMap::new();
    for (at, directive) in said {
        let at = *first.entry(directive.directive_id.clone()).or_insert(at);
        let mut dice = Dice::new(drawn(&[seed, key_of(directive.directive_id.as_str()), 31]));
        let mut one = |entry: &mut EntryTerms, execution: ExecutionHint| {
            let layered = matches!(execution.algorithm, Some(Algorithm::Layered(_)));
            let rests = entry.time_in_force == TimeInForce::Gtc && (entry.limit_price.is_some() || layered);
            if dice.once_in(2) && rests {
                let after = dice.pick(&[1, 500, 5_000, 20_000, 60_000, 200_000]);
                entry.time_in_force = TimeInForce::Gtd(moment(at + after));
            }
        };
        match &mut directive.intent {
            Intent::NewTrade(new) => one(&mut new.entry, new.execution),
            Intent::Modify(modify) => {
                if let Some(entry) = &mut modify.entry {
                    one(entry, modify.execution);
                }
            }
            Intent::Batch(batch) => match &mut batch.legs {
                Legs::NewTrade(legs) => {
                    for leg in legs {
                        one(&mut leg.trade.entry, leg.trade.execution);
                    }
                }
                Legs::Modify(legs) => {
                    for leg in legs {
                        if let Some(entry) = &mut leg.trade.entry {
                            one(entry, leg.trade.execution);
                        }
                    }
                }
                Legs::Close(_) => {}
            },
            Intent::Close(_) | Intent::Group(_) | Intent::CancelAll(_) => {}
        }
    }
}
