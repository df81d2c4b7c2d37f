//! One of the two sessions, pulled Step by Step: folded, and told in terms that the other one shares.

use std::collections::BTreeMap;

use retrace_core::amount::Position;
use retrace_core::event::{Decision, Event, Fact, FillReport, Input, Report, ReportKind};
use retrace_core::ids::{PlanNo, Seq, SessionUid};
use retrace_core::log::{LogEnd, LogSteps};
use retrace_core::manifest::Identity;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, StoreError};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::Book;

use super::cause::{Causes, Digest, short};
use super::mode::Mode;
use super::{CompareError, Which, canonical};
use crate::causation::Causation;

/// One of the two sessions that are compared.
#[derive(Clone)]
pub struct Side<'a> {
    /// What reads its log: the other one's may be another.
    pub reader: &'a dyn LogReader,
    /// Its id there.
    pub session: SessionUid,
    /// What it is called where it is shown.
    pub name: String,
    /// What decides what it does; its `decision_version` is that of the code that decided.
    pub identity: Identity,
    /// What it begins with: nothing, unless it continues another session.
    pub start: Book,
}

impl<'a> Side<'a> {
    /// A session under its own name that begins with nothing.
    ///
    /// # Errors
    /// [`StoreError`] if its manifest cannot be read.
    pub fn new(reader: &'a dyn LogReader, session: SessionUid) -> Result<Self, StoreError> {
        let identity = reader.manifest(session)?.identity;
        let (name, start) = (identity.name.to_string(), Book::new(&identity));
        Ok(Self { reader, session, name, identity, start })
    }

    /// The same, shown under another name.
    #[must_use]
    pub fn called(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same, decided by the code of that version, whatever its identity says: a session that was run again under
    /// the identity that it was recorded with.
    #[must_use]
    pub const fn decided_by(mut self, version: u32) -> Self {
        self.identity.decision_version = version;
        self
    }

    /// The same, going on from what `book` holds.
    #[must_use]
    pub fn beginning_with(mut self, book: Book) -> Self {
        self.start = book;
        self
    }
}

/// Where a Step stands: its time, and its place among those of that time, from 0.
pub type Place = (Timestamp, u32);

/// Where a Step stands that follows the one at `before`.
pub fn place_after(before: Option<Place>, step: &Step) -> Place {
    match before {
        Some((time, rank)) if time == step.time => (time, rank.saturating_add(1)),
        Some(_) | None => (step.time, 0),
    }
}

/// What is kept of a Step until the other session has its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The cause of its input.
    pub(super) key: Digest,
    pub(super) place: Place,
    /// Its first event.
    pub(super) seq: Seq,
    /// All of it that is compared, and how many events that is.
    pub(super) compared: Digest,
    pub(super) count: u32,
    /// What came from outside.
    pub(super) input: Digest,
}

/// A fill, or how a plan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutcomeEvent {
    pub(super) plan: PlanNo,
    pub(super) place: Place,
    /// The first event of its Step.
    pub(super) step: Seq,
    pub(super) seq: Seq,
    pub(super) digest: Digest,
}

/// A log that is read on.
pub(super) struct Reading<'a> {
    which: Which,
    mode: Mode,
    steps: LogSteps<'a>,
    next: Option<Step>,
    place: Option<Place>,
    bytes: Vec<u8>,
    pub(super) book: Book,
    pub(super) causes: Causes,
    /// What led to which Step, of those that were taken.
    pub(super) causation: Causation,
    /// The largest position that each plan had, without its sign.
    pub(super) largest: BTreeMap<PlanNo, Position>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(which: Which, side: &Side<'a>, mode: Mode, by_trade: bool) -> Result<Self, CompareError> {
        let mut reading = Self {
            which,
            mode,
            steps: LogSteps::new(side.reader, side.session)?,
            next: None,
            place: None,
            bytes: Vec::new(),
            book: side.start.clone(),
            causes: Causes::new(side.session, &side.start, by_trade),
            causation: Causation::default(),
            largest: side.start.plans().map(|plan| (plan.no, size(plan.traded()))).collect(),
        };
        reading.pull()?;
        Ok(reading)
    }

    fn pull(&mut self) -> Result<(), CompareError> {
        let which = self.which;
        self.next = self.steps.next().transpose().map_err(|source| CompareError::Log { which, source })?;
        if let Some(step) = &self.next {
            self.place = Some(place_after(self.place, step));
        }
        Ok(())
    }

    /// Where the next Step stands; `None` at the end of the log.
    pub(super) fn next_place(&self) -> Option<Place> {
        self.next.as_ref().and(self.place)
    }

    /// The next Step, not read yet.
    pub(super) const fn next(&self) -> Option<&Step> {
        self.next.as_ref()
    }

    /// Where the log ends, as far as it was read.
    pub(super) fn end(&self) -> LogEnd {
        self.steps.end()
    }

    /// Takes the next Step, folded: what it was told by is made of it before. `outcome` is given each fill and each end.
    pub(super) fn take(&mut self, outcome: &mut dyn FnMut(OutcomeEvent)) -> Result<Option<Told>, CompareError> {
        let (Some(step), Some(place)) = (self.next.take(), self.place) else { return Ok(None) };
        let seq = step.first_seq();
        self.causation.note(&step);
        let mut told = Told { key: [0; 16], place, seq, compared: [0; 16], count: 0, input: [0; 16] };
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        for (nth, event) in step.events.iter().enumerate() {
            self.causes.learn(event);
            let from = bytes.len();
            if nth == 0 && self.mode != Mode::Outcome {
                told.key = self.causes.of_step(event);
                canonical::write(&mut bytes, event, &self.causes, self.mode.left_out());
                told.input = short(&bytes);
            }
            if self.mode.compares(event) {
                if nth > 0 {
                    canonical::write(&mut bytes, event, &self.causes, self.mode.left_out());
                }
                told.count = told.count.saturating_add(1);
            } else {
                bytes.truncate(from);
            }
            self.fold(event)?;
            if let (Mode::Outcome, Some(digest)) = (self.mode, self.outcome_of(event)) {
                let plan = event.plan.unwrap_or(PlanNo(0));
                outcome(OutcomeEvent { plan, place, step: seq, seq: event.seq, digest });
            }
        }
        told.compared = short(&bytes);
        self.bytes = bytes;
        self.pull()?;
        Ok(Some(told))
    }

    /// How many events were taken.
    pub(super) const fn taken(&self) -> u64 {
        self.book.ledger().seq().0
    }

    /// Leaves the next Step behind, which was folded event by event.
    pub(super) fn pass(&mut self) -> Result<(), CompareError> {
        self.pull()
    }

    /// Takes the next Step without telling it.
    pub(super) fn skip(&mut self, seen: &mut dyn FnMut(&Event, &Book)) -> Result<(), CompareError> {
        let Some(step) = self.next.take() else { return Ok(()) };
        for event in &step.events {
            self.causes.learn(event);
            self.fold(event)?;
            seen(event, &self.book);
        }
        self.pull()
    }

    /// The digest of an event of the next Step, where that is compared.
    pub(super) fn compared(&self, event: &Event) -> Option<Digest> {
        self.mode.compares(event).then(|| {
            let mut bytes = Vec::new();
            canonical::write(&mut bytes, event, &self.causes, self.mode.left_out());
            short(&bytes)
        })
    }

    pub(super) fn fold(&mut self, event: &Event) -> Result<(), CompareError> {
        let which = self.which;
        self.book.apply(event).map_err(|source| CompareError::History { which, source })?;
        self.causes.forget(event);
        if let (true, Some(no)) = (moves_position(event), event.plan)
            && let Some(plan) = self.book.plan(no)
        {
            let (now, largest) = (size(plan.traded()), self.largest.entry(no).or_default());
            *largest = (*largest).max(now);
        }
        Ok(())
    }

    /// What an event adds to what came of its plan, once it is folded: a fill that was booked, one that was taken back or
    /// put right, an end.
    fn outcome_of(&self, event: &Event) -> Option<Digest> {
        let plan = event.plan.and_then(|no| self.book.plan(no))?;
        let mut bytes = Vec::new();
        let mut put = |part: &dyn std::fmt::Display| {
            bytes.extend_from_slice(part.to_string().as_bytes());
            bytes.push(0);
        };
        let fill_of = |fill: &FillReport| {
            let order = plan.order(event.order?)?;
            order.fill_of(&fill.trade_id).map(|booked| (order.side, booked.booked, booked.clone()))
        };
        match &event.fact {
            Fact::Input(Input::Report(Report { what: ReportKind::Filled(fill), .. }))
            | Fact::Decision(Decision::TradeBooked { fill, .. }) => {
                // Told again, it is no fill.
                let (side, _, fill) = fill_of(fill).filter(|(_, booked, _)| *booked == event.seq)?;
                put(&side);
                for part in [&fill.price as &dyn std::fmt::Display, &fill.quantity, &fill.fee, &fill.fee_asset] {
                    put(part);
                }
            }
            Fact::Input(Input::Report(Report { what: ReportKind::Corrected { fill, .. }, .. })) => {
                let (side, _, fill) = fill_of(fill)?;
                put(&"corrected");
                put(&side);
                for part in [&fill.price as &dyn std::fmt::Display, &fill.quantity, &fill.fee, &fill.fee_asset] {
                    put(part);
                }
            }
            Fact::Input(Input::Report(Report { what: ReportKind::Busted { .. }, .. })) => {
                put(&"busted");
                put(&plan.traded());
            }
            Fact::Decision(Decision::PlanClosed { outcome, dust }) => {
                put(outcome);
                put(dust);
            }
            Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => return None,
        }
        Some(short(&bytes))
    }
}

/// Whether an event may change what its plan traded.
const fn moves_position(event: &Event) -> bool {
    matches!(event.fact, Fact::Input(Input::Report(_)) | Fact::Decision(Decision::TradeBooked { .. }))
}

fn size(position: Position) -> Position {
    position.size().map_or(Position::FLAT, |size| retrace_core::order::Side::Buy.signed(size))
}
