//! What the auditor knows of plans and orders. Sizes are in the plan's own direction.

use retrace_core::event::FillReport;
use retrace_core::ids::{GroupNo, PlanId, PlanNo, Seq, TimerId};
use retrace_core::stop::Trail;

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
    /// Where its stop is to stand, in ticks; one that trails stands there at first, or nearer to the price.
    pub stop: Option<i64>,
    /// How many ticks beyond its stop's level its limit is to stand; `None` for a stop at market.
    pub stop_limit: Option<i64>,
    /// How its stop is to follow the price.
    pub trail: Option<Trail>,
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
    /// In how many orders at a time it is entered or left: what is too small for each of them is given up.
    pub parts: i64,
    /// What a slice left unfilled may be given up.
    pub skips: bool,
    /// Something happened to a stop: it was refused, ended, or not changed.
    pub trouble: bool,
    /// A directive cancelled what entered: no group is to enter before a target is set.
    pub no_entries: bool,
    /// It has ended once; a late fill may have opened it again.
    pub has_ended: bool,
    /// A batch that failed takes back what it traded.
    pub rolling: bool,
    /// How many lots are recorded as not covered.
    pub gap: i64,
    /// A directive cancelled what reduced: no group is to reduce before a target is set.
    pub no_reduces: bool,
    /// The group that closes it in slices, and when the last of them comes due, in milliseconds, while that is to come.
    pub last_slice: Option<(GroupNo, i64)>,
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
    /// Of a stop without a size, for how many lots it was asked: what it is for is what its plan holds.
    pub size_free: Option<i64>,
    /// Its price or trigger, in ticks.
    pub level: Option<i64>,
    /// Of a stop limit, its limit and its time.
    pub limit: Option<StopLimit>,
    /// Of a trailing stop, how it follows the price.
    pub trail: Option<Trail>,
    /// How many are filled.
    pub filled: i64,
    /// Something was said of it.
    pub answered: bool,
    /// It was refused, cancelled or expired.
    pub ended: bool,
    /// What is asked of it and not answered.
    pub asked: Option<Asked>,
    /// The request for what was asked of it last.
    pub request: Seq,
    /// The query of it that is not answered.
    pub query: Option<Seq>,
    /// How many lots were filled in all, as the venue said.
    pub stated: i64,
    /// The venue said that it knows no such order: its end is still to be told.
    pub unknown: bool,
    /// It was asked for when its plan was to end already.
    pub ending: bool,
    /// A directive lets it grow to so many lots.
    pub may_grow_to: i64,
    /// The venue would not move it, because it may only make liquidity: it stays where it is.
    pub kept: bool,
    /// A trade of it was put right or taken back.
    pub revised: bool,
    /// Its group.
    pub group: Option<(PlanNo, GroupNo)>,
}

/// What a stop limit has besides a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopLimit {
    /// How many ticks beyond its level its limit stands.
    pub distance: i64,
    /// When it was set off, in milliseconds, as far as could be seen.
    pub set_off: Option<i64>,
    /// How its time stands.
    pub patience: Patience,
}

/// How the time stands that a stop limit has to fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// None runs.
    Unset,
    /// It is over at that time, in milliseconds, when that timer fires.
    Until(TimerId, i64),
    /// It is over.
    Over,
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
        (self.filled < self.lots || self.size_free.is_some()) && (!self.ended || self.is_short())
    }

    /// How many lots it may still fill, as far as it was told.
    pub const fn left(&self) -> i64 {
        if self.works() && self.ended {
            self.stated - self.filled
        } else if self.works() {
            self.lots - self.filled
        } else {
            0
        }
    }

    /// How many lots it may still fill if whatever is asked of it is done or not.
    pub fn most(&self) -> i64 {
        match self.asked {
            Some(Asked::Amend { .. }) if self.size_free.is_some() => self.left(),
            Some(Asked::Amend { lots, .. }) if !self.ended => (lots.max(self.lots) - self.filled).max(0),
            Some(Asked::Amend { .. } | Asked::Cancel) | None => self.left(),
        }
    }

    /// Whether a request for it is unanswered.
    pub const fn is_pending(&self) -> bool {
        self.works() && (!self.answered || self.asked.is_some() || self.unknown || self.query.is_some() || self.ended)
    }

    /// A stop limit that works counts as set off from now on, if it does not already.
    pub(super) fn set_off(&mut self, now: i64) {
        if self.works()
            && let Some(limit) = &mut self.limit
        {
            limit.set_off.get_or_insert(now);
        }
    }

    /// Whether fills of it are still to be told that the venue counted.
    pub const fn is_short(&self) -> bool {
        self.filled < self.stated
    }

    /// How many lots it may still fill if what is asked of it is done.
    pub fn left_as_asked(&self) -> i64 {
        match self.asked {
            None => self.left(),
            Some(Asked::Amend { .. }) if self.size_free.is_some() => self.left(),
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

    /// So many lots of an order, with their fee in grains, count now: more, or less where a trade was put right.
    pub(super) fn hold(&mut self, kind: Kind, lots: i64, fee: i64) {
        let change = if kind == Kind::Entry { lots } else { -lots };
        self.traded += change;
        self.held += change * GRAINS - fee * self.sign;
        if self.phase == Phase::Closed {
            self.phase = Phase::StoppedOut;
        }
    }

    /// So many lots more were traded by an order, as far as its plan's target goes: a trade that is taken back does not
    /// raise it again.
    pub(super) fn takes(&mut self, kind: Kind, lots: i64) {
        match kind {
            Kind::Stop => {
                self.target = (self.target - lots).max(0);
                self.stop_out();
            }
            Kind::Profit => self.target = (self.target - lots).max(0),
            Kind::Entry | Kind::Exit => {}
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
        // What waits for the slices of a close does not once its stop has traded.
        let waits = matches!(self.phase, Phase::Closing { .. }) && self.last_slice.is_some();
        if self.phase == Phase::Standing || waits {
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

/// A trade as it was told up to now.
#[derive(Clone, Debug)]
pub struct Trade {
    /// Whose it is.
    pub plan: PlanNo,
    /// What the order does that it was told for.
    pub kind: Kind,
    /// As its highest revision says, and which that is.
    pub told: Option<(u32, FillReport)>,
    /// The most lots that any revision said.
    pub most: i64,
    /// It was taken back.
    pub busted: bool,
}

impl Trade {
    /// One that nothing is known of but for which order it was told.
    pub(super) const fn of(order: &Order) -> Self {
        Self { plan: order.plan, kind: order.kind, told: None, most: 0, busted: false }
    }
}
