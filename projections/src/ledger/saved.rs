//! A book as bytes and back: what a state is that is saved beside the chain.
//!
//! The bytes are good for the code that wrote them and for no other: they are the live types as they stand, in `bincode`,
//! under a digest of the sources that say what those are. Nothing else here stores a live type.

use std::collections::BTreeMap;

use bincode::Encode;
use retrace_core::ids::PlanNo;
use retrace_core::saved::{FoldState, SavedAt, SavedBy};
use retrace_core::step::TapePosition;
use retrace_core::time::Timestamp;

use super::{Book, Ledger, PROJECTION, PROJECTION_VERSION, Plan};

/// A state that cannot be had from what is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoState {
    /// Other code saved it: another version of the fold, or one whose state is written down otherwise.
    #[error("it was saved by other code")]
    OtherCode,
    /// Its bytes are not those that were saved, or no book.
    #[error("it is damaged")]
    Damaged,
}

/// What this build's states are saved under.
pub fn saved_by() -> SavedBy {
    let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 schema of a saved state");
    hasher.update(env!("RETRACE_FOLD_SOURCES").as_bytes());
    SavedBy { projection: PROJECTION.to_owned(), version: PROJECTION_VERSION, schema: *hasher.finalize().as_bytes() }
}

/// A book in the parts in which a run has it. Is written down as a [`Book`] is.
#[derive(Encode)]
struct Parts<'a> {
    ledger: &'a Ledger,
    archive: BTreeMap<PlanNo, &'a Plan>,
    ended_before: BTreeMap<PlanNo, &'a Plan>,
}

impl Book {
    /// What is saved of a run that began with this book, behind a Step of that time and tape: `ledger` is its ledger then,
    /// `sealed` are the plans that have left it since. `None` where that is beyond what can be saved.
    pub fn save_run(
        &self,
        ledger: &Ledger,
        sealed: &BTreeMap<PlanNo, Plan>,
        time: Timestamp,
        tape: TapePosition,
    ) -> Option<FoldState> {
        // One that was brought back is at work again; one that ended before and is as it was then is no part of the run.
        let before = |no: &PlanNo| self.ended_before.get(no);
        let away = |no: &PlanNo| ledger.plan(*no).is_none();
        let archive = sealed.iter().filter(|(no, plan)| away(no) && before(no) != Some(plan));
        let archive: BTreeMap<PlanNo, &Plan> = archive.map(|(no, plan)| (*no, plan)).collect();
        let ended_before = self.ended_before.iter().filter(|(no, _)| away(no) && !archive.contains_key(no));
        let ended_before = ended_before.map(|(no, plan)| (*no, plan)).collect();
        let bytes = bincode::encode_to_vec(Parts { ledger, archive, ended_before }, CONFIG);
        let bytes = bytes.ok().filter(|bytes| bytes.len() < BYTES_MAX)?;
        Some(FoldState { by: saved_by(), time, tape, bytes })
    }

    /// The bytes that are saved of it; `None` where it is beyond what can be saved.
    pub fn save(&self) -> Option<Vec<u8>> {
        bincode::encode_to_vec(self, CONFIG).ok().filter(|bytes| bytes.len() < BYTES_MAX)
    }

    /// The book that was saved at `place` as `bytes`.
    ///
    /// # Errors
    /// [`NoState`] unless this code saved exactly these bytes there.
    pub fn saved(place: &SavedAt, bytes: &[u8]) -> Result<Self, NoState> {
        if place.by != saved_by() {
            return Err(NoState::OtherCode);
        }
        if !place.is_of(bytes) {
            return Err(NoState::Damaged);
        }
        let (book, read): (Self, usize) = bincode::decode_from_slice(bytes, CONFIG).map_err(|_| NoState::Damaged)?;
        let whole = read == bytes.len() && book.ledger.seq() == place.seq;
        whole.then_some(book).ok_or(NoState::Damaged)
    }
}

/// Bounds what is taken from the memory before anything is known to be there.
const BYTES_MAX: usize = 1 << 32;

const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<BYTES_MAX>,
> = bincode::config::standard().with_limit::<BYTES_MAX>();
