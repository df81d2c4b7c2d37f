//! What the auditor knows of plans and orders. Sizes are in the plan's own direction.

use retrace_core::ids::{PlanId, PlanNo};

use crate::units::GRAINS;

/// A plan as it is to be, and as it was told to be.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one excuse of its own")]
pub struct Plan {
    /// Its name.
    pub id: PlanId,
    /// What it trades.
    pub symbol: usize,
    /// 1 long, -1 short.
    pub sign: i64,
    /// How many lots it is to be.
    pub target: i64,
    /// Where its stop is to stand, in ticks.
    pub stop: Option<i64>,
    /// Where its gain is to be taken, in ticks.
    pub profit: Option<i64>,
    /// How many lots it has traded.
    pub traded: i64,
    /// How many grains it holds: fees in base are gone.
    pub held: i64,
    /// How far its life has come.
    pub phase: Phase,
    /// An entry ended short since the target was set: nothing more need come.
    pub entry_short: bool,
    /// An order that leaves ended short since the target was set.
    pub exit_short: bool,
    /// At which price it was to be entered last, in ticks: what is too small is valued there.
    pub limit: Option<i64>,
    /// What a slice left unfilled may be given up.
    pub skips: bool,
    /// Something happened to a stop: it was refused, ended, or not changed.
    pub trouble: bool,
    /// A directive cancelled what entered: no group is to enter before a target is set.
    pub no_entries: bool,
    /// A directive cancelled what reduced: no group is to reduce before a target is set.
    pub no_reduces: bool,
}

/// How far a plan's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It follows its target.
    Standing,
    /// A directive closes it.
    Closing {
        /// At any price.
        market: bool,
        /// It gave up inside its limit.
        gave_up: bool,
    },
    /// Its stop traded or was lost: it is to be flat.
    StoppedOut,
    /// It ended.
    Closed,
}

/// What an order does for its plan, read off the request alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Trades in the plan's direction.
    Entry,
    /// Trades against it: reduces, closes, flattens.
    Exit,
    /// Stands to trade against it at a loss.
    Stop,
    /// Stands to trade against it at a gain.
    Profit,
}

/// An order as it was asked for and as its reports tell it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was said or not")]
pub struct Order {
    /// Whose.
    pub plan: PlanNo,
    /// What it does.
    pub kind: Kind,
    /// How many lots, filled ones included.
    pub lots: i64,
    /// Its price or trigger, in ticks.
    pub level: Option<i64>,
    /// How many are filled.
    pub filled: i64,
    /// Something was said of it.
    pub answered: bool,
    /// It was refused, cancelled or expired.
    pub ended: bool,
    /// What is asked of it and not answered.
    pub asked: Option<Asked>,
    /// The venue said that it knows no such order: its end is still to be told.
    pub unknown: bool,
    /// It was asked for when its plan was to end already.
    pub ending: bool,
    /// A directive lets it grow to so many lots.
    pub may_grow_to: i64,
    /// The venue would not move it, because it may only make liquidity: it stays where it is.
    pub kept: bool,
}

/// A change that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To so many lots at that level.
    Amend {
        /// Filled ones included.
        lots: i64,
        /// In ticks.
        level: Option<i64>,
    },
    /// To its end.
    Cancel,
}

impl Order {
    /// Whether it may still fill, as far as it was told.
    pub const fn works(&self) -> bool {
        !self.ended && self.filled < self.lots
    }

    /// How many lots it may still fill, as far as it was told.
    pub const fn left(&self) -> i64 {
        if self.works() { self.lots - self.filled } else { 0 }
    }

    /// How many lots it may still fill if whatever is asked of it is done or not.
    pub fn most(&self) -> i64 {
        match self.asked {
            Some(Asked::Amend { lots, .. }) if !self.ended => (lots.max(self.lots) - self.filled).max(0),
            Some(Asked::Amend { .. } | Asked::Cancel) | None => self.left(),
        }
    }

    /// Whether a request for it is unanswered.
    pub const fn is_pending(&self) -> bool {
        self.works() && (!self.answered || self.asked.is_some() || self.unknown)
    }

    /// How many lots it may still fill if what is asked of it is done.
    pub fn left_as_asked(&self) -> i64 {
        match self.asked {
            None => self.left(),
            Some(Asked::Amend { lots, .. }) if self.works() => (lots - self.filled).max(0),
            Some(Asked::Amend { .. } | Asked::Cancel) => 0,
        }
    }
}

impl Plan {
    /// Whole lots held, zero where it holds none in its direction.
    pub const fn held_lots(&self) -> i64 {
        if self.held > 0 { self.held / GRAINS } else { 0 }
    }

    /// Books a fill.
    pub(super) fn fill(&mut self, order: &Order, lots: i64, fee: i64) {
        let enters = order.kind == Kind::Entry;
        let change = if enters { lots } else { -lots };
        self.traded += change;
        self.held += change * GRAINS - fee * self.sign;
        match order.kind {
            Kind::Stop => {
                self.target = (self.target - lots).max(0);
                self.stop_out();
            }
            Kind::Profit => self.target = (self.target - lots).max(0),
            Kind::Entry | Kind::Exit => {}
        }
        if self.phase == Phase::Closed {
            self.phase = Phase::StoppedOut;
        }
    }

    /// A directive cancelled what enters, or what reduces.
    pub(super) const fn stop_sending(&mut self, enters: bool) {
        if enters {
            (self.entry_short, self.no_entries) = (true, true);
        } else {
            (self.exit_short, self.no_reduces) = (true, true);
        }
    }

    /// Its stop traded or was set off.
    pub(super) fn stop_out(&mut self) {
        if self.phase == Phase::Standing {
            self.phase = Phase::StoppedOut;
            self.target = 0;
        }
    }

    /// An order of it ended before all of it traded, and nobody asked for that.
    pub(super) fn ended_short(&mut self, order: &Order) {
        match order.kind {
            Kind::Entry => self.entry_short = true,
            Kind::Exit => self.exit_short = true,
            Kind::Stop => self.trouble = true,
            Kind::Profit => {}
        }
    }
}
