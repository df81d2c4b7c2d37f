//! A what-if beside its parent, and the table of a grid.

use std::io::Write;

use retrace_core::amount::Money;
use retrace_core::ids::{SessionName, SessionUid};
use retrace_core::manifest::WhatIf;
use retrace_core::store::Manifest;
use retrace_replay::compare::Comparison;
use rust_decimal::Decimal;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::columns::{Align, Piece, Table};
use super::style::{BAD, BOLD, DIM, GOOD, PLAIN, painted};
use super::summary::{RunSummary, fees_text};
use super::text::{counted, printable, shortened, signed_money};
use crate::error::CliError;
use crate::input::number;
use crate::what_if::{Edit, Effect, Figures, Point};

/// The longest value that a line shows, in characters.
const VALUE_SHOWN_MAX: usize = 40;

/// A what-if beside its parent. The shape of `run --from --json`.
#[derive(Serialize)]
pub(crate) struct WhatIfShown<'a> {
    session: &'a SessionName,
    uid: SessionUid,
    what_if: Option<&'a WhatIf>,
    /// One a change, in order.
    effects: Vec<EffectShown<'a>>,
    /// `null` where it was recorded before and was not run again.
    run: Option<&'a RunSummary>,
    /// The parent as A, this one as B.
    comparison: &'a Comparison,
}

#[derive(Serialize)]
struct EffectShown<'a> {
    path: &'a str,
    value: Option<&'a str>,
    /// How many values are others now.
    changed: u64,
    /// How many said the same before.
    same: u64,
}

impl<'a> WhatIfShown<'a> {
    /// The session of `manifest`, in which changes had these `effects`.
    pub(crate) fn new(
        manifest: &'a Manifest,
        uid: SessionUid,
        effects: &'a [Effect],
        run: Option<&'a RunSummary>,
        comparison: &'a Comparison,
    ) -> Self {
        let shown = |effect: &'a Effect| {
            let (change, tally) = (effect.edit.change(), effect.tally);
            let value = change.value.as_deref();
            EffectShown { path: &change.path, value, changed: tally.changed, same: tally.same }
        };
        let what_if = manifest.provenance.what_if.as_ref();
        let (session, effects) = (&manifest.identity.name, effects.iter().map(shown).collect());
        Self { session, uid, what_if, effects, run, comparison }
    }
}

/// What was changed, a line each.
pub(crate) fn effect_lines(effects: &[Effect]) -> Vec<String> {
    let line = |effect: &Effect| {
        let (change, tally) = (effect.edit.change(), effect.tally);
        let path = printable(&change.path);
        let what = match &change.value {
            Some(value) => format!("{path} = {}", shortened(value, VALUE_SHOWN_MAX)),
            None => format!("without {path}"),
        };
        match (tally.changed, tally.same) {
            (0, _) => format!("  {what}  {}", painted(DIM, "as it was")),
            (1, 0) => format!("  {what}"),
            (changed, 0) => format!("  {what}  {}", painted(DIM, format!("in {}", counted(changed, "place")))),
            (changed, same) => {
                let places = format!("in {}, as it was in {same}", counted(changed, "place"));
                format!("  {what}  {}", painted(DIM, places))
            }
        }
    };
    effects.iter().map(line).collect()
}

/// Says that a what-if was recorded before, and is shown as it is.
pub(crate) fn print_already(session: &SessionName, effects: &[Effect], page: &mut dyn Write) -> Result<(), CliError> {
    writeln!(page, "{}  recorded before: nothing was run", painted(BOLD, session))?;
    for line in effect_lines(effects) {
        writeln!(page, "{line}")?;
    }
    Ok(())
}

fn moved(before: Money, after: Money) -> Money {
    after.minus(before).unwrap_or_default()
}

fn count(number: u64) -> Piece {
    Piece::word(number.to_string()).aligned(Align::Right)
}

fn gain(amount: Money) -> Piece {
    let style = match amount.value().cmp(&Decimal::ZERO) {
        std::cmp::Ordering::Less => BAD,
        std::cmp::Ordering::Equal => PLAIN,
        std::cmp::Ordering::Greater => GOOD,
    };
    Piece::decimal(signed_money(amount)).in_style(style)
}

/// A grid and what each of its runs came to. The shape of `run --from --grid --json`.
#[derive(Serialize)]
pub(crate) struct GridShown<'a> {
    parent: ParentShown<'a>,
    paths: Vec<&'a str>,
    rows: Vec<RowShown>,
}

#[derive(Serialize)]
struct ParentShown<'a> {
    session: &'a SessionName,
    /// What stands at each path, `null` where that is nothing, or not one value.
    values: Vec<Option<String>>,
    #[serde(flatten)]
    figures: Figures,
}

/// One run.
#[derive(Serialize)]
pub(crate) struct RowShown {
    #[serde(serialize_with = "by_path")]
    values: Vec<(String, String)>,
    /// It is the parent but for its name.
    is_parent: bool,
    /// Under which name it is recorded; `null` where it is not.
    session: Option<SessionName>,
    #[serde(flatten)]
    figures: Figures,
}

fn by_path<S: Serializer>(values: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(values.len()))?;
    for (path, value) in values {
        map.serialize_entry(path, value)?;
    }
    map.end()
}

impl RowShown {
    /// `point`, recorded as `session` where it is.
    pub(crate) fn of(point: Point, session: Option<SessionName>) -> Self {
        let Point { edits, is_parent, figures } = point;
        let value = |value: &Option<String>| value.clone().unwrap_or_default();
        let changes = edits.iter().map(Edit::change);
        let values = changes.map(|change| (change.path.clone(), value(&change.value))).collect();
        Self { values, is_parent, session, figures }
    }

    /// Whether anything was refused in it.
    pub(crate) const fn has_refusals(&self) -> bool {
        self.figures.refusals > 0
    }
}

impl<'a> GridShown<'a> {
    /// Runs beside the session that they are what-ifs of.
    pub(crate) fn new(
        session: &'a SessionName,
        paths: Vec<&'a str>,
        values: Vec<Option<String>>,
        figures: Figures,
        rows: Vec<RowShown>,
    ) -> Self {
        Self { parent: ParentShown { session, values, figures }, paths, rows }
    }

    /// Prints the table, in the order of the grid; the parent stands above it where no run is the parent.
    pub(crate) fn print(&self, page: &mut dyn Write) -> Result<(), CliError> {
        let ParentShown { session, values, figures } = &self.parent;
        let runs = counted(self.rows.len() as u64, "run");
        writeln!(page, "{}  what if, in {runs}", painted(BOLD, session))?;
        let labels = labels(&self.paths);
        let mut heads: Vec<(&str, Align)> = vec![("", Align::Left)];
        heads.extend(labels.iter().map(|label| (label.as_str(), Align::Point)));
        heads.extend([
            ("net", Align::Point),
            ("difference", Align::Point),
            ("realised", Align::Point),
            ("fees", Align::Point),
        ]);
        let is_open = |figures: &Figures| figures.unrealized_pnl != Money::ZERO;
        let any_open = is_open(figures) || self.rows.iter().any(|row| is_open(&row.figures));
        if any_open {
            heads.push(("unrealised", Align::Point));
        }
        heads.extend([("fills", Align::Right), ("stopped out", Align::Right), ("refusals", Align::Right)]);
        if self.rows.iter().any(|row| row.session.is_some()) {
            heads.push(("session", Align::Left));
        }
        let mut table = Table::new(&heads);
        let result = |figures: &Figures, is_parent: bool| {
            let difference = moved(self.parent.figures.net_pnl, figures.net_pnl);
            let difference = if is_parent { Piece::word("") } else { gain(difference) };
            let mut pieces = vec![
                Piece::decimal(signed_money(figures.net_pnl)),
                difference,
                Piece::decimal(signed_money(figures.realized_pnl)),
                Piece::decimal(fees_text(&figures.fees)),
            ];
            if any_open {
                pieces.push(Piece::decimal(signed_money(figures.unrealized_pnl)));
            }
            pieces.extend([count(figures.fills), count(figures.stopped_out), count(figures.refusals)]);
            pieces
        };
        if !self.rows.iter().any(|row| row.is_parent) {
            let mut row = vec![Piece::styled(BOLD, "parent")];
            row.extend(values.iter().map(|value| value_piece(value.as_deref().unwrap_or("-"))));
            row.extend(result(figures, true));
            table.row(row);
        }
        for shown in &self.rows {
            let mut row = vec![Piece::styled(BOLD, if shown.is_parent { "parent" } else { "" })];
            row.extend(shown.values.iter().map(|(_, value)| value_piece(value)));
            row.extend(result(&shown.figures, shown.is_parent));
            row.extend(shown.session.as_ref().map(|session| Piece::word(session.as_str())));
            table.row(row);
        }
        for line in table.lines() {
            writeln!(page, "{line}")?;
        }
        Ok(())
    }
}

fn value_piece(value: &str) -> Piece {
    let bare = value.trim_matches('"');
    if number::parse(bare).is_ok() { Piece::decimal(bare) } else { Piece::word(shortened(value, VALUE_SHOWN_MAX)) }
}

/// The last field of each path, or more of it where two would be called alike.
fn labels(paths: &[&str]) -> Vec<String> {
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
    let label = |path: &&str| {
        let alike = paths.iter().filter(|other| last(other) == last(path)).count();
        printable(&if alike > 1 { (*path).to_owned() } else { last(path) })
    };
    paths.iter().map(label).collect()
}
