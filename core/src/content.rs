//! Erasable content: free text stands beside the log, which holds only a salted digest of it.
//!
//! Erasing a text with its salt leaves the chain whole and the digest meaningless (DESIGN 4). A backtest derives its
//! salts from its identity, so that two runs write the same bytes; a live session draws them at random.

use bincode::{Decode, Encode};
use std::fmt;

use serde::{Serialize, Serializer};

use crate::ids::{DirectiveId, SessionUid};

/// Random or derived bytes that keep a digest from being guessed from likely texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

/// The commitment to a text: BLAKE3 of its salt and itself. Also the key under which the store keeps the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ContentRef(pub [u8; 32]);

/// A free text with its salt, as it stands beside the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its salt.
    pub salt: Salt,
    /// The text.
    pub text: String,
}

impl Salt {
    /// The salt that a backtest uses for the texts of `directive`.
    pub fn derived(session: SessionUid, directive: &DirectiveId) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 backtest content salt");
        hasher.update(&session.0);
        hasher.update(directive.as_str().as_bytes());
        let mut salt = [0; 16];
        hasher.finalize_xof().fill(&mut salt);
        Self(salt)
    }
}

impl Content {
    /// The commitment that the log holds.
    pub fn reference(&self) -> ContentRef {
        let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 erasable content");
        hasher.update(&self.salt.0);
        hasher.update(self.text.as_bytes());
        ContentRef(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for ContentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for ContentRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A digest as hex digits, for serde.
pub(crate) fn hex<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&ContentRef(*bytes))
}
