//! Several trades of one directive: its legs, and how they hang together. Each leg is read as a directive of one trade.

use std::collections::BTreeSet;

use retrace_core::directive::{Batch, ClosePlans, Intent, Leg, Legs, ModifyPlans, NewTrade, Scope};
use retrace_core::policy::{BatchPolicy, ExecutionMode};
use retrace_core::time::Span;

use crate::input::directive_build::Builder;
use crate::input::directive_fields::{BatchPolicyFields, DirectiveFields, LegFields, Object, Text};
use crate::input::directive_values::{Named, text_of};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

pub(super) const LEGS: &str = "directive.legs";
const POLICY_MODE: &str = "directive.batch_execution_policy.execution_mode";
const POLICY_TIMEOUT: &str = "directive.batch_execution_policy.timeout_seconds";
const POLICY_ROLLBACK: &str = "directive.batch_execution_policy.rollback_on_failure";

/// How many legs one directive may have: with names of full length they fit into one event.
const LEGS_MAX: usize = 100;

/// The longest that a batch or a leg may take, in seconds: a year.
pub(super) const TIMEOUT_MAX: u64 = 366 * 24 * 60 * 60;

type Built<T> = Result<T, InputProblem>;

/// Why a mode and a rollback do not go together, and which of the two is wrong.
pub(super) enum Incoherent {
    /// `execution_mode`.
    Mode(Rule),
    /// `rollback_on_failure`.
    Rollback(Rule),
}

/// Whether plans are brought back when a leg fails: as said, else in ATOMIC alone.
///
/// # Errors
/// [`Incoherent`] where the mode or the scope does not allow it.
pub(super) fn rollback(mode: ExecutionMode, said: Option<bool>, scope: Scope) -> Result<bool, Incoherent> {
    match (mode, said) {
        (ExecutionMode::Atomic, Some(false)) => Err(Incoherent::Rollback(Rule::AtomicKeepsNothing)),
        (ExecutionMode::Atomic, _) if scope == Scope::CloseExisting => Err(Incoherent::Mode(Rule::RollbackWouldOpen)),
        (_, Some(true)) if scope == Scope::CloseExisting => Err(Incoherent::Rollback(Rule::RollbackWouldOpen)),
        (ExecutionMode::Parallel, Some(true)) => Err(Incoherent::Rollback(Rule::ParallelTakesNothingBack)),
        (ExecutionMode::Atomic, None | Some(true)) => Ok(true),
        (ExecutionMode::Parallel | ExecutionMode::Sequential, said) => Ok(said.unwrap_or(false)),
    }
}

/// What a directive or a leg wants.
enum One {
    New(NewTrade),
    Modify(ModifyPlans),
    Close(ClosePlans),
}

impl Builder<'_> {
    /// What a directive wants: one trade, or several and how they hang together.
    pub(super) fn coordinated(
        &self,
        fields: &DirectiveFields<'_>,
        legs: Option<Vec<Object<LegFields<'_>>>>,
        scope: Scope,
    ) -> Built<Intent> {
        let policy = fields.batch_execution_policy.as_ref();
        let policy = policy.map(|policy| self.batch_policy(policy, scope)).transpose()?;
        let legs = match (legs, policy) {
            (Some(legs), _) => self.legs(fields, legs, scope)?,
            (None, None) => {
                return Ok(match self.one(fields, scope)? {
                    One::New(trade) => Intent::NewTrade(trade),
                    One::Modify(trade) => Intent::Modify(trade),
                    One::Close(trade) => Intent::Close(trade),
                });
            }
            (None, Some(_)) => match self.one(fields, scope)? {
                One::New(trade) => Legs::NewTrade(vec![Leg { trade, timeout: None }]),
                One::Modify(trade) => Legs::Modify(vec![Leg { trade, timeout: None }]),
                One::Close(trade) => Legs::Close(vec![Leg { trade, timeout: None }]),
            },
        };
        Ok(Intent::Batch(Batch { policy, legs }))
    }

    fn one(&self, fields: &DirectiveFields<'_>, scope: Scope) -> Built<One> {
        self.belongs(fields, scope)?;
        Ok(match scope {
            Scope::NewTrade => One::New(self.new_trade(fields)?),
            Scope::ModifyExisting => One::Modify(self.modify(fields)?),
            Scope::CloseExisting => One::Close(self.close(fields)?),
        })
    }

    fn close(&self, fields: &DirectiveFields<'_>) -> Built<ClosePlans> {
        Ok(ClosePlans {
            plans: self.existing_plans(fields.target_plan_ids.as_deref())?,
            execution: self.values().close_hint(fields.execution_directive.as_ref())?,
        })
    }

    fn legs(&self, fields: &DirectiveFields<'_>, legs: Vec<Object<LegFields<'_>>>, scope: Scope) -> Built<Legs> {
        for (name, given) in [
            ("directive.plan_id", fields.plan_id.is_some()),
            ("directive.target_plan_ids", fields.target_plan_ids.is_some()),
            ("directive.entry_directive", fields.entry_directive.is_some()),
            ("directive.size_directive", fields.size_directive.is_some()),
            ("directive.exit_directive", fields.exit_directive.is_some()),
            ("directive.execution_directive", fields.execution_directive.is_some()),
        ] {
            if given {
                return Err((self.here)(Rule::Excludes { other: "legs" }).field(name));
            }
        }
        if legs.is_empty() {
            return Err((self.here)(Rule::EmptyList).field(LEGS).value("[]"));
        }
        if legs.len() > LEGS_MAX {
            return Err((self.here)(Rule::TooMany { found: legs.len(), max: LEGS_MAX }).field(LEGS));
        }
        let mut plans = BTreeSet::new();
        let (mut new, mut modify, mut close) = (Vec::new(), Vec::new(), Vec::new());
        for (place, Object(leg)) in legs.into_iter().enumerate() {
            let inside = |problem: InputProblem| inside_leg(problem, place);
            if let Some(plan) = &leg.plan_id
                && !plans.insert(plan.clone())
            {
                return Err(inside((self.here)(Rule::ListedTwice).field("directive.plan_id").value(plan)));
            }
            let timeout = self.seconds("directive.timeout_seconds", leg.timeout_seconds.as_ref()).map_err(inside)?;
            match self.leg(leg, scope).map_err(inside)? {
                One::New(trade) => new.push(Leg { trade, timeout }),
                One::Modify(trade) => modify.push(Leg { trade, timeout }),
                One::Close(trade) => close.push(Leg { trade, timeout }),
            }
        }
        Ok(match scope {
            Scope::NewTrade => Legs::NewTrade(new),
            Scope::ModifyExisting => Legs::Modify(modify),
            Scope::CloseExisting => Legs::Close(close),
        })
    }

    /// A leg, read as a directive of one trade of one plan.
    fn leg(&self, leg: LegFields<'_>, scope: Scope) -> Built<One> {
        let LegFields { plan_id, entry_directive, size_directive, exit_directive, execution_directive, .. } = leg;
        let (plan_id, target_plan_ids) = match scope {
            Scope::NewTrade => (plan_id, None),
            Scope::ModifyExisting | Scope::CloseExisting => (None, plan_id.map(|plan| vec![plan])),
        };
        let fields = DirectiveFields {
            plan_id,
            target_plan_ids,
            entry_directive,
            size_directive,
            exit_directive,
            execution_directive,
            ..DirectiveFields::default()
        };
        self.unsupported(&fields)?;
        self.one(&fields, scope)
    }

    fn batch_policy(&self, fields: &BatchPolicyFields, scope: Scope) -> Built<BatchPolicy> {
        let values = self.values();
        let (all, name, parse) = (ExecutionMode::ALL, ExecutionMode::as_str, ExecutionMode::parse);
        let mode = values.spelled(POLICY_MODE, &fields.execution_mode, all, name, parse)?;
        let timeout = self.seconds(POLICY_TIMEOUT, fields.timeout_seconds.as_ref())?;
        let rollback_on_failure =
            rollback(mode, fields.rollback_on_failure, scope).map_err(|incoherent| match incoherent {
                Incoherent::Mode(rule) => values.at(Named(POLICY_MODE, Some(mode.as_str())), rule),
                Incoherent::Rollback(rule) => {
                    let said = if fields.rollback_on_failure == Some(true) { "true" } else { "false" };
                    values.at(Named(POLICY_ROLLBACK, Some(said)), rule)
                }
            })?;
        Ok(BatchPolicy { execution_mode: mode, timeout, rollback_on_failure })
    }

    fn seconds(&self, field: &'static str, text: Option<&Text>) -> Built<Option<Span>> {
        let seconds = self.values().whole(Named(field, text_of(text)), 1, TIMEOUT_MAX)?;
        Ok(seconds.map(Span::from_seconds))
    }
}

/// A problem of a directive of one trade, as one of the leg at `place`.
pub(super) fn inside_leg(problem: InputProblem, place: usize) -> InputProblem {
    let Some(field) = problem.field_name() else { return problem };
    let field = match field {
        "directive" => format!("directive.legs[{place}]"),
        "directive.target_plan_ids" => format!("directive.legs[{place}].plan_id"),
        field => field.replacen("directive.", &format!("directive.legs[{place}]."), 1),
    };
    problem.field(field)
}
