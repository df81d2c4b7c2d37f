//! Index entries: which block holds what. A function of the frames alone, so every store has the same, and `verify`
//! makes them again and compares.

use std::collections::BTreeSet;

use crate::codec::decode_fact;
use crate::event::{Decision, Fact, Input};
use crate::frame::{FrameError, read_frame};
use crate::ids::{DirectiveId, PlanId, PlanNo, Seq};

/// One entry. As bytes (see [`IndexEntry::key`]) entries sort so that those of one plan or name stand together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IndexEntry {
    /// Block `block` holds events of plan `plan`.
    Plan {
        /// The plan's number.
        plan: PlanNo,
        /// The block's number.
        block: u32,
    },
    /// The directive was received at `seq`.
    Directive {
        /// Its id.
        directive: DirectiveId,
        /// Where.
        seq: Seq,
    },
    /// Block `block` holds events of kind `kind`.
    Kind {
        /// The kind number.
        kind: u16,
        /// The block's number.
        block: u32,
    },
    /// The plan of that name has that number.
    PlanName {
        /// Its public id.
        plan_id: PlanId,
        /// Its number.
        plan: PlanNo,
    },
}

impl IndexEntry {
    /// The entry as a key: a tag, then its fields, numbers big-endian, a name ended by a zero byte.
    pub fn key(&self) -> Vec<u8> {
        let mut key = Vec::new();
        match self {
            Self::Plan { plan, block } => {
                key.extend_from_slice(&Self::plan_prefix(*plan));
                key.extend_from_slice(&block.to_be_bytes());
            }
            Self::Directive { directive, seq } => {
                key.extend_from_slice(&Self::directive_prefix(directive));
                key.extend_from_slice(&seq.0.to_be_bytes());
            }
            Self::Kind { kind, block } => {
                key.push(b'k');
                key.extend_from_slice(&kind.to_be_bytes());
                key.extend_from_slice(&block.to_be_bytes());
            }
            Self::PlanName { plan_id, plan } => {
                key.extend_from_slice(&Self::plan_name_prefix(plan_id));
                key.extend_from_slice(&plan.0.to_be_bytes());
            }
        }
        key
    }

    /// The entry that `key` is, `None` if it is none.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        let (tag, rest) = key.split_first()?;
        let entry = match tag {
            b'p' => {
                let (plan, block) = rest.split_first_chunk::<4>()?;
                let plan = PlanNo(u32::from_be_bytes(*plan));
                Self::Plan { plan, block: u32::from_be_bytes(block.try_into().ok()?) }
            }
            b'd' => {
                let (name, seq) = rest.split_at_checked(rest.len().checked_sub(9)?)?;
                let directive = DirectiveId::new(std::str::from_utf8(name).ok()?).ok()?;
                let seq = seq.strip_prefix(&[0])?;
                Self::Directive { directive, seq: Seq(u64::from_be_bytes(seq.try_into().ok()?)) }
            }
            b'k' => {
                let (kind, block) = rest.split_first_chunk::<2>()?;
                Self::Kind { kind: u16::from_be_bytes(*kind), block: u32::from_be_bytes(block.try_into().ok()?) }
            }
            b'n' => {
                let (name, plan) = rest.split_at_checked(rest.len().checked_sub(5)?)?;
                let plan_id = PlanId::new(std::str::from_utf8(name).ok()?).ok()?;
                let plan = plan.strip_prefix(&[0])?;
                Self::PlanName { plan_id, plan: PlanNo(u32::from_be_bytes(plan.try_into().ok()?)) }
            }
            _ => return None,
        };
        Some(entry)
    }

    /// What the keys of all blocks of a plan begin with.
    pub fn plan_prefix(plan: PlanNo) -> Vec<u8> {
        [&b"p"[..], &plan.0.to_be_bytes()].concat()
    }

    /// What the key of a directive begins with.
    pub fn directive_prefix(directive: &DirectiveId) -> Vec<u8> {
        [b"d", directive.as_str().as_bytes(), &[0]].concat()
    }

    /// What the key of a plan's name begins with.
    pub fn plan_name_prefix(plan_id: &PlanId) -> Vec<u8> {
        [b"n", plan_id.as_str().as_bytes(), &[0]].concat()
    }
}

/// The entries of one frame that stands in block `block`.
///
/// # Errors
/// [`FrameError`] if the frame cannot be read.
pub fn index_entries(frame: &[u8], block: u32) -> Result<BTreeSet<IndexEntry>, FrameError> {
    const DIRECTIVE_RECEIVED: u16 = 3;
    const PLAN_ACCEPTED: u16 = 103;
    let (_, events) = read_frame(frame)?;
    let mut entries = BTreeSet::new();
    for raw in events {
        entries.insert(IndexEntry::Kind { kind: raw.kind, block });
        if let Some(plan) = raw.plan {
            entries.insert(IndexEntry::Plan { plan, block });
        }
        if !matches!(raw.kind, DIRECTIVE_RECEIVED | PLAN_ACCEPTED) {
            continue;
        }
        let fact = decode_fact(raw.kind, raw.version, raw.order, raw.payload)
            .map_err(|source| FrameError::Payload { seq: raw.seq, source })?;
        if let Fact::Input(Input::DirectiveReceived(directive)) = fact {
            entries.insert(IndexEntry::Directive { directive: directive.directive_id, seq: raw.seq });
        } else if let (Fact::Decision(Decision::PlanAccepted { plan_id, .. }), Some(plan)) = (fact, raw.plan) {
            entries.insert(IndexEntry::PlanName { plan_id, plan });
        }
    }
    Ok(entries)
}
