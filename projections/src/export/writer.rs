//! A session's log to the lines of an export. Folds on the way, so it writes nothing that a reader would refuse.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::vec::IntoIter;

use retrace_core::chain::{BlockLimits, OpenBlock, genesis};
use retrace_core::codec::{decode_identity, encode_identity};
use retrace_core::content::{Content, ContentRef};
use retrace_core::event::{Decision, Event, Fact, Head, Input};
use retrace_core::frame::decode_frame;
use retrace_core::ids::{Seq, SessionName};
use retrace_core::step::{Step, TapePosition};
use retrace_core::store::{Checkpoint, Manifest};
use retrace_core::time::Timestamp;
use retrace_core::trail::{TRAIL, TRAIL_VERSION, Trail};
use serde::Serialize;

use super::fault::ExportFault;
use super::lines::{
    EndLine, EndView, ManifestLine, StepLine, checkpoint_view, identity_view, provenance_view, text_view,
};
use super::{EXPORT_VERSION, LINE_BYTES_MAX};
use crate::event_view::event_view;
use crate::ledger::{Book, PROJECTION, PROJECTION_VERSION};
use crate::lineage::Origin;

/// Writes an export, a line at a time; every line comes with its end.
pub struct ExportWriter {
    book: Book,
    open: OpenBlock,
    steps: u64,
    trail: Trail,
    previous: Option<(Timestamp, TapePosition)>,
    /// Texts that an earlier event referred to.
    referred: BTreeSet<ContentRef>,
    /// Checkpoints whose event is still to come.
    checkpoints: Peekable<IntoIter<Checkpoint>>,
    /// Checkpoints of other projections, or of other versions of ours, so far.
    foreign_checkpoints: u64,
    /// A checkpoint says that the session had come to its end.
    finished: bool,
}

/// A Step and the line that it becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenStep {
    /// The Step that the frame holds.
    pub step: Step,
    /// The texts that it is the first to refer to, as far as there are any.
    pub texts: Vec<(ContentRef, Content)>,
    /// Its line.
    pub line: String,
}

impl ExportWriter {
    /// Begins the export of a session that continues none and that its store knows by `name`. `checkpoints` are all of it,
    /// in order ([`Checkpoint::key`]). Gives the first line.
    ///
    /// # Errors
    /// [`ExportFault::CheckpointOrder`], [`ExportFault::Checkpoint`] for one before the first event,
    /// [`ExportFault::Identity`], [`ExportFault::LineTooLong`]; [`ExportFault::Lineage`] for a session that continues one.
    pub fn begin(
        name: &SessionName,
        manifest: &Manifest,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<(Self, String), ExportFault> {
        Self::beginning(name, manifest, checkpoints, Origin::without_parents(&manifest.identity)?.book)
    }

    /// The same of a session that begins with `begin`.
    ///
    /// # Errors
    /// As [`ExportWriter::begin`].
    pub fn beginning(
        name: &SessionName,
        manifest: &Manifest,
        checkpoints: Vec<Checkpoint>,
        begin: Book,
    ) -> Result<(Self, String), ExportFault> {
        if let Some((_, later)) = checkpoints.iter().zip(checkpoints.iter().skip(1)).find(|(a, b)| a.key() >= b.key()) {
            return Err(ExportFault::CheckpointOrder { seq: later.seq });
        }
        let bytes = encode_identity(&manifest.identity);
        // The view is one of the bytes: a store may hold an identity whose decimals are not in their shortest form yet.
        let identity = decode_identity(&bytes)?;
        let (uid, start) = genesis(&identity);
        let first = line(&ManifestLine {
            retrace_export: EXPORT_VERSION,
            session: name,
            uid,
            identity: &bytes,
            identity_view: identity_view(&identity),
            provenance: provenance_view(&manifest.provenance),
            checkpoints: checkpoints.iter().map(checkpoint_view).collect(),
        })?;
        let mut writer = Self {
            book: begin,
            open: OpenBlock::first(uid, start, BlockLimits::FORMAT_1),
            steps: 0,
            trail: Trail::default(),
            previous: None,
            referred: BTreeSet::new(),
            foreign_checkpoints: 0,
            finished: checkpoints.iter().any(|checkpoint| checkpoint.finished),
            checkpoints: checkpoints.into_iter().peekable(),
        };
        writer.check_checkpoints()?;
        Ok((writer, first))
    }

    /// Takes the frame of the next Step. `text` finds what stands beside the log; it is asked for each reference the
    /// first time that an event makes it.
    ///
    /// # Errors
    /// [`ExportFault`] if the frame cannot be read, does not follow, or does not fold, if a text or a checkpoint is
    /// not the one that belongs there, or if the line is too long. Then nothing more may be asked of the writer.
    pub fn step(
        &mut self,
        frame: &[u8],
        text: &mut dyn FnMut(ContentRef) -> Option<Content>,
    ) -> Result<WrittenStep, ExportFault> {
        let expected = self.open.next_seq();
        let step = decode_frame(frame).map_err(|source| ExportFault::Frame { seq: expected, source })?;
        self.check_follows(expected, &step)?;
        self.trail.step(&step).map_err(|source| ExportFault::Frame { seq: expected, source })?;
        let (mut events, mut texts) = (Vec::with_capacity(step.events.len()), Vec::new());
        for event in &step.events {
            self.book.apply(event)?;
            events.push(event_view(event, &self.book));
            self.check_checkpoints()?;
            if let Some(reference) = text_of(event).filter(|reference| self.referred.insert(*reference)) {
                let found = text(reference);
                if found.as_ref().is_some_and(|content| content.reference() != reference) {
                    return Err(ExportFault::Text { seq: expected, reference });
                }
                texts.extend(found.map(|content| (reference, content)));
            }
        }
        let _ = self.open.push(frame, u32::try_from(step.events.len()).unwrap_or(u32::MAX));
        self.steps = self.steps.saturating_add(1);
        let texts_view = texts.iter().map(text_view).collect();
        let line = line(&StepLine { seq: expected, frame, events, texts: texts_view })?;
        Ok(WrittenStep { step, texts, line })
    }

    /// What the session comes to, and the last line.
    ///
    /// # Errors
    /// [`ExportFault::CheckpointBeyond`] if a checkpoint's event never came.
    pub fn end(&mut self) -> Result<(EndView, String), ExportFault> {
        let events = self.book.ledger().seq();
        if let Some(beyond) = self.checkpoints.peek() {
            return Err(ExportFault::CheckpointBeyond { seq: beyond.seq, last: events });
        }
        let end = EndView {
            events,
            steps: self.steps,
            head: self.open.head(),
            ledger_version: PROJECTION_VERSION,
            ledger_digest: Head(self.book.ledger().digest()),
            finished: self.finished,
        };
        Ok((end, end_line(&end)?))
    }

    /// All that was folded so far.
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// The same, when no more is to be written.
    pub fn into_book(self) -> Book {
        self.book
    }

    /// How many checkpoints could not be compared: of other projections, or of other versions of ours.
    pub(super) const fn foreign_checkpoints(&self) -> u64 {
        self.foreign_checkpoints
    }

    fn check_follows(&mut self, expected: Seq, step: &Step) -> Result<(), ExportFault> {
        let found = step.first_seq();
        if found != expected {
            return Err(ExportFault::Gap { expected, found });
        }
        if let Some((time, tape)) = self.previous {
            for (back, what) in [(step.time < time, "time"), (step.tape < tape, "tape position")] {
                if back {
                    return Err(ExportFault::GoesBack { seq: found, what });
                }
            }
        }
        self.previous = Some((step.time, step.tape));
        Ok(())
    }

    /// Compares the ledger and the trail with what was noted for the event that they have come to.
    fn check_checkpoints(&mut self) -> Result<(), ExportFault> {
        let ledger = self.book.ledger();
        while let Some(noted) = self.checkpoints.next_if(|checkpoint| checkpoint.seq == ledger.seq()) {
            match (noted.projection.as_str(), noted.version) {
                (PROJECTION, PROJECTION_VERSION) if noted.digest != ledger.digest() => {
                    return Err(ExportFault::Checkpoint { seq: noted.seq });
                }
                (TRAIL, TRAIL_VERSION) if noted.digest != self.trail.digest() => {
                    return Err(ExportFault::Trail { seq: noted.seq });
                }
                (PROJECTION, PROJECTION_VERSION) | (TRAIL, TRAIL_VERSION) => {}
                _ => self.foreign_checkpoints = self.foreign_checkpoints.saturating_add(1),
            }
        }
        Ok(())
    }
}

pub(super) fn end_line(end: &EndView) -> Result<String, ExportFault> {
    line(&EndLine { end })
}

fn line(content: &impl Serialize) -> Result<String, ExportFault> {
    let mut line = serde_json::to_string(content)?;
    line.push('\n');
    if line.len() > LINE_BYTES_MAX { Err(ExportFault::LineTooLong) } else { Ok(line) }
}

/// The text beside the log that an event refers to.
fn text_of(event: &Event) -> Option<ContentRef> {
    match &event.fact {
        Fact::Input(Input::DirectiveReceived(directive)) => directive.comments,
        Fact::Decision(Decision::PlanAccepted { comments, .. }) => *comments,
        Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => None,
    }
}
