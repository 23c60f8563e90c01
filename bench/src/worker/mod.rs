//! Persistent worker processes: a panic, an abort, a memory limit or a time-out of one cell is the
//! status of that cell, and the sweep goes on.
//!
//! A worker is the same binary, called so that it ends in [`serve`]. Its standard input is one end
//! of a socket that carries requests and replies; its standard output goes nowhere, so nothing that
//! a cell prints can corrupt them, and the end of its standard error explains a death. The socket
//! closes when the parent dies, however it dies: a worker then ends at once, in the midst of a cell.

mod child;
mod parent;

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::cell::Cell;
use crate::record::Record;

pub use child::serve;
pub use parent::{Spawn, Worker};

/// What a worker is asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// What runs.
    pub cell: Cell,
    /// Point that the reference stage found, if the cell has a reference.
    pub reference: Option<Vec<f64>>,
    /// Threads of the pool the cell runs in.
    pub threads: u32,
    /// Whether the cell runs alone so that its seconds may be compared.
    pub timed: bool,
    /// Cells that run at the same time, itself included.
    pub concurrency: u32,
    /// Bytes of address space, if bounded.
    pub memory: Option<u64>,
}

/// What became of a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// It ran; the status says how it ended.
    Finished(Box<Record>),
    /// A data set is not on this machine.
    Skipped {
        /// What is missing, and what brings it here.
        reason: String,
    },
}

/// Writes `message` behind its length.
fn send<T: Serialize>(stream: &mut impl Write, message: &T) -> io::Result<()> {
    let body = rmp_serde::to_vec_named(message).map_err(io::Error::other)?;
    stream.write_all(&(body.len() as u64).to_le_bytes())?;
    stream.write_all(&body)?;
    stream.flush()
}

/// Reads what [`send`] wrote; `None` at the end of the stream.
fn receive<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 8];
    match stream.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut body = Vec::new();
    let length = u64::from_le_bytes(length);
    if stream.take(length).read_to_end(&mut body)? as u64 != length {
        return Ok(None);
    }
    rmp_serde::from_slice(&body).map(Some).map_err(io::Error::other)
}
