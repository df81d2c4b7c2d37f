//! From the fields of a directive line to the directive itself, with every check that needs no state and no price.

use std::collections::{BTreeMap, BTreeSet};

use retrace_core::amount::{Position, Quantity};
use retrace_core::directive::{
    Algorithm, Intent, ModifyPlans, NewTrade, Scope, StopChange, StopLevel, StrategyDirective, TakeProfitChange,
};
use retrace_core::ids::{CausalityId, DirectiveId, PlanId};
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::order::Side;
use retrace_core::time::Timestamp;
use rust_decimal::Decimal;

use crate::input::directive_actions::Action;
use crate::input::directive_execution::{Divided, FIELDS};
use crate::input::directive_exits::{REMOVE_STOP, STOP, TAKE_PROFIT};
use crate::input::directive_fields::{AggregatedFields, DirectiveFields, Given, InstructionFields, IntentFields, Text};
use crate::input::directive_legs::LEGS;
use crate::input::directive_values::{Named, Placed, Values, text_of};
use crate::input::directives::from_json;
use crate::input::hint::{did_you_mean, nearest};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

const PLANS: &str = "directive.target_plan_ids";
const SYMBOL: &str = "directive.entry_directive.symbol";
const SIZE: &str = "directive.size_directive.target_position_size";

/// How many plans one directive may be for, and how many causes it may name: with names of full length they fit into one
/// event, and what is decided for them into one Step.
const PLANS_MAX: usize = 500;
const CAUSES_MAX: usize = 250;

pub(super) type Built<T> = Result<T, InputProblem>;

/// Builds the directive of one line.
pub(super) struct Builder<'a> {
    /// A problem on this line.
    pub(super) here: &'a dyn Fn(Rule) -> InputProblem,
    /// What the session trades.
    pub(super) instruments: &'a [Instrument],
    /// What each plan trades that an earlier line named.
    pub(super) plans: &'a BTreeMap<PlanId, Symbol>,
    /// In which plans each directive of an earlier line may have opened a group.
    pub(super) openers: &'a BTreeMap<DirectiveId, Vec<PlanId>>,
    /// When the line is given; `None` for one that an earlier line gave already: it is carried out no second time.
    pub(super) at: Option<Timestamp>,
}

impl<'a> Builder<'a> {
    pub(super) fn values(&self) -> Values<'a> {
        Values { here: self.here, instruments: self.instruments, at: self.at }
    }

    /// The directive of the form in which a strategist writes.
    pub(super) fn directive(&self, mut fields: DirectiveFields<'_>) -> Built<StrategyDirective> {
        let legs = fields.legs.take();
        let fields = &fields;
        let values = self.values();
        self.unsupported(fields)?;
        let action = self.action(fields)?;
        let directive_id = values.name("directive.directive_id", &fields.directive_id, DirectiveId::new)?;
        let confidence = values.fraction(Named("directive.confidence", text_of(fields.confidence.as_ref())), true)?;
        let found = fields.causality.as_ref().map_or(0, Vec::len);
        if found > CAUSES_MAX {
            return Err((self.here)(Rule::TooMany { found, max: CAUSES_MAX }).field("directive.causality"));
        }
        let causality = fields.causality.iter().flatten();
        let causality = causality.map(|id| values.name("directive.causality", id, CausalityId::new));
        let causality = causality.collect::<Result<_, _>>()?;
        let scope = values.spelled("directive.scope", &fields.scope, Scope::ALL, Scope::as_str, Scope::parse)?;
        if action != Action::ExecuteTrade {
            for (name, given) in
                [(LEGS, legs.is_some()), ("directive.batch_execution_policy", fields.batch_execution_policy.is_some())]
            {
                if given {
                    return Err((self.here)(Rule::Excludes { other: "an action other than EXECUTE_TRADE" }).field(name));
                }
            }
            let intent = self.order(fields, action, scope)?;
            return Ok(StrategyDirective { directive_id, comments: None, confidence, causality, intent });
        }
        let intent = self.coordinated(fields, legs, scope)?;
        Ok(StrategyDirective { directive_id, comments: None, confidence, causality, intent })
    }

    /// Refuses what is known and not supported yet.
    pub(super) fn unsupported(&self, fields: &DirectiveFields<'_>) -> Built<()> {
        match fields.size_directive.as_ref().and_then(|size| size.aggressiveness) {
            Some(value) => {
                let problem = (self.here)(Rule::NotSupportedYet).field("directive.size_directive.aggressiveness");
                Err(problem.value(value.get()))
            }
            None => Ok(()),
        }
    }

    /// Refuses fields that mean nothing in this scope: ignoring one would do other than the file says.
    pub(super) fn belongs(&self, fields: &DirectiveFields<'_>, scope: Scope) -> Built<()> {
        let hint = fields.execution_directive.as_ref();
        let exit = fields.exit_directive.as_ref();
        let (new, close) = (scope == Scope::NewTrade, scope == Scope::CloseExisting);
        for (name, misplaced) in [
            (PLANS, new && fields.target_plan_ids.is_some()),
            ("directive.plan_id", !new && fields.plan_id.is_some()),
            (REMOVE_STOP, new && exit.is_some_and(|e| e.remove_stop == Some(true))),
            ("directive.entry_directive", close && fields.entry_directive.is_some()),
            ("directive.size_directive", close && fields.size_directive.is_some()),
            ("directive.exit_directive", close && exit.is_some()),
            (FIELDS.algorithm, close && hint.is_some_and(|h| h.algorithm.is_some())),
            (FIELDS.duration, close && hint.is_some_and(|h| h.duration_minutes.is_some())),
            (FIELDS.slices, close && hint.is_some_and(|h| h.slices.is_some())),
            (FIELDS.catch_up, close && hint.is_some_and(|h| h.catch_up.is_some())),
            (FIELDS.visible, close && hint.is_some_and(|h| h.visible_quantity.is_some())),
            (FIELDS.layers, close && hint.is_some_and(|h| h.layers.is_some())),
            (FIELDS.from, close && hint.is_some_and(|h| h.price_from.is_some())),
            (FIELDS.to, close && hint.is_some_and(|h| h.price_to.is_some())),
            (FIELDS.end_after, close && hint.is_some_and(|h| h.end_after_minutes.is_some())),
            (
                "directive.execution_directive.max_total_slippage_pct",
                !close && hint.is_some_and(|h| h.max_total_slippage_pct.is_some()),
            ),
            ("directive.execution_directive.on_limit", !close && hint.is_some_and(|h| h.on_limit.is_some())),
        ] {
            if misplaced {
                return Err((self.here)(Rule::NotForScope { scope }).field(name));
            }
        }
        Ok(())
    }

    pub(super) fn new_trade(&self, fields: &DirectiveFields<'_>) -> Built<NewTrade> {
        let values = self.values();
        let entry = fields.entry_directive.as_ref();
        let plan_id = match &fields.plan_id {
            Some(id) => Some(values.name("directive.plan_id", id, PlanId::new)?),
            None => None,
        };
        let instrument = values.instrument(Named(SYMBOL, entry.and_then(|e| e.symbol.as_deref())))?;
        let only = std::slice::from_ref(&instrument);
        let direction = entry.and_then(|e| e.direction.as_deref());
        let direction = values.direction(Named("directive.entry_directive.direction", direction))?;
        let size = fields.size_directive.as_ref().and_then(|s| s.target_position_size.as_ref());
        let target = values.quantity(Named(SIZE, text_of(size)), instrument)?;
        let exit = fields.exit_directive.as_ref();
        let (stop, take_profit) = self.exits(exit, only)?;
        let execution = fields.execution_directive.as_ref();
        let placed = Placed::by(execution.and_then(|e| e.algorithm.as_deref()));
        let terms = values.entry(entry, placed, only)?;
        let divided = Divided { size: Some(target), instruments: only, limit_price: terms.limit_price };
        let new = NewTrade {
            plan_id,
            symbol: instrument.symbol.clone(),
            direction: direction
                .ok_or_else(|| (self.here)(Rule::Missing).field("directive.entry_directive.direction"))?,
            entry: terms,
            target,
            stop: match stop {
                Some(StopChange::To(level)) => Some(level),
                Some(StopChange::Remove) | None => None,
            },
            take_profit: match take_profit {
                Some(TakeProfitChange::To(price)) => Some(price),
                Some(TakeProfitChange::Remove) | None => None,
            },
            execution: values.execution(execution, &divided)?,
        };
        self.right_side(&new, STOP, TAKE_PROFIT)?;
        Ok(new)
    }

    pub(super) fn modify(&self, fields: &DirectiveFields<'_>) -> Built<ModifyPlans> {
        let values = self.values();
        let plans = self.existing_plans(fields.target_plan_ids.as_deref())?;
        let entry = fields.entry_directive.as_ref();
        let changes_nothing = entry.is_none()
            && fields.size_directive.is_none()
            && fields.exit_directive.is_none()
            && fields.execution_directive.is_none();
        if changes_nothing {
            return Err((self.here)(Rule::Nothing { what: "change to the plans" }).field("directive"));
        }
        let instruments = self.instruments_of(&plans);
        for plan in &plans {
            let Some(symbol) = self.plans.get(plan) else { continue };
            if let Some(given) = entry.and_then(|e| e.symbol.as_deref())
                && given.parse::<Symbol>().ok().as_ref() != Some(symbol)
            {
                let rule = Rule::OtherSymbol { plan: plan.to_string(), symbol: symbol.clone() };
                return Err((self.here)(rule).field(SYMBOL).value(given));
            }
        }
        let direction = entry.and_then(|e| e.direction.as_deref());
        let size = fields.size_directive.as_ref().and_then(|s| s.target_position_size.as_ref());
        let (stop, take_profit) = self.exits(fields.exit_directive.as_ref(), &instruments)?;
        let target = self.standing_target(size, &instruments)?;
        let says_how = entry.is_some_and(|entry| {
            entry.order_type.is_some()
                || entry.limit_price.is_some()
                || entry.time_in_force.is_some()
                || entry.good_till.is_some()
                || entry.post_only.is_some()
        });
        let how = if says_how {
            Some("directive.entry_directive")
        } else {
            fields.execution_directive.as_ref().map(|_| "directive.execution_directive")
        };
        if let (Some(field), None) = (how, target) {
            return Err((self.here)(Rule::NeedsSize).field(field));
        }
        let execution = fields.execution_directive.as_ref();
        let placed = Placed::by(execution.and_then(|e| e.algorithm.as_deref()));
        let terms = says_how.then(|| values.entry(entry, placed, &instruments)).transpose()?;
        let limit_price = terms.and_then(|terms| terms.limit_price);
        Ok(ModifyPlans {
            direction: values.direction(Named("directive.entry_directive.direction", direction))?,
            entry: terms,
            target,
            stop,
            take_profit,
            execution: values.execution(execution, &Divided { size: None, instruments: &instruments, limit_price })?,
            plans,
        })
    }

    /// The new size of existing plans: zero or more.
    fn standing_target(&self, size: Option<&Text>, instruments: &[&Instrument]) -> Built<Option<Decimal>> {
        let values = self.values();
        let named = Named(SIZE, text_of(size));
        let Some(target) = values.number(named)? else { return Ok(None) };
        if target < Decimal::ZERO {
            return Err(values.at(named, Rule::Negative));
        }
        let target = Position::new(target).map_err(|error| values.at(named, Rule::Amount(error)))?;
        if let Some(quantity) = target.size() {
            instruments.iter().try_for_each(|instrument| values.on_lot(named, quantity, instrument))?;
        }
        Ok(Some(target.value()))
    }

    /// What plans that earlier lines named trade.
    pub(super) fn instruments_of(&self, plans: &[PlanId]) -> Vec<&'a Instrument> {
        let symbols = plans.iter().filter_map(|plan| self.plans.get(plan));
        symbols.filter_map(|symbol| self.instruments.iter().find(|known| known.symbol == *symbol)).collect()
    }

    /// Plans that earlier lines named, each once.
    pub(super) fn existing_plans(&self, names: Option<&[String]>) -> Built<Vec<PlanId>> {
        let names = names.ok_or_else(|| (self.here)(Rule::Missing).field(PLANS))?;
        if names.is_empty() {
            return Err((self.here)(Rule::EmptyList).field(PLANS).value("[]"));
        }
        if names.len() > PLANS_MAX {
            return Err((self.here)(Rule::TooMany { found: names.len(), max: PLANS_MAX }).field(PLANS));
        }
        let mut seen = BTreeSet::new();
        let mut plans = Vec::new();
        for name in names {
            let plan = self.values().name(PLANS, name, PlanId::new)?;
            let wrong = |rule| (self.here)(rule).field(PLANS).value(name);
            if !self.plans.contains_key(&plan) {
                let known: Vec<&str> = self.plans.keys().map(PlanId::as_str).collect();
                let problem = wrong(Rule::UnknownPlan);
                return Err(match nearest(name, &known) {
                    Some(near) => problem.with_hint(did_you_mean(near)),
                    None => problem,
                });
            }
            if !seen.insert(plan.clone()) {
                return Err(wrong(Rule::ListedTwice));
            }
            plans.push(plan);
        }
        Ok(plans)
    }

    /// A stop or target on the wrong side of a limit entry's price can never make sense (SEMANTICS 4).
    fn right_side(&self, new: &NewTrade, stop_field: &str, take_profit_field: &str) -> Built<()> {
        let direction = new.direction;
        // Layers are limits too: a stop must lie beyond the farthest of them, a take profit beyond the nearest.
        let (for_stop, for_profit) = match (new.execution.algorithm, direction) {
            (Some(Algorithm::Layered(layered)), Side::Buy) => (layered.from, layered.to),
            (Some(Algorithm::Layered(layered)), Side::Sell) => (layered.to, layered.from),
            (Some(Algorithm::Single | Algorithm::Twap(_) | Algorithm::Iceberg(_)) | None, _) => {
                let Some(limit_price) = new.entry.limit_price else { return Ok(()) };
                (limit_price, limit_price)
            }
        };
        let stop = match new.stop {
            Some(StopLevel::At(price) | StopLevel::Limited { price, .. }) => Some(price),
            // It is read against the limit.
            Some(StopLevel::Tolerance(_) | StopLevel::Trailing(_)) | None => None,
        };
        for (field, level, below, limit_price) in [
            (stop_field, stop, direction == Side::Buy, for_stop),
            (take_profit_field, new.take_profit, direction == Side::Sell, for_profit),
        ] {
            let Some(level) = level else { continue };
            if (below && level >= limit_price) || (!below && level <= limit_price) {
                let side = if below { "below" } else { "above" };
                let rule = Rule::WrongSide { side, limit_price, direction };
                return Err((self.here)(rule).field(field).value(level.to_string()));
            }
        }
        Ok(())
    }

    /// The directive of the aggregated form: one instruction that enters a plan with its protection.
    pub(super) fn aggregated(&self, fields: &AggregatedFields<'_>) -> Built<StrategyDirective> {
        const INSTRUCTIONS: &str = "execution_directive.instructions";
        const INSTRUCTION: &str = "execution_directive.instructions[0]";
        const STOP: &str = "execution_directive.instructions[0].params.stop_loss_price";
        const TAKE_PROFIT: &str = "execution_directive.instructions[0].params.take_profit_price";
        let values = self.values();
        let directive_id = values.name("execution_directive.directive_id", &fields.directive_id, DirectiveId::new)?;
        let plan_id = match &fields.plan_id {
            Some(id) => Some(values.name("execution_directive.plan_id", id, PlanId::new)?),
            None => None,
        };
        let &[instruction] = fields.instructions.as_slice() else {
            let found = fields.instructions.len();
            return Err((self.here)(Rule::NotExactlyOne { found }).field(INSTRUCTIONS));
        };
        // The intent comes first: another one has other parameters, which must not be called unknown.
        let IntentFields { intent } = from_json(instruction.get(), INSTRUCTION, self.here)?;
        let allowed = ["ENTRY_WITH_PROTECTION"];
        values.word(Named("execution_directive.instructions[0].intent", Some(&intent)), &allowed, &allowed)?;
        let InstructionFields { algo_type, params, .. } = from_json(instruction.get(), INSTRUCTION, self.here)?;
        let param = |name, text| Named(name, text_of(text));
        let symbol = Named("execution_directive.instructions[0].params.symbol", params.symbol.as_deref());
        let instrument = values.instrument(symbol)?;
        let only = std::slice::from_ref(&instrument);
        let direction = Named("execution_directive.instructions[0].params.direction", params.direction.as_deref());
        let size = param("execution_directive.instructions[0].params.quantity", params.quantity.as_ref());
        let target: Quantity = values.quantity(size, instrument)?;
        if params.stop_loss_price == Given::Null {
            return Err((self.here)(Rule::StopRemovedByNull).field(STOP).value("null"));
        }
        let stop = values.price(Named::given(STOP, &params.stop_loss_price), only)?;
        let terms = values.instruction_entry(&params, Placed::by(Some(&algo_type)), only)?;
        let divided = Divided { size: Some(target), instruments: only, limit_price: terms.limit_price };
        let new = NewTrade {
            plan_id,
            symbol: instrument.symbol.clone(),
            direction: values.direction(direction)?.ok_or_else(|| (self.here)(Rule::Missing).field(direction.0))?,
            entry: terms,
            target,
            stop: stop.map(StopLevel::At),
            take_profit: values.price(Named::given(TAKE_PROFIT, &params.take_profit_price), only)?,
            execution: values.instruction_execution(&algo_type, &params, &divided)?,
        };
        self.right_side(&new, STOP, TAKE_PROFIT)?;
        let intent = Intent::NewTrade(new);
        Ok(StrategyDirective { directive_id, comments: None, confidence: None, causality: Vec::new(), intent })
    }
}
