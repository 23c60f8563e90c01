//! Bytes of a data file: unpacked on the way, counted, hashed, bounded.

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

use super::hex;
use crate::DataError;

/// Most bytes that one file may unpack to, and most bytes one array may need: 8 GiB. Beyond it the
/// numbers do not fit the memory of the machines this is made for.
pub(super) const LIMIT: u64 = 8 << 30;

/// No deflate stream expands by more than this (a match of 258 bytes takes at least two bits).
const EXPANSION: u64 = 1032;

/// A stream of bytes of `path`. Reading goes through [`BufRead`]; what was consumed is hashed.
pub(super) struct Source<R> {
    path: PathBuf,
    reader: R,
    /// No more bytes than this can come.
    at_most: u64,
    limit: u64,
    position: u64,
    sum: Sha256,
}

impl Source<Box<dyn BufRead>> {
    /// Opens a file; gzip is told by its first two bytes and unpacked.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let failed = |error| DataError::new(path, format!("cannot be read: {error}"));
        let mut file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let mut magic = Vec::with_capacity(2);
        (&mut file).take(2).read_to_end(&mut magic).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let file = BufReader::with_capacity(1 << 16, file);
        Ok(if magic == [0x1f, 0x8b] {
            let unpacked = BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file));
            Self::new(path, Box::new(unpacked), bytes.saturating_mul(EXPANSION), LIMIT)
        } else {
            Self::new(path, Box::new(file), bytes, LIMIT)
        })
    }
}

impl<R: BufRead> Source<R> {
    /// A stream of at most `at_most` bytes that refuses to give more than `limit`.
    pub(super) fn new(path: &Path, reader: R, at_most: u64, limit: u64) -> Self {
        Self { path: path.into(), reader, at_most, limit, position: 0, sum: Sha256::new() }
    }

    /// An error about this file.
    pub(super) fn error(&self, finding: impl Into<String>) -> DataError {
        DataError::new(&self.path, finding)
    }

    /// An error of reading, with the place.
    pub(super) fn broken(&self, error: &io::Error) -> DataError {
        self.error(match error.kind() {
            ErrorKind::UnexpectedEof => {
                format!("ends too early, after {} bytes: fetch or copy it again", self.position)
            }
            _ => format!("cannot be read after {} bytes: {error}", self.position),
        })
    }

    /// Bytes consumed so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DataError> {
        let mut bytes = [0; N];
        self.read_exact(&mut bytes).map_err(|error| self.broken(&error))?;
        Ok(bytes)
    }

    /// The next `bytes` bytes. Nothing is allocated for bytes that do not come: a header that
    /// promises more than the file can hold is refused first, then memory grows with the data.
    pub(super) fn payload(&mut self, bytes: u64) -> Result<Vec<u8>, DataError> {
        if bytes > self.limit {
            return Err(self.error(format!(
                "the header promises {bytes} bytes, more than the {} that are accepted",
                self.limit
            )));
        }
        if bytes > self.at_most.saturating_sub(self.position) {
            return Err(self.error(format!(
                "the header promises {bytes} bytes after byte {}, but the file can hold no more \
                 than {}: it is truncated or its header is damaged",
                self.position,
                self.at_most.saturating_sub(self.position)
            )));
        }
        let mut payload = Vec::new();
        let start = self.position;
        self.by_ref().take(bytes).read_to_end(&mut payload).map_err(|error| self.broken(&error))?;
        if (payload.len() as u64) < bytes {
            return Err(self.error(format!(
                "ends {} bytes after byte {start}, the header promises {bytes}: fetch or copy it \
                 again",
                payload.len()
            )));
        }
        Ok(payload)
    }

    /// Makes sure that nothing follows.
    pub(super) fn end(&mut self) -> Result<(), DataError> {
        match self.fill_buf() {
            Ok([]) => Ok(()),
            Ok(_) => Err(self.error(format!(
                "more bytes follow byte {}, where its header says it ends",
                self.position
            ))),
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// SHA-256 of what was consumed, hexadecimal.
    pub(super) fn checksum(&self) -> String {
        hex(&self.sum.clone().finalize())
    }
}

impl<R: BufRead> Read for Source<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position > self.limit {
            let message = format!("it unpacks to more than the {} bytes accepted", self.limit);
            return Err(io::Error::other(message));
        }
        self.reader.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        // The bytes are in the buffer already: no reading happens here.
        if count > 0
            && let Ok(buffer) = self.reader.fill_buf()
        {
            self.sum.update(&buffer[..count]);
        }
        self.position += count as u64;
        self.reader.consume(count);
    }
}

/// Whether an array of `elements` x `size` bytes can come out of a file of `bytes` bytes, packed or
/// not, and fits the limit.
pub(super) fn plausible(elements: u64, size: u64, bytes: u64) -> bool {
    let needed = elements.saturating_mul(size);
    needed <= LIMIT && needed <= bytes.saturating_mul(EXPANSION)
}

/// SHA-256 of the unpacked content of a file, hexadecimal.
pub(super) fn content_sum(path: &Path) -> Result<String, DataError> {
    let mut source = Source::open(path)?;
    io::copy(&mut source, &mut io::sink()).map_err(|error| source.broken(&error))?;
    Ok(source.checksum())
}

/// SHA-256 of a file as it lies there, hexadecimal.
pub(super) fn file_sum(path: &Path) -> Result<String, DataError> {
    let failed = |error| DataError::new(path, format!("cannot be read: {error}"));
    let mut sum = Sha256::new();
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
    loop {
        let buffer = reader.fill_buf().map_err(failed)?;
        if buffer.is_empty() {
            return Ok(hex(&sum.finalize()));
        }
        sum.update(buffer);
        let count = buffer.len();
        reader.consume(count);
    }
}
