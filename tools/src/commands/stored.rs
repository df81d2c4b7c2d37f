//! What the reading commands share: opening a store, finding a session, folding its log.

use std::path::{Path, PathBuf};

use retrace_core::chain::{Block, BlockLimits, OpenBlock, genesis};
use retrace_core::content::ContentRef;
use retrace_core::event::Head;
use retrace_core::frame::read_frame;
use retrace_core::ids::{IdError, Seq, SessionName, SessionUid};
use retrace_core::log::{LogEnd, LogFault, read_log, read_log_behind};
use retrace_core::manifest::Identity;
use retrace_core::saved::SavedAt;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, Manifest, StoreError};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::BrokenHistory;
use retrace_projections::lineage::Origin;
use retrace_rocks::RocksReader;

use crate::error::CliError;
use crate::output::warn;

/// Where the store is.
#[derive(Debug, clap::Args)]
pub(super) struct Db {
    /// Folder of the store
    #[arg(long = "db", value_name = "DIR")]
    dir: PathBuf,
}

/// A session's name on the command line.
pub(super) fn session_name(text: &str) -> Result<SessionName, IdError> {
    SessionName::new(text)
}

impl Db {
    /// The store's folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Opens the store for reading. Damage that leaves it readable is told on standard error.
    pub(super) fn open(&self) -> Result<RocksReader, CliError> {
        open_store(&self.dir)
    }

    /// The same without a word about damage, for the command that lists it.
    pub(super) fn open_quietly(&self) -> Result<RocksReader, CliError> {
        Ok(RocksReader::open(&self.dir)?)
    }
}

/// Opens the store in `dir` for reading. Damage that leaves it readable is told on standard error.
pub(super) fn open_store(dir: &Path) -> Result<RocksReader, CliError> {
    let reader = RocksReader::open(dir)?;
    for damage in reader.damage() {
        warn(&format!("{damage}; `retrace verify` lists all that is wrong"));
    }
    Ok(reader)
}

/// A session that the store lost with all its events, its name among them: what is not found may have been it.
pub(super) fn lost_session(reader: &dyn LogReader) -> Option<StoreError> {
    let lost = |damage: &StoreError| matches!(damage, StoreError::BehindWatermark { log: Seq(0), .. });
    reader.damage().into_iter().find(lost)
}

/// A session of a store.
pub(super) struct StoredSession<'a> {
    pub(super) reader: &'a dyn LogReader,
    pub(super) name: SessionName,
    pub(super) uid: SessionUid,
    pub(super) manifest: Manifest,
    /// The sessions that it continues, the last of them first, as far as they are there.
    ancestors: Vec<SessionUid>,
}

/// Why a fold of a log stops.
pub(super) enum Stop {
    /// All that was wanted is folded.
    Enough,
    /// The log cannot be folded.
    Broken(BrokenHistory),
    /// What was made of it cannot be written.
    Output(Box<CliError>),
}

impl From<BrokenHistory> for Stop {
    fn from(broken: BrokenHistory) -> Self {
        Self::Broken(broken)
    }
}

impl<'a> StoredSession<'a> {
    /// The session of that name.
    pub(super) fn find(reader: &'a dyn LogReader, name: &str) -> Result<Self, CliError> {
        let sessions = reader.sessions()?;
        if let Some((known, uid)) = sessions.iter().find(|(known, _)| known.as_str() == name) {
            return Self::of(reader, known.clone(), *uid);
        }
        if let Some(lost) = lost_session(reader) {
            return Err(lost.into());
        }
        let known = sessions.into_iter().map(|(name, _)| name).collect();
        Err(CliError::NoSession { name: name.to_owned(), known })
    }

    /// The session of that id.
    pub(super) fn of(reader: &'a dyn LogReader, name: SessionName, uid: SessionUid) -> Result<Self, CliError> {
        let manifest = reader.manifest(uid)?;
        let mut ancestors = Vec::new();
        let mut next = manifest.identity.continues;
        while let Some(from) = next.filter(|from| !ancestors.contains(&from.parent)) {
            ancestors.push(from.parent);
            // What is not there is told of by whoever needs it.
            next = reader.manifest(from.parent).ok().and_then(|manifest| manifest.identity.continues);
        }
        Ok(Self { reader, name, uid, manifest, ancestors })
    }

    /// What decides what it does.
    pub(super) const fn identity(&self) -> &Identity {
        &self.manifest.identity
    }

    /// What it begins with: nothing, or the last ledger of the session that it continues.
    pub(super) fn origin(&self) -> Result<Origin, CliError> {
        Origin::of(self.reader, self.identity())
            .map_err(|source| CliError::Lineage { session: self.name.clone(), source: Box::new(source) })
    }

    /// The last book of the session that it continues, as it stood there.
    pub(super) fn left_by_the_parent(&self) -> Result<Option<Origin>, CliError> {
        Origin::left_by_the_parent(self.reader, self.identity())
            .map_err(|source| CliError::Lineage { session: self.name.clone(), source: Box::new(source) })
    }

    /// The sessions that it continues, the last of them first, as far as they are there.
    pub(super) fn ancestors(&self) -> &[SessionUid] {
        &self.ancestors
    }

    /// Whether it came to its end; otherwise it was interrupted.
    pub(super) fn is_finished(&self) -> Result<bool, CliError> {
        Ok(self.reader.checkpoints(self.uid)?.iter().any(|checkpoint| checkpoint.finished))
    }

    /// Gives every Step to `take`, in order, until that stops. `None` as the end where it did.
    pub(super) fn read(&self, take: &mut dyn FnMut(&Step) -> Result<(), Stop>) -> Result<Option<LogEnd>, CliError> {
        self.read_behind(None, take)
    }

    /// The same from the place of a saved state on, where there is one.
    pub(super) fn read_behind(
        &self,
        place: Option<&SavedAt>,
        take: &mut dyn FnMut(&Step) -> Result<(), Stop>,
    ) -> Result<Option<LogEnd>, CliError> {
        let mut stopped = None;
        let mut take = |step: Step| {
            stopped = take(&step).err();
            stopped.is_none()
        };
        let end = match place {
            None => read_log(self.reader, self.uid, &mut take),
            Some(place) => read_log_behind(self.reader, self.uid, place, &mut take),
        };
        match stopped {
            None => end.map(Some).map_err(|source| self.fault(source)),
            Some(Stop::Enough) => Ok(None),
            Some(Stop::Broken(source)) => Err(CliError::History { session: self.name.clone(), source }),
            Some(Stop::Output(error)) => Err(*error),
        }
    }

    /// The head over the first `steps` Steps, or over those up to `place` and as many behind it.
    pub(super) fn head_after(&self, place: Option<&SavedAt>, steps: u64) -> Result<Head, CliError> {
        let mut left = steps;
        let mut take = |_| {
            left = left.saturating_sub(1);
            left > 0
        };
        let end = match (place, steps) {
            (None, 0) => {
                return Ok(OpenBlock::first(self.uid, genesis(self.identity()).1, BlockLimits::FORMAT_1).head());
            }
            (Some(place), 0) => return Ok(place.head),
            (None, _) => read_log(self.reader, self.uid, &mut take),
            (Some(place), _) => read_log_behind(self.reader, self.uid, place, &mut take),
        };
        end.map(|end| end.head).map_err(|source| self.fault(source))
    }

    /// The text that stands beside the log, or beside that of a session that it continues; `None` where it was erased or
    /// cannot be read.
    pub(super) fn text(&self, reference: ContentRef) -> Option<String> {
        let text = |uid| self.reader.content(uid, reference).ok().flatten().map(|content| content.text);
        text(self.uid).or_else(|| self.ancestors.iter().find_map(|uid| text(*uid)))
    }

    /// How far the log goes, from its first and last blocks alone.
    pub(super) fn extent(&self) -> Result<Extent, CliError> {
        let blocks = self.reader.watermark(self.uid)?.blocks;
        let (_, start) = genesis(self.identity());
        let mut open = OpenBlock::first(self.uid, start, BlockLimits::FORMAT_1);
        let mut extent = Extent { events: Seq(0), head: open.head(), from: None, to: None };
        let first = self.reader.blocks(self.uid, 1)?.next();
        // The log may be ahead of the watermark: all blocks from its last one on are looked at.
        for block in first.into_iter().chain(self.reader.blocks(self.uid, blocks.max(1))?) {
            let (number, bytes) = block?;
            let block = Block::read(&bytes).map_err(|source| self.fault(LogFault::Block { block: number, source }))?;
            for frame in &block.frames {
                extent.note(frame).map_err(|fault| self.fault(fault))?;
            }
            open = OpenBlock::after(self.uid, BlockLimits::FORMAT_1, number, block.chain, extent.events.next());
        }
        for (_, frame) in self.reader.open_frames(self.uid)? {
            let events = extent.note(&frame).map_err(|fault| self.fault(fault))?;
            let _ = open.push(&frame, events);
        }
        extent.head = open.head();
        Ok(extent)
    }

    pub(super) fn fault(&self, source: LogFault) -> CliError {
        CliError::Log { session: self.name.clone(), source }
    }
}

/// How far a log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Its last event; 0 for none.
    pub(super) events: Seq,
    /// The head over all of it.
    pub(super) head: Head,
    /// The time of its first event.
    pub(super) from: Option<Timestamp>,
    /// The time of its last event.
    pub(super) to: Option<Timestamp>,
}

impl Extent {
    /// Takes the next frame; answers how many events it has.
    fn note(&mut self, frame: &[u8]) -> Result<u32, LogFault> {
        let (header, _) = read_frame(frame).map_err(|source| LogFault::Frame { seq: self.events.next(), source })?;
        self.from = self.from.or(Some(header.time));
        self.to = Some(header.time);
        self.events = Seq(header.first_seq.0.saturating_add(u64::from(header.count)).saturating_sub(1));
        Ok(header.count)
    }
}
