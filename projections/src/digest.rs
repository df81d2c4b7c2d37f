//! Digests of sets: the same whatever the order in which the members came, and cheap to change by one member.

use bincode::{Decode, Encode};

/// The sum of its members' BLAKE3 digests, as four 64-bit lanes that wrap. Adding and taking away undo each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct SetDigest([u64; 4]);

impl SetDigest {
    /// Puts a member in.
    pub fn add(&mut self, member: &[u8; 32]) {
        for (lane, value) in self.0.iter_mut().zip(lanes(member)) {
            *lane = lane.wrapping_add(value);
        }
    }

    /// Takes a member out again.
    pub fn remove(&mut self, member: &[u8; 32]) {
        for (lane, value) in self.0.iter_mut().zip(lanes(member)) {
            *lane = lane.wrapping_sub(value);
        }
    }

    /// The sum as bytes.
    pub fn bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, lane) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&lane.to_le_bytes());
        }
        bytes
    }
}

fn lanes(member: &[u8; 32]) -> impl Iterator<Item = u64> + '_ {
    member.as_chunks::<8>().0.iter().map(|chunk| u64::from_le_bytes(*chunk))
}
