//! What the market had shown when a Step was decided.

use retrace_core::event::Mark;
use retrace_core::instrument::Symbol;
use retrace_core::manifest::Identity;
use retrace_core::step::TapePosition;
use retrace_core::venue::FillPath;

use crate::state::State;
use crate::tape::{Row, Tape, TapeCursor};

/// A tape, and how far a state has seen it.
pub(crate) struct MarketView<'a> {
    cursor: TapeCursor<'a>,
    path: FillPath,
    position: TapePosition,
    row: Option<Row<'a>>,
}

impl<'a> MarketView<'a> {
    pub(crate) fn new(identity: &Identity, tape: &'a Tape) -> Self {
        Self { cursor: tape.cursor(), path: identity.venue.path, position: TapePosition::default(), row: None }
    }

    /// Shows the state every price point up to `position`: what the engine could have seen when it decided.
    pub(crate) fn show(&mut self, state: &mut State, position: TapePosition) {
        self.each(position, &mut |symbol, mark| state.see(symbol, mark));
    }

    /// Gives `see` every price point up to `position`, in order.
    pub(crate) fn each(&mut self, position: TapePosition, see: &mut dyn FnMut(&Symbol, Mark)) {
        while self.position < position {
            if self.position.points == 0 {
                self.row = self.cursor.advance();
            }
            let Some(row) = self.row else { return };
            let points = row.points(self.path);
            let seen = usize::from(self.position.points);
            if let Some(mark) = points.get(seen) {
                see(&row.set.symbol, *mark);
            }
            self.position = if seen.saturating_add(1) >= points.len() {
                TapePosition { rows: self.position.rows.saturating_add(1), points: 0 }
            } else {
                TapePosition { points: self.position.points.saturating_add(1), ..self.position }
            };
        }
    }
}
