//! The name of each rule, for programs and for `docs/refusals.md`. A name that was once given out never changes.

use retrace_core::amount::AmountError;

use crate::input::number::NumberFault;
use crate::input::rule::Rule;
use crate::input::time::TimeFault;

impl Rule {
    /// The rule's name, as `--json` gives it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::Damaged { .. } => "damaged_compression",
            Self::NotUtf8 => "not_utf8",
            Self::EmptyFile => "empty_file",
            Self::TooLong { .. } => "too_long",
            Self::NeedsSize => "needs_size",
            Self::TooManyDigits { .. } => "notional_too_long",
            Self::Nothing { .. } => "nothing",
            Self::Syntax { .. } => "syntax",
            Self::MissingColumn { .. } => "missing_column",
            Self::ColumnTwice => "column_twice",
            Self::FieldCount { .. } => "field_count",
            Self::Empty => "empty",
            Self::Number(NumberFault::NotANumber) => "not_a_number",
            Self::Number(NumberFault::NotFinite) => "not_finite",
            Self::Number(NumberFault::TooManyDigits) => "too_many_digits",
            Self::Amount(AmountError::NotPositive { .. }) => "not_positive",
            Self::Amount(AmountError::TooManyDecimals { .. }) => "too_many_decimals",
            Self::Amount(AmountError::TooLarge { .. }) => "too_large_amount",
            Self::Negative => "negative",
            Self::OutOfBounds { .. } => "out_of_bounds",
            Self::NotWhole { .. } => "not_whole",
            Self::Time(TimeFault::NotATime) => "not_a_time",
            Self::Time(TimeFault::OutOfRange) => "time_out_of_range",
            Self::NotATimeframe => "not_a_timeframe",
            Self::NotAName => "not_a_name",
            Self::NotASymbol => "not_a_symbol",
            Self::NotAnAsset => "not_an_asset",
            Self::NotOneOf { .. } => "not_one_of",
            Self::NotSupportedYet => "not_supported_yet",
            Self::UnknownField { .. } => "unknown_field",
            Self::FieldTwice => "field_twice",
            Self::Missing => "missing",
            Self::MissingFor { .. } => "missing_for",
            Self::WrongType { .. } => "wrong_type",
            Self::Excludes { .. } => "excludes",
            Self::NotForScope { .. } => "not_for_scope",
            Self::MixedTimes { .. } => "mixed_times",
            Self::GoesBack { .. } => "goes_back",
            Self::TimeTwice { .. } => "time_twice",
            Self::Overlaps { .. } => "overlaps",
            Self::Gap { .. } => "gap",
            Self::HighBelowLow { .. } => "high_below_low",
            Self::OutsideBar { .. } => "outside_bar",
            Self::NoEntry { .. } => "no_entry",
            Self::SymbolTwice => "symbol_twice",
            Self::OtherQuote { .. } => "other_quote",
            Self::OutsideData { .. } => "outside_data",
            Self::UnknownSymbol { .. } => "unknown_symbol",
            Self::OtherSymbol { .. } => "other_symbol",
            Self::OffTick { .. } => "off_tick",
            Self::OffLot { .. } => "off_lot",
            Self::TooManySlices { .. } => "more_slices_than_lots",
            Self::EmptyList => "empty_list",
            Self::TooMany { .. } => "too_many",
            Self::ListedTwice => "listed_twice",
            Self::UnknownPlan => "plan_not_named_before",
            Self::ReusedId { .. } => "reused_id",
            Self::WrongSide { .. } => "wrong_side_of_limit",
            Self::StopRemovedByNull => "stop_removed_by_null",
            Self::NotExactlyOne { .. } => "not_exactly_one",
            Self::AboveMax { .. } => "above_max",
        }
    }
}
