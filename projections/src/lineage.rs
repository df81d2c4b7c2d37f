//! Where a session begins: with nothing, or with the final ledger of the session that it continues.
//!
//! A continued session's identity names its parent, the head over the parent's log where it was continued, and the digest
//! of the ledger there. Whoever folds such a session folds its parents first, from the first of them.

use retrace_core::chain::{BlockLimits, OpenBlock, genesis};
use retrace_core::event::{Head, SessionContinued};
use retrace_core::ids::{Seq, SessionName, SessionUid};
use retrace_core::log::{LogFault, read_frames};
use retrace_core::manifest::Identity;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, StoreError};
use retrace_core::time::Timestamp;

use crate::ledger::{Book, BrokenHistory};

/// What a session begins with.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The book before its first event.
    pub book: Book,
    /// The sessions that it continues, the first of them first. None where it begins with nothing.
    pub ancestors: Vec<Ancestor>,
}

/// A session that another one continues, up to where it does.
#[derive(Clone, Debug)]
pub struct Ancestor {
    /// Its name in the store.
    pub name: SessionName,
    /// Its id.
    pub uid: SessionUid,
    /// What it is.
    pub identity: Identity,
    /// Its last event before the other one began; 0 for none.
    pub events: Seq,
    /// The head over its log up to there.
    pub head: Head,
    /// When that event was.
    pub last: Option<Timestamp>,
    /// The digest of its ledger there, as it is folded now.
    pub digest: [u8; 32],
    /// Whether it is the one that the other session began with. It may not be where the fold is of another version by now:
    /// the log is the same.
    pub agrees: bool,
}

/// A session that another one continues cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LineageFault {
    /// It is not in the store.
    #[error("it continues session {parent}, which is not there")]
    NotThere {
        /// Its id.
        parent: SessionUid,
    },
    /// The log of that session is another one.
    #[error(
        "it continues session {name} at head {recorded}, and no event of that session has that head: its last, event {events}, has {found}"
    )]
    OtherLog {
        /// Its name.
        name: SessionName,
        /// The head where it was continued.
        recorded: Head,
        /// The head over the log that it has.
        found: Head,
        /// Its last event.
        events: Seq,
    },
    /// Sessions continue each other in a circle, which no hash allows.
    #[error("it continues session {name}, which continues it")]
    Circle {
        /// Its name.
        name: SessionName,
    },
    /// Its log cannot be read.
    #[error("it continues session {name}: {source}")]
    Log {
        /// Its name.
        name: SessionName,
        /// What is wrong.
        source: LogFault,
    },
    /// Its log cannot be folded.
    #[error("it continues session {name}: {source}")]
    History {
        /// Its name.
        name: SessionName,
        /// What is wrong.
        source: BrokenHistory,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Origin {
    /// What a session begins with that continues none.
    pub fn fresh(identity: &Identity) -> Self {
        Self { book: Book::new(identity), ancestors: Vec::new() }
    }

    /// The same of one whose parents are not at hand.
    ///
    /// # Errors
    /// [`LineageFault::NotThere`] if it continues one.
    pub fn without_parents(identity: &Identity) -> Result<Self, LineageFault> {
        identity.continues.map_or_else(|| Ok(Self::fresh(identity)), |from| Err(from.into()))
    }

    /// What the session of that identity begins with. `reader` has the sessions that it continues.
    ///
    /// # Errors
    /// [`LineageFault`] if it continues a session that is not there as it was.
    pub fn of(reader: &dyn LogReader, identity: &Identity) -> Result<Self, LineageFault> {
        let parent = Self::left_by_the_parent(reader, identity)?;
        Ok(parent.map_or_else(
            || Self::fresh(identity),
            |Self { book, ancestors }| Self { book: Book::continuing(identity, book), ancestors },
        ))
    }

    /// The last book of the session that one of that identity continues, as it stood there; `None` where it continues none.
    ///
    /// # Errors
    /// As [`Origin::of`].
    pub fn left_by_the_parent(reader: &dyn LogReader, identity: &Identity) -> Result<Option<Self>, LineageFault> {
        let line = line_of(reader, identity)?;
        let mut ancestors = Vec::with_capacity(line.len());
        let mut before: Option<Book> = None;
        for (from, name, of) in line {
            let mut book = begin(&of, before.take());
            let end = fold(reader, from.parent, &name, &mut book, Some(from.head))?;
            let digest = book.ledger().digest();
            let agrees = digest == from.ledger_digest;
            let Folded { events, head, last } = end;
            ancestors.push(Ancestor { name, uid: from.parent, identity: of, events, head, last, digest, agrees });
            before = Some(book);
        }
        Ok(before.map(|book| Self { book, ancestors }))
    }

    /// What a session begins with that continues the session `parent` where that one's log ends now. Its identity is to
    /// say the same as [`Ancestor::continued`] of the last ancestor; [`Origin::book`] is the parent's own last book.
    ///
    /// # Errors
    /// [`LineageFault`] if the parent's log is not whole, or does not fold.
    pub fn at_the_end_of(reader: &dyn LogReader, parent: SessionUid) -> Result<Self, LineageFault> {
        let name = name_of(reader, parent)?;
        let identity = reader.manifest(parent)?.identity;
        let Self { mut book, mut ancestors } = Self::of(reader, &identity)?;
        let Folded { events, head, last } = fold(reader, parent, &name, &mut book, None)?;
        let digest = book.ledger().digest();
        ancestors.push(Ancestor { name, uid: parent, identity, events, head, last, digest, agrees: true });
        Ok(Self { book, ancestors })
    }
}

impl Ancestor {
    /// What a session says that continues it there.
    pub const fn continued(&self) -> SessionContinued {
        SessionContinued { parent: self.uid, head: self.head, ledger_digest: self.digest }
    }

    /// Gives every Step of its log up to there to `take`, in order.
    ///
    /// # Errors
    /// [`LineageFault`] if its log is not as it was when it was folded.
    pub fn read(&self, reader: &dyn LogReader, take: &mut dyn FnMut(&Step)) -> Result<(), LineageFault> {
        read(reader, self.uid, &self.name, &self.identity, Some(self.head), &mut |step| {
            take(step);
            Ok(())
        })
        .map(|_| ())
    }
}

impl From<SessionContinued> for LineageFault {
    fn from(from: SessionContinued) -> Self {
        Self::NotThere { parent: from.parent }
    }
}

fn begin(identity: &Identity, before: Option<Book>) -> Book {
    before.map_or_else(|| Book::new(identity), |parent| Book::continuing(identity, parent))
}

/// A session that is continued: by what, its name, what it is.
type Link = (SessionContinued, SessionName, Identity);

/// The sessions that one continues, the first of them first.
fn line_of(reader: &dyn LogReader, identity: &Identity) -> Result<Vec<Link>, LineageFault> {
    let mut line: Vec<Link> = Vec::new();
    let mut next = identity.continues;
    while let Some(from) = next {
        let name = name_of(reader, from.parent)?;
        if line.iter().any(|(known, _, _)| known.parent == from.parent) {
            return Err(LineageFault::Circle { name });
        }
        let identity = reader.manifest(from.parent)?.identity;
        next = identity.continues;
        line.push((from, name, identity));
    }
    line.reverse();
    Ok(line)
}

fn name_of(reader: &dyn LogReader, session: SessionUid) -> Result<SessionName, LineageFault> {
    let known = reader.sessions()?.into_iter().find(|(_, uid)| *uid == session);
    known.map(|(name, _)| name).ok_or(LineageFault::NotThere { parent: session })
}

/// How far a log was folded.
struct Folded {
    events: Seq,
    head: Head,
    last: Option<Timestamp>,
}

fn fold(
    reader: &dyn LogReader,
    session: SessionUid,
    name: &SessionName,
    book: &mut Book,
    until: Option<Head>,
) -> Result<Folded, LineageFault> {
    let identity = reader.manifest(session)?.identity;
    read(reader, session, name, &identity, until, &mut |step| {
        step.events.iter().try_for_each(|event| book.apply(event))
    })
}

/// Reads a log to its end, or to where its head is `until`: it may have gone on since.
fn read(
    reader: &dyn LogReader,
    session: SessionUid,
    name: &SessionName,
    identity: &Identity,
    until: Option<Head>,
    take: &mut dyn FnMut(&Step) -> Result<(), BrokenHistory>,
) -> Result<Folded, LineageFault> {
    let (_, start) = genesis(identity);
    let mut open = OpenBlock::first(session, start, BlockLimits::FORMAT_1);
    let mut folded = Folded { events: Seq(0), head: open.head(), last: None };
    if until == Some(folded.head) {
        return Ok(folded);
    }
    let mut broken = None;
    let read = read_frames(reader, session, &mut |frame, step| {
        broken = take(&step).err();
        let _ = open.push(frame, u32::try_from(step.events.len()).unwrap_or(u32::MAX));
        folded = Folded { events: step.last_seq(), head: open.head(), last: Some(step.time) };
        broken.is_none() && until != Some(folded.head)
    });
    if let Some(source) = broken {
        return Err(LineageFault::History { name: name.clone(), source });
    }
    let named = |source| LineageFault::Log { name: name.clone(), source };
    read.map_err(named)?;
    match until {
        Some(recorded) if recorded != folded.head => {
            let Folded { events, head: found, .. } = folded;
            Err(LineageFault::OtherLog { name: name.clone(), recorded, found, events })
        }
        Some(_) | None => Ok(folded),
    }
}
