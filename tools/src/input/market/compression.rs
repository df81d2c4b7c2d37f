//! The bytes of a market file, unpacked as its name says. Holds no more of it at once than the packing's own window.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use serde::Serialize;

use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

/// What unpacking may hold at once, in bytes: four times what `xz -9` needs. A file that asks for more is refused.
const MEMORY_MAX: u64 = 256 << 20;

/// The longest row that is read, in bytes, line ends and blank lines before it included.
pub(super) const ROW_BYTES_MAX: usize = 64 << 10;

/// How a file is packed, told by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Plain text.
    None,
    /// `.xz`, of any number of streams.
    Xz,
    /// `.gz`, of any number of members.
    Gz,
    /// `.zst`, of any number of frames.
    Zst,
}

impl Compression {
    /// What the name of the file says, in upper or lower case.
    pub fn of(path: &Path) -> Self {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("xz") => Self::Xz,
            Some("gz") => Self::Gz,
            Some("zst") => Self::Zst,
            _ => Self::None,
        }
    }

    /// What the first bytes of a file say; `None` also for text.
    fn of_bytes(head: &[u8]) -> Self {
        match head {
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x1f, 0x8b, ..] => Self::Gz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zst,
            _ => Self::None,
        }
    }

    /// How such a file's name ends; empty for plain text.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Xz => ".xz",
            Self::Gz => ".gz",
            Self::Zst => ".zst",
        }
    }
}

/// Opens the file at `path` and unpacks it as its name says.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>, InputProblem> {
    let unreadable = |error: io::Error| unreadable(path, &error);
    let mut packed = BufReader::new(File::open(path).map_err(unreadable)?);
    let head = packed.fill_buf().map_err(unreadable)?;
    let (named, found) = (Compression::of(path), Compression::of_bytes(head));
    if found != Compression::None && found != named {
        return Err(InputProblem::new(path, Rule::OtherCompression { ending: found.ending() }));
    }
    if head.starts_with(b"PK\x03\x04") {
        return Err(InputProblem::new(path, Rule::ZipArchive));
    }
    unpack(packed, named).map_err(unreadable)
}

fn unpack<'a>(packed: impl BufRead + 'a, compression: Compression) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::None => Box::new(packed),
        Compression::Xz => {
            let stream = Stream::new_stream_decoder(MEMORY_MAX, CONCATENATED).map_err(io::Error::other)?;
            Box::new(XzDecoder::new_stream(packed, stream))
        }
        Compression::Gz => Box::new(MultiGzDecoder::new(packed)),
        Compression::Zst => Box::new(ZstdFrames::new(packed)),
    })
}

/// What went wrong while the file at `path` was read.
pub(super) fn problem(path: &Path, error: &io::Error) -> InputProblem {
    if error.get_ref().and_then(|inner| inner.downcast_ref::<RowTooLong>()).is_some() {
        return InputProblem::new(path, Rule::RowTooLong { max: ROW_BYTES_MAX });
    }
    match Compression::of(path) {
        Compression::None => unreadable(path, error),
        Compression::Xz | Compression::Gz | Compression::Zst => {
            InputProblem::new(path, Rule::Damaged { reason: error.to_string() })
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> InputProblem {
    InputProblem::new(path, Rule::Unreadable { reason: error.to_string() })
}

/// All frames of a zstd file, one after the other. The decoder itself reads one, and checks no checksum.
struct ZstdFrames<R> {
    packed: R,
    decoder: FrameDecoder,
    inside: Option<u64>,
    frames: u64,
}

impl<R: BufRead> ZstdFrames<R> {
    fn new(packed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MEMORY_MAX);
        Self { packed, decoder, inside: None, frames: 0 }
    }

    /// Begins the next frame; whether there is one.
    fn begin(&mut self) -> io::Result<bool> {
        if self.packed.fill_buf()?.is_empty() {
            return if self.frames == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(false) };
        }
        match self.decoder.reset(&mut self.packed) {
            Ok(()) => self.inside = Some(0),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let skipped = io::copy(&mut self.packed.by_ref().take(length.into()), &mut io::sink())?;
                if skipped < u64::from(length) {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Err(error) => return Err(zstd_error(&error)),
        }
        self.frames += 1;
        Ok(true)
    }

    /// Ends the frame, which gave `bytes` bytes.
    fn end(&mut self, bytes: u64) -> io::Result<()> {
        self.inside = None;
        let stated = self.decoder.content_size();
        if stated != 0 && stated != bytes {
            return Err(io::Error::other("the length is not the stated one"));
        }
        match self.decoder.get_checksum_from_data() {
            Some(stated) if self.decoder.get_calculated_checksum() != Some(stated) => {
                Err(io::Error::other("the checksum does not fit"))
            }
            _ => Ok(()),
        }
    }
}

/// In the words that the other packings have.
fn zstd_error(error: &FrameDecoderError) -> io::Error {
    let ends_early = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref().is_some_and(ends_early) {
            return io::ErrorKind::UnexpectedEof.into();
        }
        cause = error.source();
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "a foreign list that may grow; all the rest is damage")]
    match error {
        FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::BadMagicNumber(_)) => {
            io::Error::other("invalid zstd header")
        }
        FrameDecoderError::WindowSizeTooBig { .. } => io::Error::other("it asks for more memory than it may have"),
        _ => io::Error::other("corrupt zstd data"),
    }
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match self.inside {
                None => {
                    if !self.begin()? {
                        return Ok(0);
                    }
                }
                Some(bytes) if self.decoder.can_collect() > 0 => {
                    let read = self.decoder.read(buffer)?;
                    self.inside = Some(bytes + read as u64);
                    return Ok(read);
                }
                Some(bytes) if self.decoder.is_finished() => self.end(bytes)?,
                Some(_) => {
                    let one = BlockDecodingStrategy::UptoBlocks(1);
                    self.decoder.decode_blocks(&mut self.packed, one).map_err(|error| zstd_error(&error))?;
                }
            }
        }
    }
}

/// Reads on only while a row is short enough: few packed bytes may unpack to a row that no memory holds.
pub(crate) struct Bounded<R> {
    source: R,
    since_row: Rc<Cell<usize>>,
}

/// What [`Bounded`] stops with.
#[derive(Debug, thiserror::Error)]
#[error("a row is too long")]
struct RowTooLong;

impl<R: Read> Bounded<R> {
    /// Reads from `source`; `since_row` is set to zero after each row by who reads them.
    pub(crate) fn new(source: R, since_row: Rc<Cell<usize>>) -> Self {
        Self { source, since_row }
    }
}

/// The most bytes that are unpacked only to see whether they can be.
const REST_MAX: u64 = 1 << 30;

/// Unpacks what is left, into nothing.
pub(super) fn rest<R: Read>(bounded: Bounded<R>) -> io::Result<u64> {
    io::copy(&mut bounded.source.take(REST_MAX), &mut io::sink())
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row.get() > ROW_BYTES_MAX {
            return Err(io::Error::other(RowTooLong));
        }
        let read = self.source.read(buffer)?;
        self.since_row.set(self.since_row.get() + read);
        Ok(read)
    }
}
