//! Frames of a journal: how bytes become records again after any damage.
//!
//! ```text
//! file  = MAGIC frame*
//! frame = MARK  crc32(length, payload): u32  length: u64  payload      (little endian)
//! ```
//! The payload's first byte says what follows: `M` the machine (UTF-8), `R` a record (`MessagePack`
//! with names). The mark lets a reader find the next frame behind a damaged one; the checksum
//! decides whether it is one.

use xxhash_rust::xxh3::xxh3_64;

use crate::record::Record;

pub(super) const MAGIC: &[u8; 8] = b"CVGJRNL1";
const MARK: [u8; 4] = [0xC5, 0x9E, 0x1A, 0xD7];
const HEAD: usize = 16;

/// A record with the digest of its content, by which copies of it are recognised.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) record: Record,
    pub(super) digest: u64,
}

/// What a journal holds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The machine that wrote it; empty if that is not readable.
    pub(super) machine: String,
    /// Every whole record, in order.
    pub(super) records: Vec<Stored>,
    /// Damage between whole frames, or a whole frame of unknown content: the bytes are worth keeping.
    pub(super) damage: Vec<String>,
    /// Nothing in it is ours; `damage` says so.
    pub(super) foreign: bool,
    /// An unfinished last frame.
    pub(super) torn: Option<String>,
}

/// The frame around the machine.
pub(super) fn machine(text: &str) -> Vec<u8> {
    frame(b'M', text.as_bytes())
}

/// The frame around a record.
pub(super) fn record(record: &Record) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    Ok(frame(b'R', &rmp_serde::to_vec_named(record)?))
}

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u64 + 1).to_le_bytes();
    let mut crc = crc32fast::Hasher::new();
    crc.update(&length);
    crc.update(&[kind]);
    crc.update(body);
    let mut bytes = Vec::with_capacity(HEAD + 1 + body.len());
    bytes.extend_from_slice(&MARK);
    bytes.extend_from_slice(&crc.finalize().to_le_bytes());
    bytes.extend_from_slice(&length);
    bytes.push(kind);
    bytes.extend_from_slice(body);
    bytes
}

/// The payload of the frame that starts at `bytes[0]`, if it is whole.
fn payload(bytes: &[u8]) -> Option<&[u8]> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    if head[..4] != MARK {
        return None;
    }
    let crc = u32::from_le_bytes(head[4..8].try_into().ok()?);
    let length = u64::from_le_bytes(head[8..].try_into().ok()?);
    let payload = rest.get(..usize::try_from(length).ok()?)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&head[8..]);
    hasher.update(payload);
    (hasher.finalize() == crc).then_some(payload)
}

/// Reads a journal. Never fails: what is not whole is named in the result.
pub(super) fn scan(bytes: &[u8]) -> Scan {
    let mut scan = Scan::default();
    if MAGIC.starts_with(bytes) {
        // Killed in its first write, before there was anything to lose.
        return scan;
    }
    let ours = bytes.starts_with(MAGIC);
    if !ours {
        scan.damage.push("the first 8 bytes are not those of a journal".into());
    }
    let frames = scan.frames(bytes);
    if !ours && frames == 0 {
        scan = Scan { foreign: true, ..Scan::default() };
        scan.damage.push("not a journal of this program".into());
    }
    scan
}

/// Whether `bytes` may be the beginning of a frame whose writing was cut off.
fn is_prefix(bytes: &[u8]) -> bool {
    let mark = bytes.len().min(MARK.len());
    if bytes[..mark] != MARK[..mark] {
        return false;
    }
    let Some(length) = bytes.get(8..HEAD).and_then(|length| length.try_into().ok()) else {
        return true;
    };
    (bytes.len() as u64) < (HEAD as u64).saturating_add(u64::from_le_bytes(length))
}

impl Scan {
    /// Takes every whole frame of a journal and names what is between them; returns their number.
    fn frames(&mut self, bytes: &[u8]) -> usize {
        let (mut at, mut frames) = (MAGIC.len().min(bytes.len()), 0);
        while at < bytes.len() {
            if let Some(payload) = payload(&bytes[at..]) {
                self.take(payload, at);
                at += HEAD + payload.len();
                frames += 1;
                continue;
            }
            let next = (at + 1..bytes.len())
                .find(|&next| bytes[next] == MARK[0] && payload(&bytes[next..]).is_some());
            let lost = next.unwrap_or(bytes.len()) - at;
            if next.is_none() && is_prefix(&bytes[at..]) {
                self.torn = Some(format!(
                    "the last record is unfinished: {lost} bytes from byte {at} are dropped"
                ));
            } else {
                self.damage.push(format!("{lost} damaged bytes from byte {at} are skipped"));
            }
            at += lost;
        }
        frames
    }

    fn take(&mut self, payload: &[u8], at: usize) {
        match payload.split_first() {
            Some((b'M', body)) => self.machine = String::from_utf8_lossy(body).into_owned(),
            Some((b'R', body)) => match rmp_serde::from_slice(body) {
                Ok(record) => self.records.push(Stored { record, digest: xxh3_64(body) }),
                Err(error) => self.damage.push(format!(
                    "the record at byte {at} is whole but of another version of this program: {error}"
                )),
            },
            _ => self.damage.push(format!("the frame at byte {at} is of an unknown kind")),
        }
    }
}
