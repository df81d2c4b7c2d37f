//! The parts of a session file that hold for all of its orders.

use retrace_core::instrument::Instrument;
use retrace_core::policy::ExecutionPolicy;
use retrace_core::time::Span;

use crate::input::number;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::session::Checker;
use crate::input::session_fields::SessionFields;

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
        Ok(policy)
    }
}
