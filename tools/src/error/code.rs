//! The names of errors that programs read. `docs/refusals.md` lists them.

use retrace_core::store::StoreError;
use retrace_projections::projection::RegistryError;
use retrace_projections::snapshot::SnapshotError;

use super::CliError;
use crate::session::RecordError;

impl CliError {
    /// What went wrong, as `--json` names it: the rule of an input file, or one word for each other failure. A name that
    /// was once given out never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Input(problem) => problem.rule().code(),
            Self::Store(error) | Self::Record(RecordError::Store(error)) => store_code(error),
            Self::NoMarketAgain { .. } => "no_market",
            Self::RunAgain { .. } | Self::Record(RecordError::Run(_)) => "run_stopped",
            Self::Log { .. } => "log_unreadable",
            Self::History { .. } => "history_broken",
            Self::WhatIf(error) => error.code(),
            Self::NoSession { .. } => "no_session",
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
            | Self::FillsWithoutMap => "usage",
            Self::Import { .. } => "bad_export",
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
