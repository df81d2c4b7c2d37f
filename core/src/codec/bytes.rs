//! Variable-length numbers and bounded reading, for frames, blocks and index keys.

/// Bytes end too early, or a number is written longer than it needs to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Truncated {
    /// The bytes end inside a field.
    #[error("the bytes end after {have} of {need}")]
    Short {
        /// How many there are.
        have: usize,
        /// How many the field needs.
        need: usize,
    },
    /// A variable-length number that is not in its shortest form, or above 64 bits.
    #[error("a number is not in its shortest form")]
    BadVarint,
}

/// Appends `value`, seven bits a byte, lowest first (LEB128).
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0));
}

/// Reads fields off the front of a byte slice; never past its end.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Truncated> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or(Truncated::Short { have: self.rest.len(), need: count })?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let (taken, rest) =
            self.rest.split_first_chunk::<N>().ok_or(Truncated::Short { have: self.rest.len(), need: N })?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Truncated> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Truncated> {
        let mut value = 0_u64;
        for shift in (0_u32..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits.wrapping_shl(shift);
            if shifted.wrapping_shr(shift) != bits {
                return Err(Truncated::BadVarint);
            }
            value |= shifted;
            if byte & 0x80 == 0 {
                let padded = byte == 0 && shift > 0;
                return if padded { Err(Truncated::BadVarint) } else { Ok(value) };
            }
        }
        Err(Truncated::BadVarint)
    }

    pub(crate) fn varint_u32(&mut self) -> Result<u32, Truncated> {
        u32::try_from(self.varint()?).map_err(|_| Truncated::BadVarint)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_reads_back_and_uses_it_all(value: u64) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.varint(), Ok(value));
            prop_assert!(reader.is_empty());
        }
    }

    #[test]
    fn a_padded_or_too_long_number_is_refused() {
        for bad in [&[0x80, 0x00][..], &[0xff; 10], &[0x80]] {
            assert!(Reader::new(bad).varint().is_err(), "{bad:?}");
        }
    }
}
