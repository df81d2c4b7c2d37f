//! A what-if beside its parent, and the table of a grid.

use std::collections::BTreeSet;
use std::io::Write;

use retrace_core::amount::Money;
use retrace_core::ids::{PlanId, SessionName, SessionUid};
use retrace_core::manifest::WhatIf;
use retrace_core::store::Manifest;
use retrace_projections::view::FeeView;
use rust_decimal::Decimal;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::columns::{Align, Piece, Table};
use super::style::{BAD, BOLD, DIM, GOOD, PLAIN, painted};
use super::summary::{RunSummary, fees_text};
use super::text::{counted, printable, short_id, shortened, signed_money};
use crate::error::CliError;
use crate::input::number;
use crate::what_if::{Effect, Figures, PlanFigures, Point};

/// The longest value that a line shows, in characters.
const VALUE_SHOWN_MAX: usize = 40;

/// A what-if beside its parent. The shape of `run --from --json`.
#[derive(Serialize)]
pub(crate) struct Compared<'a> {
    session: &'a SessionName,
    uid: SessionUid,
    what_if: Option<&'a WhatIf>,
    /// One a change, in order.
    effects: Vec<EffectShown<'a>>,
    /// `null` where it was recorded before and was not run again.
    run: Option<&'a RunSummary>,
    before: Figures,
    after: Figures,
    plans: Vec<PlanPair>,
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

/// A plan in both sessions; `null` where it is not in one.
#[derive(Serialize)]
struct PlanPair {
    plan_id: PlanId,
    before: Option<PlanFigures>,
    after: Option<PlanFigures>,
}

impl PlanPair {
    fn is_as_before(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => before.is_like(after),
            _ => false,
        }
    }
}

impl<'a> Compared<'a> {
    /// The session of `manifest`, which what was changed had these `effects` on, as it is `after` beside its parent
    /// `before`.
    pub(crate) fn new(
        manifest: &'a Manifest,
        uid: SessionUid,
        effects: &'a [Effect],
        run: Option<&'a RunSummary>,
        (before, after): (Figures, Figures),
    ) -> Self {
        let shown = |effect: &'a Effect| {
            let (change, tally) = (effect.edit.change(), effect.tally);
            let value = change.value.as_deref();
            EffectShown { path: &change.path, value, changed: tally.changed, same: tally.same }
        };
        let what_if = manifest.provenance.what_if.as_ref();
        let (session, effects) = (&manifest.identity.name, effects.iter().map(shown).collect());
        let plans = pairs(&before.plans, &after.plans);
        Self { session, uid, what_if, effects, run, before, after, plans }
    }
}

/// The plans of two sessions side by side: those of the first in its order, then those that only the second has.
fn pairs(before: &[PlanFigures], after: &[PlanFigures]) -> Vec<PlanPair> {
    let of = |plan: &PlanFigures, among: &[PlanFigures]| among.iter().find(|other| other.alike == plan.alike).cloned();
    let first = before.iter().map(|plan| PlanPair {
        plan_id: plan.plan_id.clone(),
        before: Some(plan.clone()),
        after: of(plan, after),
    });
    let known: BTreeSet<&str> = before.iter().map(|plan| plan.alike.as_str()).collect();
    let new = after.iter().filter(|plan| !known.contains(plan.alike.as_str()));
    let new = new.map(|plan| PlanPair { plan_id: plan.plan_id.clone(), before: None, after: Some(plan.clone()) });
    first.chain(new).collect()
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
pub(crate) fn print_already(
    session: &SessionName,
    effects: &[Effect],
    page: &mut dyn Write,
) -> Result<(), CliError> {
    writeln!(page, "{}  recorded before: nothing was run", painted(BOLD, session))?;
    for line in effect_lines(effects) {
        writeln!(page, "{line}")?;
    }
    Ok(())
}

/// Prints what each plan came to in both sessions, those that came to the same by name alone.
pub(crate) fn print_comparison(compared: &Compared<'_>, page: &mut dyn Write) -> Result<(), CliError> {
    let parent = compared.what_if.map_or("before", |what_if| what_if.parent.as_str());
    writeln!(page, "\n{}", painted(BOLD, format!("beside {parent}")))?;
    let (same, others): (Vec<&PlanPair>, Vec<&PlanPair>) = compared.plans.iter().partition(|pair| pair.is_as_before());
    if others.is_empty() {
        writeln!(page, "every plan came to the same")?;
        return Ok(());
    }
    let mut table = Table::new(&[
        ("plan", Align::Left),
        ("", Align::Left),
        ("status", Align::Left),
        ("orders", Align::Right),
        ("fills", Align::Right),
        ("realised", Align::Point),
        ("fees", Align::Point),
        ("net", Align::Point),
        ("difference", Align::Point),
    ]);
    for pair in others {
        let name = short_id(pair.plan_id.as_str());
        table.row(plan_row(&name, "before", pair.before.as_ref(), None));
        table.row(plan_row("", "after", pair.after.as_ref(), Some(moved(net(&pair.before), net(&pair.after)))));
    }
    let Compared { before, after, .. } = compared;
    table.row(whole_row("all", "before", before, None));
    table.row(whole_row("", "after", after, Some(moved(before.net_pnl, after.net_pnl))));
    for line in table.lines() {
        writeln!(page, "{line}")?;
    }
    if !same.is_empty() {
        let names: Vec<String> = same.iter().map(|pair| short_id(pair.plan_id.as_str())).collect();
        writeln!(page, "{}", painted(DIM, format!("as before: {}", names.join(", "))))?;
    }
    if before.refusals != after.refusals {
        let (then, now) = (before.refusals, after.refusals);
        writeln!(page, "refusals: {then} before, {now} after")?;
    }
    Ok(())
}

fn net(plan: &Option<PlanFigures>) -> Money {
    plan.as_ref().map_or(Money::ZERO, |plan| plan.net_pnl)
}

fn moved(before: Money, after: Money) -> Money {
    after.minus(before).unwrap_or_default()
}

fn plan_row(name: &str, when: &str, plan: Option<&PlanFigures>, difference: Option<Money>) -> Vec<Piece> {
    let mut row = vec![Piece::word(name), Piece::styled(DIM, when)];
    match plan {
        None => row.push(Piece::styled(DIM, "not there")),
        Some(plan) => {
            row.push(Piece::word(plan.status.clone()));
            row.extend(figures_of(plan.orders, plan.fills, plan.realized_pnl, &plan.fees, plan.net_pnl));
        }
    }
    // An absent plan has no figures: the difference stands in its own column all the same.
    while row.len() < 8 {
        row.push(Piece::word(""));
    }
    row.extend(difference.map(gain));
    row
}

fn whole_row(name: &str, when: &str, whole: &Figures, difference: Option<Money>) -> Vec<Piece> {
    let mut row = vec![Piece::styled(DIM, name), Piece::styled(DIM, when), Piece::word("")];
    row.extend(figures_of(whole.orders, whole.fills, whole.realized_pnl, &whole.fees, whole.net_pnl));
    row.extend(difference.map(gain));
    row
}

fn figures_of(orders: u64, fills: u64, realized: Money, fees: &[FeeView], net: Money) -> [Piece; 5] {
    [
        count(orders),
        count(fills),
        Piece::decimal(signed_money(realized)),
        Piece::decimal(fees_text(fees)),
        Piece::decimal(signed_money(net)),
    ]
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
        let changes = edits.iter().map(crate::what_if::Edit::change);
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
        writeln!(page, "{}  {runs} of what if", painted(BOLD, session))?;
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
