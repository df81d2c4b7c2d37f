//! A session as tables: `retrace_projections::export::tables`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use retrace_core::ids::SessionName;
use retrace_projections::export::tables::{FillRow, OrderRow, PlanRow, Tables};
use serde::Serialize;

use super::{Args, Table, failed};
use crate::commands::stored::StoredSession;
use crate::error::CliError;
use crate::output::Output;
use crate::output::text::counted;
use crate::output::whole_file::WholeFile;

/// What was written, for `--json`.
#[derive(Serialize)]
struct Document<'a> {
    session: &'a SessionName,
    tables: Vec<Written>,
}

#[derive(Serialize)]
struct Written {
    table: &'static str,
    rows: u64,
    file: String,
}

pub(super) fn perform(session: &StoredSession<'_>, args: &Args, output: &mut Output) -> Result<(), CliError> {
    let mut tables = Tables::beginning(session.origin()?.book);
    // Refused before the log is read, which may be long.
    let places: Vec<(Table, PathBuf)> = match (args.table, &args.out) {
        (None, None) => return Err(CliError::TablesNeedAFolder),
        (Some(_), None) if output.is_json() => return Err(CliError::CsvIsNoJson),
        (Some(_), None) => Vec::new(),
        (Some(table), Some(path)) => vec![(table, path.clone())],
        (None, Some(folder)) => {
            std::fs::create_dir_all(folder).map_err(failed(folder))?;
            let place = |table: &Table| (*table, folder.join(format!("{}.csv", table.name())));
            Table::value_variants().iter().map(place).collect()
        }
    };
    session.read(&mut |step| tables.step(step).map_err(Into::into))?;
    if let (Some(table), true) = (args.table, places.is_empty()) {
        write(session, &tables, table, output.page(), CliError::Output)?;
        return Ok(());
    }
    let (mut files, mut written) = (Vec::new(), Vec::new());
    for (table, path) in &places {
        let mut file = WholeFile::create(path).map_err(failed(path))?;
        let rows = write(session, &tables, *table, &mut file, failed(path))?;
        written.push(Written { table: table.name(), rows, file: path.display().to_string() });
        files.push((file, path));
    }
    // All tables are written by now; each goes to its place whole.
    for (file, path) in files {
        file.finish().map_err(failed(path))?;
    }
    if output.is_json() {
        return output.document(&Document { session: &session.name, tables: written });
    }
    for Written { table, rows, file } in written {
        let one = table.trim_end_matches('s');
        writeln!(output.page(), "{} written to {file}", counted(rows, one))?;
    }
    Ok(())
}

/// Writes one table; answers how many rows it has.
fn write(
    session: &StoredSession<'_>,
    tables: &Tables,
    table: Table,
    to: &mut dyn Write,
    output: impl Fn(io::Error) -> CliError,
) -> Result<u64, CliError> {
    let inexact = |source| CliError::Sum { session: session.name.clone(), source };
    let written = match table {
        Table::Plans => {
            let rows = tables.plans(&|reference| session.text(reference)).map_err(inexact)?;
            rows_to(to, PlanRow::COLUMNS, &rows)
        }
        Table::Orders => rows_to(to, OrderRow::COLUMNS, &tables.orders().map_err(inexact)?),
        Table::Fills => rows_to(to, FillRow::COLUMNS, &tables.fills().map_err(inexact)?),
    };
    written.map_err(|error| output(error.into()))
}

/// The columns are written by themselves, so that a table without rows has them too.
fn rows_to(to: &mut dyn Write, columns: &[&str], rows: &[impl Serialize]) -> csv::Result<u64> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(to);
    writer.write_record(columns)?;
    for row in rows {
        writer.serialize(row)?;
    }
    writer.flush()?;
    Ok(rows.len() as u64)
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Plans => "plans",
            Self::Orders => "orders",
            Self::Fills => "fills",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_without_rows_has_its_columns() {
        let mut written = Vec::new();
        assert_eq!(rows_to(&mut written, FillRow::COLUMNS, &[] as &[FillRow]).unwrap(), 0);
        let text = String::from_utf8(written).unwrap();
        assert!(text.starts_with("fill_id,trade_id,order_id,plan_id,") && text.lines().count() == 1, "{text}");
    }
}
