//! The lines of an export back to a session, each checked as it comes.

use std::collections::BTreeMap;

use retrace_core::chain::genesis;
use retrace_core::codec::{decode_identity, encode_identity};
use retrace_core::content::{Content, ContentRef};
use retrace_core::event::{Fact, Head};
use retrace_core::ids::{Seq, SessionName, SessionUid};
use retrace_core::manifest::Identity;
use retrace_core::step::Step;
use retrace_core::store::{Checkpoint, Manifest};
use serde::Serialize;

use super::difference::{Difference, first_difference, foreign_events};
use super::fault::{BadExport, Basis, ExportFault};
use super::lines::{
    END, EndView, GivenCheckpoint, GivenEndLine, GivenManifest, GivenStep, GivenText, GivenVersion, MANIFEST, STEP,
    read_base64, read_hex,
};
use super::writer::{ExportWriter, WrittenStep, end_line};
use super::{EXPORT_VERSION, LINE_BYTES_MAX};
use crate::ledger::{Book, PROJECTION_VERSION};
use crate::lineage::{LineageFault, Origin};

/// What the session of an identity begins with, from where the sessions are that it may continue.
pub type Begins<'a> = &'a mut dyn FnMut(&Identity) -> Result<Book, LineageFault>;

/// What a first line holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportManifest {
    /// The name that the session had in its store.
    pub session: SessionName,
    /// The session's own id, made again from its identity.
    pub uid: SessionUid,
    /// What it is.
    pub manifest: Manifest,
    /// Every digest that was kept beside its chain, in order.
    pub checkpoints: Vec<Checkpoint>,
}

/// What a Step's line holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedStep {
    /// The bytes that it is stored as.
    pub frame: Vec<u8>,
    /// What they mean.
    pub step: Step,
    /// The texts that it is the first to refer to, as far as they were not erased.
    pub texts: Vec<(ContentRef, Content)>,
}

/// A line of an export, read and found right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportLine {
    /// The first one.
    Manifest(Box<ExportManifest>),
    /// A Step.
    Step(ExportedStep),
    /// The last one.
    End(EndView),
}

/// What a right export holds that this build could not compare with anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unchecked {
    /// Views of events of kinds that this build does not know, where a newer one wrote them. Their frames count.
    pub unknown_events: u64,
    /// Checkpoints of other projections, or of other versions of the ledger.
    pub checkpoints: u64,
    /// The final ledger's digest, which another version of the fold wrote.
    pub ledger_digest: bool,
}

/// Reads an export, line after line. Each line is made again from the raw bytes in it, and must be the same.
///
/// A session is whole only when [`ExportReader::finish`] says so. Holds the ledger, never the log.
///
/// ```
/// # fn read(text: &[u8]) -> Result<(), retrace_projections::export::BadExport> {
/// use retrace_projections::export::{ExportLine, ExportReader};
///
/// let mut reader = ExportReader::new();
/// for line in text.split_inclusive(|byte| *byte == b'\n') {
///     match reader.line(line)? {
///         ExportLine::Manifest(manifest) => println!("session {}", manifest.session),
///         ExportLine::Step(step) => println!("{} events", step.step.events.len()),
///         ExportLine::End(end) => println!("head {}", end.head),
///     }
/// }
/// let book = reader.finish()?;
/// # let _ = book; Ok(()) }
/// ```
pub struct ExportReader {
    lines: u64,
    state: State,
    unchecked: Unchecked,
}

enum State {
    Start,
    Log(Box<ExportWriter>),
    Ended(Box<Book>),
    /// A line was refused.
    Refused,
}

impl Default for ExportReader {
    fn default() -> Self {
        Self::new()
    }
}

impl ExportReader {
    /// Before the first line.
    pub fn new() -> Self {
        Self { lines: 0, state: State::Start, unchecked: Unchecked::default() }
    }

    /// Takes the next line, with its end. A session that continues another is refused: [`ExportReader::line_beside`].
    ///
    /// # Errors
    /// [`BadExport`] if no export has this line at this place. The reader then takes no other.
    pub fn line(&mut self, line: &[u8]) -> Result<ExportLine, BadExport> {
        self.line_beside(line, &mut |identity| Ok(Origin::without_parents(identity)?.book))
    }

    /// The same beside other sessions: `begins` answers with the book that the session of the first line begins with.
    ///
    /// # Errors
    /// As [`ExportReader::line`].
    pub fn line_beside(&mut self, line: &[u8], begins: Begins<'_>) -> Result<ExportLine, BadExport> {
        self.lines = self.lines.saturating_add(1);
        let (state, taken) = self.take(line, begins).map_err(|fault| BadExport { line: self.lines, fault })?;
        self.state = state;
        Ok(taken)
    }

    /// All lines were given. Answers with what they fold to.
    ///
    /// # Errors
    /// [`BadExport`] if the last line of an export was not among them.
    pub fn finish(self) -> Result<Book, BadExport> {
        let fault = match self.state {
            State::Ended(book) => return Ok(*book),
            State::Start => ExportFault::Empty,
            State::Log(_) | State::Refused => ExportFault::CutOff,
        };
        Err(BadExport { line: self.lines.saturating_add(1), fault })
    }

    /// What was folded so far; `None` before the first line and after a refusal.
    pub fn book(&self) -> Option<&Book> {
        match &self.state {
            State::Log(writer) => Some(writer.book()),
            State::Ended(book) => Some(book),
            State::Start | State::Refused => None,
        }
    }

    /// What could not be compared with anything, so far.
    pub const fn unchecked(&self) -> Unchecked {
        self.unchecked
    }

    fn take(&mut self, line: &[u8], begins: Begins<'_>) -> Result<(State, ExportLine), ExportFault> {
        let state = std::mem::replace(&mut self.state, State::Refused);
        if line.len() > LINE_BYTES_MAX {
            return Err(ExportFault::LineTooLong);
        }
        let text = std::str::from_utf8(line)
            .map_err(|error| ExportFault::NotUtf8 { at: error.valid_up_to().saturating_add(1) })?;
        if !text.ends_with('\n') {
            return Err(ExportFault::CutInLine);
        }
        match state {
            State::Start => manifest(text, begins),
            State::Log(mut writer) if text.starts_with(STEP) => {
                let step = self.step(&mut writer, text)?;
                Ok((State::Log(writer), ExportLine::Step(step)))
            }
            State::Log(writer) if text.starts_with(END) => self.end(*writer, text),
            State::Log(_) if text.starts_with(MANIFEST) => Err(ExportFault::SecondManifest),
            State::Log(_) => Err(ExportFault::OtherLine { expected: "{\"seq\": or {\"end\":" }),
            State::Ended(_) | State::Refused => Err(ExportFault::AfterEnd),
        }
    }

    fn step(&mut self, writer: &mut ExportWriter, text: &str) -> Result<ExportedStep, ExportFault> {
        let given: GivenStep<'_> = serde_json::from_str(text)?;
        let frame = read_base64("frame", &given.frame)?;
        let mut beside = BTreeMap::new();
        for (reference, content) in given.texts.into_iter().map(GivenText::read).collect::<Result<Vec<_>, _>>()? {
            beside.insert(reference, content);
        }
        let WrittenStep { step, texts, line } = writer.step(&frame, &mut |reference| beside.remove(&reference))?;
        let seq = step.first_seq();
        if let Some(reference) = beside.into_keys().next() {
            return Err(ExportFault::StrayText { seq, reference });
        }
        let unknown = |place: usize| step.events.get(place).is_some_and(|e| matches!(e.fact, Fact::Unknown(_)));
        let unchecked = agree(text, &line, Basis::Frame, Some(seq), &unknown)?;
        self.unchecked.unknown_events = self.unchecked.unknown_events.saturating_add(unchecked);
        Ok(ExportedStep { frame, step, texts })
    }

    fn end(&mut self, mut writer: ExportWriter, text: &str) -> Result<(State, ExportLine), ExportFault> {
        let GivenEndLine { end: given } = serde_json::from_str(text)?;
        let (mut end, mut line) = writer.end()?;
        if given.ledger_version != PROJECTION_VERSION {
            end.ledger_version = given.ledger_version;
            end.ledger_digest = Head(read_hex("end.ledger_digest", &given.ledger_digest)?);
            line = end_line(&end)?;
            self.unchecked.ledger_digest = true;
        }
        agree(text, &line, Basis::Log, None, &|_| false)?;
        self.unchecked.checkpoints = writer.foreign_checkpoints();
        Ok((State::Ended(Box::new(writer.into_book())), ExportLine::End(end)))
    }
}

fn manifest(text: &str, begins: Begins<'_>) -> Result<(State, ExportLine), ExportFault> {
    if !text.starts_with(MANIFEST) {
        return Err(ExportFault::OtherLine { expected: MANIFEST });
    }
    let GivenVersion { retrace_export } = serde_json::from_str(text)?;
    if retrace_export != u64::from(EXPORT_VERSION) {
        return Err(ExportFault::OtherVersion { found: retrace_export });
    }
    let given: GivenManifest<'_> = serde_json::from_str(text)?;
    let bytes = read_base64("identity", &given.identity)?;
    let identity = decode_identity(&bytes)?;
    if encode_identity(&identity) != bytes {
        return Err(ExportFault::IdentityForm);
    }
    let session = SessionName::new(&given.session)?;
    let manifest = Manifest { identity, provenance: given.provenance.read()? };
    let checkpoints = given.checkpoints.into_iter().map(GivenCheckpoint::read).collect::<Result<Vec<_>, _>>()?;
    let begin = begins(&manifest.identity)?;
    let (writer, line) = ExportWriter::beginning(&session, &manifest, checkpoints.clone(), begin)?;
    agree(text, &line, Basis::Identity, None, &|_| false)?;
    let (uid, _) = genesis(&manifest.identity);
    let read = ExportManifest { session, uid, manifest, checkpoints };
    Ok((State::Log(Box::new(writer)), ExportLine::Manifest(Box::new(read))))
}

/// Compares a line with the same one made again; `first` is the seq of its first event, `unknown` tells the places of
/// events of kinds that this build does not know. Answers how many of those the file shows in words of its own.
fn agree(
    file: &str,
    made: &str,
    basis: Basis,
    first: Option<Seq>,
    unknown: &dyn Fn(usize) -> bool,
) -> Result<u64, ExportFault> {
    if file == made {
        return Ok(0);
    }
    let same = file.bytes().zip(made.bytes()).take_while(|(file, made)| file == made).count();
    let spelling = ExportFault::Spelling { at: same.saturating_add(1) };
    // What is much longer than it should be is not taken apart: that could need many times its own room.
    if file.len() > made.len().saturating_mul(4).saturating_add(4_096) {
        return Err(spelling);
    }
    let (file, made) = (serde_json::from_str(file)?, serde_json::from_str(made)?);
    let foreign = foreign_events(&file, unknown);
    if let Some(Difference { path, event, file, made }) = first_difference(&file, &made, &foreign) {
        let place = event.and_then(|place| u64::try_from(place).ok()).unwrap_or(0);
        let seq = first.map(|first| Seq(first.0.saturating_add(place)));
        return Err(ExportFault::Disagrees { seq, path, file, made, basis });
    }
    if foreign.is_empty() { Err(spelling) } else { Ok(foreign.len() as u64) }
}
