//! `execution.urgency` of a session file: which algorithm an urgency means.

use retrace_core::directive::{Algorithm, Twap};
use retrace_core::policy::UrgencyRange;
use retrace_core::time::Span;
use rust_decimal::Decimal;
use serde_saphyr::Spanned;

use crate::input::directive_execution::{MINUTES_MAX, SLICES_MAX};
use crate::input::number;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::session::Checker;
use crate::input::session_fields::UrgencyFields;
use crate::input::yaml::Text;

impl Checker<'_> {
    /// The ranges, by rising `from`. Only what needs no price or quantity of a single trade can be meant by an urgency.
    pub(super) fn urgency(&self, entries: &[Spanned<UrgencyFields>]) -> Result<Vec<UrgencyRange>, InputProblem> {
        let mut ranges: Vec<UrgencyRange> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let (line, fields) = (entry.referenced.line(), &entry.value);
            let at = Entry { checker: self, index, line };
            let before = ranges.last().map(|range| range.from);
            let rises = |from: Decimal| from >= Decimal::ZERO && before.is_none_or(|before| before < from);
            let bounds = "from 0 to below 1, above the entry before it, with at most 8 decimals";
            let from = self.bounded(&at.path("from"), &fields.from, bounds, |n| rises(n) && n < Decimal::ONE)?;
            let algorithm = match fields.algorithm.value.as_str() {
                "SINGLE" => at.single(fields)?,
                "TWAP" => at.twap(fields)?,
                _ => {
                    let rule = Rule::NotOneOf { allowed: vec!["SINGLE", "TWAP"] };
                    return Err(self.at(&at.path("algorithm"), &fields.algorithm, rule));
                }
            };
            ranges.push(UrgencyRange { from, algorithm });
        }
        Ok(ranges)
    }
}

/// One entry, with its place in the file.
struct Entry<'a> {
    checker: &'a Checker<'a>,
    index: usize,
    line: u64,
}

impl Entry<'_> {
    fn path(&self, name: &str) -> String {
        format!("execution.urgency[{}].{name}", self.index)
    }

    fn single(&self, fields: &UrgencyFields) -> Result<Algorithm, InputProblem> {
        for (name, given) in
            [("duration_minutes", &fields.duration_minutes), ("slices", &fields.slices), ("catch_up", &fields.catch_up)]
        {
            if let Some(text) = given {
                return Err(self.checker.at(&self.path(name), text, Rule::Excludes { other: "algorithm SINGLE" }));
            }
        }
        Ok(Algorithm::Single)
    }

    fn twap(&self, fields: &UrgencyFields) -> Result<Algorithm, InputProblem> {
        let minutes = self.whole("duration_minutes", fields.duration_minutes.as_ref(), MINUTES_MAX)?;
        let slices = self.whole("slices", fields.slices.as_ref(), SLICES_MAX)?;
        let catch_up = match &fields.catch_up {
            None => true,
            Some(text) => match text.value.as_str() {
                "true" => true,
                "false" => false,
                _ => {
                    let rule = Rule::NotOneOf { allowed: vec!["true", "false"] };
                    return Err(self.checker.at(&self.path("catch_up"), text, rule));
                }
            },
        };
        let slices = u32::try_from(slices).unwrap_or(u32::MAX);
        Ok(Algorithm::Twap(Twap { duration: Span::from_seconds(minutes * 60), slices, catch_up }))
    }

    fn whole(&self, name: &str, given: Option<&Text>, max: u64) -> Result<u64, InputProblem> {
        let Some(text) = given else {
            return Err(self.checker.about(&self.path(name), self.line, Rule::MissingFor { by: "algorithm TWAP" }));
        };
        let rule = Rule::NotWhole { min: 1, max };
        number::parse_whole(&text.value, 1, max).ok_or_else(|| self.checker.at(&self.path(name), text, rule))
    }
}
