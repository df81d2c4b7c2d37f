//! The store port: what a log needs of the thing that keeps it. Two stores implement it (memory, `RocksDB`) and pass
//! one contract test (`testkit::contract`).

use crate::chain::BlockError;
use crate::content::{Content, ContentRef};
use crate::event::Head;
use crate::frame::{FrameError, encode_frame};
use crate::ids::{Seq, SessionName, SessionUid};
use crate::index::IndexEntry;
use crate::manifest::{Identity, Provenance};
use crate::saved::{FoldState, SavedAt};
use crate::step::Step;

/// A store cannot do what was asked. Says what and where; nothing was half done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No store at this place.
    #[error("there is no store at {place}")]
    NoStore {
        /// The folder.
        place: String,
    },
    /// What should be the folder of a store is a file, or stands below one.
    #[error("{place} is not a folder")]
    NotAFolder {
        /// The place.
        place: String,
    },
    /// A folder that is no store and holds something else, so that none is made among it.
    #[error("the folder {place} is not a store: it holds {what}")]
    Occupied {
        /// The folder.
        place: String,
        /// The first of what it holds.
        what: String,
    },
    /// No session of that name or id.
    #[error("there is no session {session} in this store")]
    NoSession {
        /// Its name or id.
        session: String,
    },
    /// A session of that name exists already.
    #[error("a session named {name} exists in this store")]
    SessionExists {
        /// The name.
        name: SessionName,
    },
    /// Someone else appended in between, or the Step does not follow the log.
    #[error("the log's next event is {next}, the Step begins with {given}")]
    Conflict {
        /// The seq that the log expects.
        next: Seq,
        /// The seq that the Step begins with.
        given: Seq,
    },
    /// Another process has the store open for writing.
    #[error("the store at {place} is in use by another process")]
    InUse {
        /// The folder.
        place: String,
    },
    /// The store was written in a format that this build does not know.
    #[error("{place}: the store has format {found}; this build knows formats up to {known}")]
    NewerFormat {
        /// The file that names the format.
        place: String,
        /// The format found.
        found: u32,
        /// The newest one known.
        known: u32,
    },
    /// The log holds less than the watermark says was durable: events are lost.
    #[error("session {session}: the log ends at event {log}, but event {watermark} was durable: events are lost")]
    BehindWatermark {
        /// The session.
        session: String,
        /// The last event in the log.
        log: Seq,
        /// The last event that was durable.
        watermark: Seq,
    },
    /// The log up to the watermark is not the one that the watermark saw.
    #[error("session {session}: the log up to event {seq} is not the one that was written")]
    NotTheLogWritten {
        /// The session.
        session: String,
        /// The watermark's event.
        seq: Seq,
    },
    /// A part of the store is damaged.
    #[error("{place}: {what}")]
    Damaged {
        /// Which part.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// A stored block that cannot be read.
    #[error("session {session}, block {block}: {source}")]
    Block {
        /// The session.
        session: String,
        /// The block's number.
        block: u32,
        /// Why.
        source: BlockError,
    },
    /// A Step that cannot be stored or read.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The file system or the database failed.
    #[error("{place}: {source}")]
    Backend {
        /// What was being done, and where.
        place: String,
        /// The failure itself.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What a session is, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The chained identity.
    pub identity: Identity,
    /// The unchained provenance.
    pub provenance: Provenance,
}

/// How much of a session's log is durable, as noted outside the database after each sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// The last durable event; 0 for none.
    pub durable_seq: Seq,
    /// The head over all events up to it.
    pub head: Head,
    /// How many blocks were closed.
    pub blocks: u32,
}

/// A projection's digest at a point of the log, kept beside the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// After which event.
    pub seq: Seq,
    /// Which projection, such as `strategy_ledger`.
    pub projection: String,
    /// The version of the projection's code.
    pub version: u32,
    /// Its digest there.
    pub digest: [u8; 32],
    /// Whether the session had come to its end.
    pub finished: bool,
}

impl Checkpoint {
    /// What tells it from the session's other checkpoints, and by which they are kept in order.
    pub fn key(&self) -> (Seq, &str, u32) {
        (self.seq, &self.projection, self.version)
    }
}

/// Reads logs. Never changes anything.
pub trait LogReader {
    /// Every session, by name.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    fn sessions(&self) -> Result<Vec<(SessionName, SessionUid)>, StoreError>;

    /// What a session is.
    ///
    /// # Errors
    /// [`StoreError::NoSession`], or if the store cannot be read.
    fn manifest(&self, session: SessionUid) -> Result<Manifest, StoreError>;

    /// The stored bytes of every closed block whose number is `from` or above, in order of number.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read; also per block.
    #[expect(clippy::type_complexity, reason = "an alias would hide that errors come per block")]
    fn blocks(
        &self,
        session: SessionUid,
        from: u32,
    ) -> Result<Box<dyn Iterator<Item = Result<(u32, Vec<u8>), StoreError>> + '_>, StoreError>;

    /// The frames of the block that is still open, each with the seq it is kept under, in order of that seq.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    fn open_frames(&self, session: SessionUid) -> Result<Vec<(Seq, Vec<u8>)>, StoreError>;

    /// Every index entry whose key begins with `prefix`, in order of key. Covers closed blocks only.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or a key is no entry.
    fn index(&self, session: SessionUid, prefix: &[u8]) -> Result<Vec<IndexEntry>, StoreError>;

    /// A text that stands beside the log; `None` where it was erased.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    fn content(&self, session: SessionUid, reference: ContentRef) -> Result<Option<Content>, StoreError>;

    /// Every checkpoint of a session, in order of seq.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    fn checkpoints(&self, session: SessionUid) -> Result<Vec<Checkpoint>, StoreError>;

    /// Where states of a session are saved, in order of seq. A record that this build cannot read is left out: a saved
    /// state is a cache.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    fn saved_states(&self, session: SessionUid) -> Result<Vec<SavedAt>, StoreError>;

    /// The bytes of the state that is saved after event `seq`, whole or not ([`SavedAt::is_of`]); `None` where there is
    /// none.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    fn saved_state(&self, session: SessionUid, seq: Seq) -> Result<Option<Vec<u8>>, StoreError>;

    /// How much of a session is known to be durable.
    ///
    /// # Errors
    /// [`StoreError`] if neither slot of the watermark can be read.
    fn watermark(&self, session: SessionUid) -> Result<Watermark, StoreError>;

    /// Damage found while opening that did not keep the store from being read, such as one watermark slot of two.
    fn damage(&self) -> Vec<StoreError>;

    /// The id of the session of that name.
    ///
    /// # Errors
    /// [`StoreError::NoSession`], or if the store cannot be read.
    fn find(&self, name: &str) -> Result<SessionUid, StoreError> {
        let sessions = self.sessions()?;
        let found = sessions.into_iter().find(|(known, _)| known.as_str() == name);
        found.map(|(_, uid)| uid).ok_or_else(|| StoreError::NoSession { session: name.to_owned() })
    }
}

/// Writes logs. One writer a store; several sessions may share it and its commits.
pub trait LogStore: LogReader {
    /// Begins a session under its identity's own name. It comes into being, for whoever else reads the store, with the
    /// first [`LogStore::commit`] after this, together with all that was appended to it by then: a writer that ends
    /// before leaves no session behind.
    ///
    /// # Errors
    /// [`StoreError::SessionExists`] if the name or id is taken, or if the store cannot be written.
    fn create(&mut self, manifest: &Manifest) -> Result<SessionUid, StoreError> {
        self.create_as(manifest, &manifest.identity.name)
    }

    /// The same under another name. The name is the store's own affair: the session's identity, and so its id and its
    /// head, stay what they are.
    ///
    /// # Errors
    /// As [`LogStore::create`].
    fn create_as(&mut self, manifest: &Manifest, name: &SessionName) -> Result<SessionUid, StoreError>;

    /// Puts a Step at the end of a session's log, with the texts that its events refer to. It is durable only after
    /// [`LogStore::commit`].
    ///
    /// # Errors
    /// As [`LogStore::append_frame`]; [`StoreError::Frame`] also for a Step that cannot be stored.
    fn append(
        &mut self,
        session: SessionUid,
        step: &Step,
        contents: &[(ContentRef, Content)],
    ) -> Result<(), StoreError> {
        self.append_frame(session, &encode_frame(step)?, contents)
    }

    /// Puts a Step at the end of a session's log as exactly these bytes, after making sure that they hold one and that
    /// it is the next.
    ///
    /// # Errors
    /// [`StoreError::Frame`] if the bytes are no frame, [`StoreError::Conflict`] unless it begins with the log's next
    /// seq: then nothing was done. [`StoreError`] if it cannot be stored: then the store must be opened again.
    fn append_frame(
        &mut self,
        session: SessionUid,
        frame: &[u8],
        contents: &[(ContentRef, Content)],
    ) -> Result<(), StoreError>;

    /// Makes everything appended so far durable, of all sessions, and moves their watermarks.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written; then nothing is known of what was appended since the last commit.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// The last durable event of a session; 0 for none.
    fn durable_seq(&self, session: SessionUid) -> Seq;

    /// The head over everything appended to a session, durable or not.
    ///
    /// # Errors
    /// [`StoreError::NoSession`] if this store has not begun or opened it.
    fn head(&self, session: SessionUid) -> Result<Head, StoreError>;

    /// Keeps a projection's digest beside the chain, in the place of one of the same seq, projection and version.
    /// Durable with the next commit.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    fn put_checkpoint(&mut self, session: SessionUid, checkpoint: &Checkpoint) -> Result<(), StoreError>;

    /// Saves a state behind the last Step appended, in the place of one that is saved there. Durable with the next commit,
    /// together with that Step.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    fn put_state(&mut self, session: SessionUid, state: &FoldState) -> Result<(), StoreError>;

    /// Erases a text and its salt. The log, its chain and the text's reference stay.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    fn erase(&mut self, session: SessionUid, reference: ContentRef) -> Result<(), StoreError>;
}
