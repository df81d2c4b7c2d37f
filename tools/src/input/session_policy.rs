//! The parts of a session file that hold for all of its orders.

use retrace_core::directive::Scope;
use retrace_core::instrument::Instrument;
use retrace_core::policy::{BatchDefaults, BatchPolicy, ExecutionMode, ExecutionPolicy};
use retrace_core::time::Span;

use crate::input::directive_legs::{Incoherent, TIMEOUT_MAX, rollback};
use crate::input::number;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::session::Checker;
use crate::input::session_fields::{BatchFields, SessionFields};

/// A rejected order is sent again at most so often.
const RETRIES_MAX: u64 = 100;

/// A stop limit waits at most a day, in seconds.
const PATIENCE_MAX: u64 = 86_400;

impl Checker<'_> {
    /// What holds for all orders of the session; each part is the default where the file says nothing.
    pub(super) fn policy(
        &self,
        fields: &SessionFields,
        instruments: &[Instrument],
    ) -> Result<ExecutionPolicy, InputProblem> {
        let mut policy = ExecutionPolicy::default();
        if let Some(execution) = &fields.execution {
            if let Some(text) = &execution.reject_retries {
                let rule = Rule::NotWhole { min: 0, max: RETRIES_MAX };
                let retries = number::parse_whole(&text.value, 0, RETRIES_MAX).and_then(|n| u32::try_from(n).ok());
                policy.reject_retries = retries.ok_or_else(|| self.at("execution.reject_retries", text, rule))?;
            }
            if let Some(text) = &execution.stop_limit_patience_seconds {
                let rule = Rule::NotWhole { min: 1, max: PATIENCE_MAX };
                let seconds = number::parse_whole(&text.value, 1, PATIENCE_MAX);
                let field = "execution.stop_limit_patience_seconds";
                policy.stop_limit_patience = Span::from_seconds(seconds.ok_or_else(|| self.at(field, text, rule))?);
            }
            policy.urgency = self.urgency(execution.urgency.as_deref().unwrap_or_default())?;
        }
        if let Some(risk) = &fields.risk {
            policy.risk = self.risk(risk, instruments)?;
        }
        if let Some(defaults) = &fields.batch_defaults {
            let read = |scope: Scope, fields: &Option<BatchFields>| {
                fields.as_ref().map(|fields| self.batch_policy(scope, fields)).transpose()
            };
            policy.batch_defaults = BatchDefaults {
                new_trade: read(Scope::NewTrade, &defaults.new_trade)?,
                modify_existing: read(Scope::ModifyExisting, &defaults.modify_existing)?,
                close_existing: read(Scope::CloseExisting, &defaults.close_existing)?,
            };
        }
        Ok(policy)
    }

    /// How several trades of one directive hang together where it does not say: by the rules that it would have to keep.
    fn batch_policy(&self, scope: Scope, fields: &BatchFields) -> Result<BatchPolicy, InputProblem> {
        let field = |name: &str| format!("batch_defaults.{}.{name}", scope.as_str().to_lowercase());
        let (name, parse) = (ExecutionMode::as_str, ExecutionMode::parse);
        let mode = self.spelled(&field("execution_mode"), &fields.execution_mode, ExecutionMode::ALL, name, parse)?;
        let timeout = match &fields.timeout_seconds {
            None => None,
            Some(text) => {
                let (min, max) = (1, TIMEOUT_MAX);
                let seconds = number::parse_whole(&text.value, min, max).map(Span::from_seconds);
                Some(seconds.ok_or_else(|| self.at(&field("timeout_seconds"), text, Rule::NotWhole { min, max }))?)
            }
        };
        let said = match &fields.rollback_on_failure {
            None => None,
            Some(text) => match text.value.as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => {
                    let rule = Rule::NotOneOf { allowed: vec!["true", "false"] };
                    return Err(self.at(&field("rollback_on_failure"), text, rule));
                }
            },
        };
        let rollback_on_failure = rollback(mode, said, scope).map_err(|incoherent| match incoherent {
            Incoherent::Mode(rule) => self.at(&field("execution_mode"), &fields.execution_mode, rule),
            Incoherent::Rollback(rule) => {
                let text = fields.rollback_on_failure.as_ref().unwrap_or(&fields.execution_mode);
                self.at(&field("rollback_on_failure"), text, rule)
            }
        })?;
        Ok(BatchPolicy { execution_mode: mode, timeout, rollback_on_failure })
    }
}
