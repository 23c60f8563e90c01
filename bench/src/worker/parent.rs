//! The parent's side of a worker.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::child::blank;
use super::{Outcome, Request, receive, send};
use crate::clock::{Clock, Monotonic};
use crate::memory::peak_bytes;
use crate::record::{Record, Status};

/// How often a waiting parent looks at its time limit and at the interrupt, in seconds.
const TICK: f64 = 0.05;
/// What the allocator of the GNU library keeps: blocks from 256 KiB on go back to the system when they
/// are freed, so that a cell neither starts with the memory of the one before nor counts it as its own.
/// Left alone, it raises this bound to 32 MiB and keeps hundreds of MiB. Other libraries ignore it.
const ALLOCATOR: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "262144"), ("MALLOC_TRIM_THRESHOLD_", "1048576")];
/// How much of a worker's standard error explains its death, in bytes.
const TAIL: usize = 2000;

/// Makes the command that ends in [`serve`](super::serve).
pub type Spawn = Arc<dyn Fn() -> Command + Send + Sync>;

/// A worker process, started when it is first needed and again after it died.
pub struct Worker {
    spawn: Spawn,
    running: Option<Running>,
}

struct Running {
    child: Child,
    stream: UnixStream,
    stderr: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Worker {
    /// A worker that `spawn` starts.
    pub fn new(spawn: Spawn) -> Self {
        Self { spawn, running: None }
    }

    /// Runs a cell to its end, or ends it after `seconds` of wall-clock time or once one of
    /// `interrupts` is set. Whatever happens to the process becomes the status of the record.
    ///
    /// # Errors
    /// If no worker process can be started.
    pub fn run(
        &mut self,
        request: &Request,
        seconds: f64,
        interrupts: &[&AtomicBool],
    ) -> io::Result<Outcome> {
        let fresh = self.running.is_none();
        let mut running = self.ready()?;
        if send(&mut running.stream, request).is_err() && !fresh {
            // It died between two cells, which is nothing to this one.
            running = {
                self.running = None;
                self.ready()?
            };
            let _ = send(&mut running.stream, request);
        }
        match running.wait(seconds, interrupts) {
            Ok(outcome) => Ok(outcome),
            Err(end) => {
                let status = running.post_mortem(end, request.memory);
                self.running = None;
                let mut record: Record = blank(request);
                record.header.status = status;
                Ok(Outcome::Finished(Box::new(record)))
            }
        }
    }

    fn ready(&mut self) -> io::Result<&mut Running> {
        if self.running.is_none() {
            self.running = Some(Running::start((self.spawn)())?);
        }
        Ok(self.running.as_mut().expect("it was just started"))
    }
}

/// Why there is no reply.
enum End {
    Died { peak: u64 },
    TimedOut,
    Interrupted,
}

impl Running {
    fn start(mut command: Command) -> io::Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        stream.set_read_timeout(Some(Duration::from_secs_f64(TICK)))?;
        let mut child = command
            .envs(ALLOCATOR)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal reaches the whole group; the parent alone decides.
            .process_group(0)
            .spawn()?;
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let mut pipe = child.stderr.take().expect("standard error is piped");
        let kept = Arc::clone(&stderr);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                let mut kept = kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                kept.extend_from_slice(&buffer[..count]);
                let surplus = kept.len().saturating_sub(TAIL);
                kept.drain(..surplus);
            }
        });
        Ok(Self { child, stream, stderr, reader: Some(reader) })
    }

    fn wait(&mut self, seconds: f64, interrupts: &[&AtomicBool]) -> Result<Outcome, End> {
        let mut clock = Monotonic::start();
        let pid = self.child.id().to_string();
        let mut waiting = Waiting {
            stream: &self.stream,
            peak: 0,
            end: None,
            look: || {
                if interrupts.iter().any(|flag| flag.load(Ordering::SeqCst)) {
                    Some(End::Interrupted)
                } else if clock.now() > seconds {
                    Some(End::TimedOut)
                } else {
                    None
                }
            },
            pid,
        };
        match receive(&mut waiting) {
            Ok(Some(outcome)) => Ok(outcome),
            _ => Err(waiting.end.take().unwrap_or(End::Died { peak: waiting.peak })),
        }
    }

    /// Ends what is left of the process and says what became of it.
    fn post_mortem(&mut self, end: End, memory: Option<u64>) -> Status {
        // A worker that closed its socket is dying; one that did not is killed.
        let status = match end {
            End::Died { .. } => self.child.wait(),
            End::TimedOut | End::Interrupted => self.child.kill().and_then(|()| self.child.wait()),
        };
        match end {
            End::Interrupted => return Status::Interrupted,
            End::TimedOut => return Status::TimedOut,
            End::Died { .. } => {}
        }
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        let stderr = self.stderr.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let stderr = String::from_utf8_lossy(&stderr);
        let stderr = stderr.trim();
        let End::Died { peak } = end else { unreachable!("the other ends returned above") };
        let killed = status.as_ref().is_ok_and(|status| status.signal() == Some(9));
        let near = memory.is_some_and(|limit| peak >= limit / 10 * 8)
            || total_memory().is_some_and(|all| peak >= all / 2);
        if stderr.contains("memory allocation of") || (killed && near) {
            return Status::OutOfMemory;
        }
        let what = status.map_or_else(|error| error.to_string(), describe);
        if stderr.is_empty() {
            Status::Crashed(what)
        } else {
            Status::Crashed(format!("{what}: {stderr}"))
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The socket closes with this value, after which an idle worker ends by itself; one that
        // is stuck must not outlive its parent's interest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the socket, looking at limits whenever nothing has come for a tick.
struct Waiting<'s, F> {
    stream: &'s UnixStream,
    peak: u64,
    end: Option<End>,
    look: F,
    pid: String,
}

impl<F: FnMut() -> Option<End>> Read for Waiting<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.end = (self.look)();
                    if self.end.is_some() {
                        return Err(io::Error::other("nobody waits any longer"));
                    }
                    self.peak = peak_bytes(&self.pid).unwrap_or(self.peak);
                }
                other => return other,
            }
        }
    }
}

/// An end of a process in words, with the name of its signal.
fn describe(status: ExitStatus) -> String {
    let Some(signal) = status.signal() else {
        return match status.code() {
            Some(code) => format!("the worker exited with code {code}"),
            None => "the worker ended".into(),
        };
    };
    let name = match signal {
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        24 => " (SIGXCPU)",
        _ => "",
    };
    format!("signal {signal}{name}")
}

fn total_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}
