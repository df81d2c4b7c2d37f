//! Lines whose pieces stand below one another: tables without rules, and the siblings of a tree.

use anstyle::Style;

use super::style::{DIM, PLAIN, painted};

/// What stands between two columns.
const BETWEEN: &str = "  ";

/// How the pieces of a column stand below one another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Whole numbers.
    Right,
    /// Decimals, at the decimal point.
    Point,
}

/// One piece of a line.
pub(crate) struct Piece {
    text: String,
    style: Style,
    align: Align,
}

impl Piece {
    /// A plain word.
    pub(crate) fn word(text: impl Into<String>) -> Self {
        Self::styled(PLAIN, text)
    }

    /// A word in a style.
    pub(crate) fn styled(style: Style, text: impl Into<String>) -> Self {
        Self { text: text.into(), style, align: Align::Left }
    }

    /// A plain decimal.
    pub(crate) fn decimal(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: PLAIN, align: Align::Point }
    }

    /// The same, aligned so.
    pub(crate) const fn aligned(mut self, align: Align) -> Self {
        self.align = align;
        self
    }

    /// The same, in a style.
    pub(crate) const fn in_style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// How many characters stand before and behind the place at which it is aligned.
    fn extent(&self) -> (usize, usize) {
        let whole = self.text.chars().count();
        match self.align {
            Align::Left => (0, whole),
            Align::Right => (whole, 0),
            Align::Point => {
                // What follows the number, such as an asset, counts as its fraction.
                let number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+');
                let before = self.text.chars().take_while(|c| number(*c)).count();
                (before, whole - before)
            }
        }
    }
}

/// The rows as lines: what stands in the same place of each row is padded alike, and a column that is empty in every
/// row is left out.
pub(crate) fn lines(rows: Vec<Vec<Piece>>) -> Vec<String> {
    let mut extents: Vec<(usize, usize)> = Vec::new();
    for row in &rows {
        extents.resize(extents.len().max(row.len()), (0, 0));
        for (widest, piece) in extents.iter_mut().zip(row) {
            let (before, behind) = piece.extent();
            *widest = (widest.0.max(before), widest.1.max(behind));
        }
    }
    rows.into_iter().map(|row| line(row, &extents)).collect()
}

fn line(row: Vec<Piece>, extents: &[(usize, usize)]) -> String {
    let mut line = String::new();
    let mut blanks = 0;
    let shown = row.into_iter().zip(extents).filter(|(_, extent)| **extent != (0, 0));
    for (place, (piece, extent)) in shown.enumerate() {
        let (before, behind) = piece.extent();
        blanks += if place == 0 { 0 } else { BETWEEN.len() };
        blanks += extent.0 - before;
        if !piece.text.is_empty() {
            line.extend(std::iter::repeat_n(' ', blanks));
            line.push_str(&painted(piece.style, &piece.text));
            blanks = 0;
        }
        blanks += extent.1 - behind;
    }
    line
}

/// A table under construction: a dim header, then rows.
pub(crate) struct Table {
    rows: Vec<Vec<Piece>>,
}

impl Table {
    /// A table with these columns. A header stands where its column's cells do.
    pub(crate) fn new(heads: &[(&str, Align)]) -> Self {
        // A header has no decimal point: above decimals it stands at the right of their whole part.
        let head = |(name, align): &(&str, Align)| {
            let align = if *align == Align::Point { Align::Right } else { *align };
            Piece::styled(DIM, *name).aligned(align)
        };
        Self { rows: vec![heads.iter().map(head).collect()] }
    }

    /// Adds a row, one piece a column.
    pub(crate) fn row(&mut self, pieces: Vec<Piece>) {
        self.rows.push(pieces);
    }

    /// The table as lines, without line ends.
    pub(crate) fn lines(self) -> Vec<String> {
        lines(self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::style::BOLD;

    #[test]
    fn decimals_stand_at_their_point_and_empty_columns_go() {
        let mut table =
            Table::new(&[("plan", Align::Left), ("net", Align::Point), ("", Align::Left), ("fills", Align::Right)]);
        for (name, net, fills) in [("A", "1234.5 USDT", "3"), ("LONGER", "-0.25", "12"), ("C", "7", "1")] {
            let fills = Piece::word(fills).aligned(Align::Right);
            table.row(vec![Piece::word(name), Piece::decimal(net), Piece::word(""), fills]);
        }
        let lines: Vec<String> =
            table.lines().iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        let expected = [
            "plan     net         fills",
            "A       1234.5 USDT      3",
            "LONGER    -0.25         12",
            "C          7             1",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_style_takes_no_room() {
        let rows = vec![vec![Piece::styled(BOLD, "a"), Piece::word("b")], vec![Piece::word("cc"), Piece::word("d")]];
        assert_eq!(lines(rows), ["\u{1b}[1ma\u{1b}[0m   b", "cc  d"]);
    }
}
