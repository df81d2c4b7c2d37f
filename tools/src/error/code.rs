//! The names of errors that programs read. `docs/refusals.md` lists them.

use retrace_core::store::StoreError;
use retrace_projections::lineage::LineageFault;
use retrace_projections::projection::RegistryError;
use retrace_projections::snapshot::SnapshotError;
use retrace_replay::continuing::NotContinued;

use super::{CannotRerun, CliError};
use crate::session::RecordError;

impl CliError {
    /// What went wrong, as `--json` names it: the rule of an input file, or one word for each other failure. A name that
    /// was once given out never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Input(problem) => problem.rule().code(),
            Self::Store(error) | Self::Record(RecordError::Store(error)) => store_code(error),
            Self::NoMarketAgain { .. } => "no_market",
            Self::RunAgain { .. }
            | Self::Record(RecordError::Run(_))
            | Self::Rerun { source: CannotRerun::Model { .. }, .. } => "run_stopped",
            Self::Log { .. } => "log_unreadable",
            Self::History { .. } => "history_broken",
            Self::NoSession { .. } | Self::NothingToResume { .. } => "no_session",
            Self::CannotResume { .. } => "cannot_resume",
            Self::Lineage { source, .. } if matches!(**source, LineageFault::NotThere { .. }) => "no_parent",
            Self::Lineage { .. } => "parent_changed",
            Self::NotContinued { source, .. } => not_continued_code(source),
            Self::WhatIf(error) => error.code(),
            Self::NoSuchEvent { .. } | Self::NoEvents { .. } => "no_such_event",
            Self::BadPlanId(_) => "bad_plan_id",
            Self::NoPlan { .. } => "no_plan",
            Self::PlanInSeveral { .. } => "plan_in_several",
            Self::Export { .. } => "cannot_export",
            Self::Sum { .. } => "too_large",
            Self::NothingChanged
            | Self::TablesNeedAFolder
            | Self::CsvIsNoJson
            | Self::TableWithoutCsv
            | Self::MapWithoutFills
            | Self::FillsWithoutMap
            | Self::Rerun { source: CannotRerun::RecordsNothing | CannotRerun::PricesAreRecorded, .. } => "usage",
            Self::Rerun { .. } => "cannot_rerun",
            Self::Import { .. } => "bad_export",
            Self::BadTrail { .. } | Self::OtherTrail { .. } | Self::NoMarks { .. } => "bad_trail",
            Self::AlreadyThere { .. } => "session_exists",
            Self::Registry(RegistryError::Unknown { .. }) => "no_projection",
            Self::Registry(_) => "bad_projections",
            Self::Snapshot { source: SnapshotError::UnknownField { .. }, .. } => "no_field",
            Self::Snapshot { .. } => "no_snapshot",
            Self::NotASnapshot { .. } => "not_a_snapshot",
            Self::NoExport { .. } => "no_export",
            Self::Read { .. } | Self::Spool { .. } => "cannot_read",
            Self::Write { .. } | Self::Output(_) | Self::Json(_) => "cannot_write",
        }
    }
}

pub(crate) const fn not_continued_code(error: &NotContinued) -> &'static str {
    match error {
        NotContinued::Import { .. } => "continues_import",
        NotContinued::OtherInstance { .. } => "continues_other_instance",
        NotContinued::OtherQuote { .. } => "continues_other_quote",
        NotContinued::Overlaps { .. } => "continues_overlap",
        NotContinued::NoInstrument { .. } => "continues_no_instrument",
        NotContinued::OffTick { .. } | NotContinued::OffLot { .. } => "continues_off_grid",
        NotContinued::Profile { .. } => "continues_other_profile",
    }
}

const fn store_code(error: &StoreError) -> &'static str {
    match error {
        StoreError::NoStore { .. } => "no_store",
        StoreError::NotAFolder { .. } => "not_a_folder",
        StoreError::Occupied { .. } => "folder_occupied",
        StoreError::NoSession { .. } => "no_session",
        StoreError::SessionExists { .. } => "session_exists",
        StoreError::Conflict { .. } => "append_conflict",
        StoreError::InUse { .. } => "store_in_use",
        StoreError::NewerFormat { .. } => "newer_format",
        StoreError::BehindWatermark { .. } => "behind_watermark",
        StoreError::NotTheLogWritten { .. } => "not_the_log_written",
        StoreError::Damaged { .. } | StoreError::Block { .. } | StoreError::Frame(_) => "store_damaged",
        StoreError::Backend { .. } => "store_failed",
    }
}
