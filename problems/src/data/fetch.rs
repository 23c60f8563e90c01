//! Downloads of named sets into the cache. Only [`fetch`] opens a connection, and only when called.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Folders;
use super::entries::{ENTRIES, Entry};
use crate::DataError;

/// How far the download of one file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Name of the file.
    pub file: &'a str,
    /// Bytes on disk, those of an earlier attempt included.
    pub done: u64,
    /// Bytes in all, where the server says so.
    pub total: Option<u64>,
}

/// Why a set could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No such set.
    #[error("no data set is named {name}; to fetch: {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A set without a download.
    #[error("{name} cannot be fetched: {remedy}")]
    ByHand {
        /// The set.
        name: &'static str,
        /// What to do instead.
        remedy: String,
    },
    /// No folder to put it in.
    #[error("no cache folder: set CONVERGE_CACHE")]
    NoCache,
    /// The server answered with something else than the file.
    #[error("{url}: the server answers {status}")]
    Status {
        /// The address.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The connection failed or was cut, again and again. What came is kept, and the next fetch
    /// goes on from there.
    #[error("{url}: {reason}; {kept} bytes are kept, fetch again to go on")]
    Connection {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
        /// Bytes on disk.
        kept: u64,
    },
    /// The file came whole but is not the published one. It was removed.
    #[error("{url}: SHA-256 of the content is {found}, expected {expected}; the file was removed")]
    Checksum {
        /// The address.
        url: String,
        /// What the catalogue says.
        expected: String,
        /// What came, or why it could not be read.
        found: String,
    },
    /// Another process is fetching the same file.
    #[error("{}: another fetch is at work on it", .0.display())]
    Busy(PathBuf),
    /// The disk.
    #[error("{}: {error}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
}

/// Connections that may break without a byte in between before a mirror is given up.
const ATTEMPTS: u32 = 3;

/// Downloads what is missing of the set `name` into the cache, checks it, and says where it is. A
/// file already there with the right checksum is left alone. `progress` is called about every
/// 64 KiB.
///
/// # Errors
/// [`FetchError`]; files that came whole stay, and a broken download goes on next time.
pub fn fetch(
    name: &str,
    folders: &Folders,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, FetchError> {
    let Some(entry) = ENTRIES.iter().find(|entry| entry.name == name) else {
        let known: Vec<_> =
            ENTRIES.iter().filter(|e| !e.mirrors.is_empty()).map(|e| e.name).collect();
        return Err(FetchError::Unknown { name: name.into(), known: known.join(", ") });
    };
    let cache = folders.cache.as_deref().ok_or(FetchError::NoCache)?;
    let folder = cache.join(entry.folders[0]);
    fetch_entry(entry, entry.mirrors, &folder, progress)?;
    Ok(folder)
}

fn fetch_entry(
    entry: &Entry,
    mirrors: &[&str],
    folder: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), FetchError> {
    if mirrors.is_empty() {
        let remedy = format!("{} in {}", entry.by_hand, folder.display());
        return Err(FetchError::ByHand { name: entry.name, remedy });
    }
    fs::create_dir_all(folder).map_err(|error| FetchError::Disk { path: folder.into(), error })?;
    for file in entry.files {
        if file.inside(folder).is_some_and(|path| entry.sum(&path).is_ok_and(|s| s == file.sum)) {
            continue;
        }
        let name = file.names[0];
        let wanted = Wanted { name, expected: file.sum, target: folder.join(name) };
        let mut outcome = Err(FetchError::NoCache);
        for mirror in mirrors {
            outcome = wanted.from(&format!("{mirror}{name}"), &|path| entry.sum(path), progress);
            if !matches!(
                outcome,
                Err(FetchError::Status { .. }
                    | FetchError::Connection { .. }
                    | FetchError::Checksum { .. })
            ) {
                break;
            }
        }
        outcome?;
    }
    Ok(())
}

/// A file to download.
struct Wanted<'a> {
    name: &'a str,
    expected: &'a str,
    target: PathBuf,
}

/// How one connection ended.
enum End {
    Whole,
    /// After this many new bytes.
    Cut(u64, String),
}

impl Wanted<'_> {
    /// Downloads from one address: into `NAME.part`, going on where an earlier attempt stopped;
    /// checked, flushed, and renamed last, so that the final name never holds half a file.
    fn from(
        &self,
        url: &str,
        sum: &dyn Fn(&Path) -> Result<String, DataError>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), FetchError> {
        let part = self.target.with_file_name(format!("{}.part", self.name));
        let disk = |error| FetchError::Disk { path: part.clone(), error };
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(&part)
            .map_err(disk)?;
        file.try_lock().map_err(|_| FetchError::Busy(part.clone()))?;
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_per_read(Some(Duration::from_secs(30)))
            .timeout_recv_response(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .build()
            .into();
        let resumed = file.metadata().map_err(disk)?.len() > 0;
        for again in [resumed, false] {
            let mut idle = 0;
            loop {
                match self.connect(&agent, url, &mut file, &part, progress)? {
                    End::Whole => break,
                    End::Cut(new, reason) => {
                        idle = if new > 0 { 0 } else { idle + 1 };
                        if idle == ATTEMPTS {
                            let kept = file.metadata().map_or(0, |data| data.len());
                            return Err(FetchError::Connection { url: url.into(), reason, kept });
                        }
                    }
                }
            }
            file.sync_all().map_err(disk)?;
            match sum(&part) {
                Ok(found) if found == self.expected => {
                    return fs::rename(&part, &self.target).map_err(disk);
                }
                // What an earlier attempt left may be of another file: once more from the start.
                _ if again => file.set_len(0).map_err(disk)?,
                found => {
                    fs::remove_file(&part).map_err(disk)?;
                    return Err(FetchError::Checksum {
                        url: url.into(),
                        expected: self.expected.into(),
                        found: found.unwrap_or_else(|error| error.finding),
                    });
                }
            }
        }
        unreachable!("the second pass returns")
    }

    /// One connection: asks for what is missing and appends it.
    fn connect(
        &self,
        agent: &ureq::Agent,
        url: &str,
        file: &mut File,
        part: &Path,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<End, FetchError> {
        let disk = |error| FetchError::Disk { path: part.into(), error };
        let mut done = file.seek(SeekFrom::End(0)).map_err(disk)?;
        let mut request = agent.get(url).header("Accept-Encoding", "identity");
        if done > 0 {
            request = request.header("Range", format!("bytes={done}-"));
        }
        let mut response = match request.call() {
            Ok(response) => response,
            Err(error) => return Ok(End::Cut(0, error.to_string())),
        };
        let restart = match response.status().as_u16() {
            200 => done > 0,
            206 => {
                let range = response.headers().get("Content-Range").and_then(|r| r.to_str().ok());
                if !range.is_some_and(|range| range.starts_with(&format!("bytes {done}-"))) {
                    file.set_len(0).map_err(disk)?;
                    return Ok(End::Cut(0, "the server sent another range".into()));
                }
                false
            }
            // All bytes are here already, or more than there are: the checksum will tell.
            416 if done > 0 => return Ok(End::Whole),
            status if status >= 500 => {
                return Ok(End::Cut(0, format!("the server answers {status}")));
            }
            status => return Err(FetchError::Status { url: url.into(), status }),
        };
        if restart {
            file.set_len(0).and_then(|()| file.rewind()).map_err(disk)?;
            done = 0;
        }
        let total = response.body().content_length().map(|rest| done + rest);
        let start = done;
        let mut body = response.body_mut().with_config().limit(u64::MAX).reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            progress(Progress { file: self.name, done, total });
            match body.read(&mut buffer) {
                Ok(0) if total.is_some_and(|total| done < total) => {
                    return Ok(End::Cut(done - start, "the connection was cut".into()));
                }
                Ok(0) => return Ok(End::Whole),
                Ok(count) => {
                    file.write_all(&buffer[..count]).map_err(disk)?;
                    done += count as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Ok(End::Cut(done - start, error.to_string())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sha256;
    use super::super::source::content_sum;
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};

    /// How the server treats one connection.
    #[derive(Clone, Copy)]
    enum Answer {
        /// The rest from where the client asks.
        Honest,
        /// The same, but the connection ends after this many bytes.
        CutAfter(usize),
        /// The whole file, whatever the client asks.
        NoRange,
        /// This status.
        Status(u16),
    }

    /// Serves `content` on loopback, one answer a connection; gives the address, and at the end the
    /// `Range` headers that came.
    fn serve(content: Vec<u8>, answers: Vec<Answer>) -> (String, JoinHandle<Vec<Option<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let mut ranges = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut range = None;
                for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                    let line = line.unwrap().to_ascii_lowercase();
                    if line.is_empty() {
                        break;
                    }
                    if let Some(value) = line.strip_prefix("range: bytes=") {
                        range = Some(value.to_owned());
                    }
                }
                let asked = range.as_ref().map(|r| r.trim_end_matches('-').parse().unwrap());
                let (start, status) = match (answer, asked) {
                    (Answer::Status(status), _) => (content.len(), status),
                    (Answer::NoRange, _) | (_, None) => (0, 200),
                    (_, Some(start)) if start >= content.len() => (content.len(), 416),
                    (_, Some(start)) => (start, 206),
                };
                let (rest, whole) = (&content[start..], content.len());
                let head = format!(
                    "HTTP/1.1 {status} Answer\r\nContent-Length: {}\r\nContent-Range: bytes \
                     {start}-{}/{whole}\r\nConnection: close\r\n\r\n",
                    rest.len(),
                    whole.saturating_sub(1),
                );
                let sent = match answer {
                    Answer::CutAfter(count) => &rest[..count.min(rest.len())],
                    _ => rest,
                };
                // A client that has hung up is no fault of the server.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent));
                ranges.push(range);
            }
            ranges
        });
        (url, server)
    }

    fn content() -> Vec<u8> {
        (0..300_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    struct Outcome {
        result: Result<(), FetchError>,
        ranges: Vec<Option<String>>,
        seen: Vec<(u64, Option<u64>)>,
        target: Option<Vec<u8>>,
        part: Option<Vec<u8>>,
    }

    /// Fetches [`content`] from a server with these answers; `part` is what an earlier attempt left.
    fn download(answers: &[Answer], part: Option<&[u8]>, expected: &str) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let part_path = folder.path().join("file.part");
        if let Some(part) = part {
            fs::write(&part_path, part).unwrap();
        }
        let (url, server) = serve(content(), answers.to_vec());
        let mut seen = Vec::new();
        let wanted = Wanted { name: "file", expected, target: folder.path().join("file") };
        let result = wanted.from(&url, &content_sum, &mut |now| seen.push((now.done, now.total)));
        Outcome {
            result,
            ranges: server.join().unwrap(),
            seen,
            target: fs::read(&wanted.target).ok(),
            part: fs::read(&part_path).ok(),
        }
    }

    fn good() -> String {
        sha256(&content())
    }

    #[test]
    fn a_file_is_fetched_checked_and_renamed() {
        let outcome = download(&[Answer::Honest], None, &good());
        outcome.result.unwrap();
        assert_eq!(outcome.target, Some(content()));
        assert_eq!(outcome.part, None);
        assert_eq!(outcome.seen.first(), Some(&(0, Some(300_000))));
        assert_eq!(outcome.seen.last(), Some(&(300_000, Some(300_000))));
        assert!(outcome.seen.is_sorted());
    }

    #[test]
    fn a_cut_connection_goes_on_where_it_stopped() {
        let outcome = download(
            &[Answer::CutAfter(100_000), Answer::CutAfter(50_000), Answer::Honest],
            None,
            &good(),
        );
        outcome.result.unwrap();
        assert_eq!(outcome.ranges, [None, Some("100000-".into()), Some("150000-".into())]);
        assert_eq!(outcome.target, Some(content()));
    }

    #[test]
    fn an_earlier_attempt_is_continued() {
        let outcome = download(&[Answer::Honest], Some(&content()[..299_000]), &good());
        outcome.result.unwrap();
        assert_eq!(outcome.ranges, [Some("299000-".into())]);
        assert_eq!(outcome.target, Some(content()));
    }

    #[test]
    fn an_attempt_that_was_whole_needs_only_its_checksum() {
        let outcome = download(&[Answer::Honest], Some(&content()), &good());
        outcome.result.unwrap();
        assert_eq!(outcome.target, Some(content()));
    }

    #[test]
    fn a_server_without_ranges_sends_the_whole_file_again() {
        let outcome = download(&[Answer::CutAfter(1000), Answer::NoRange], None, &good());
        outcome.result.unwrap();
        assert_eq!(outcome.target, Some(content()));
    }

    #[test]
    fn leftovers_of_another_file_are_thrown_away() {
        let outcome = download(&[Answer::Honest, Answer::Honest], Some(&[1; 1000]), &good());
        outcome.result.unwrap();
        assert_eq!(outcome.ranges, [Some("1000-".into()), None]);
        assert_eq!(outcome.target, Some(content()));
    }

    #[test]
    fn a_wrong_checksum_is_an_error_and_leaves_nothing() {
        let outcome = download(&[Answer::Honest], None, "00");
        match outcome.result {
            Err(FetchError::Checksum { expected, found, .. }) => {
                assert_eq!((expected.as_str(), found), ("00", good()));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!((outcome.target, outcome.part), (None, None));
    }

    #[test]
    fn not_found_is_an_error_at_once() {
        let outcome = download(&[Answer::Status(404)], None, &good());
        assert!(matches!(outcome.result, Err(FetchError::Status { status: 404, .. })));
        assert_eq!(outcome.target, None);
    }

    #[test]
    fn what_came_before_the_server_gave_up_is_kept() {
        let answers =
            [Answer::CutAfter(7000), Answer::Status(503), Answer::Status(503), Answer::Status(503)];
        let outcome = download(&answers, None, &good());
        assert!(matches!(outcome.result, Err(FetchError::Connection { kept: 7000, .. })));
        assert_eq!(outcome.part.as_deref(), Some(&content()[..7000]));
    }

    #[test]
    fn a_set_goes_to_the_next_mirror_and_the_right_file_is_not_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let entry = ENTRIES.iter().find(|entry| entry.name == "optdigits").unwrap();
        let (absent, first) = serve(Vec::new(), vec![Answer::Status(404)]);
        let (wrong, second) = serve(b"1,2\n".to_vec(), vec![Answer::Honest]);
        let mirrors = [absent.trim_end_matches("file"), wrong.trim_end_matches("file")];
        let result = fetch_entry(entry, &mirrors, folder.path(), &mut |_| ());
        assert!(matches!(result, Err(FetchError::Checksum { .. })), "{result:?}");
        assert_eq!((first.join().unwrap().len(), second.join().unwrap().len()), (1, 1));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn sets_without_a_download_say_where_to_get_them() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders { search: Vec::new(), cache: Some(folder.path().into()) };
        let error = fetch("usps", &folders, &mut |_| ()).unwrap_err();
        assert!(error.to_string().contains("usps.t.bz2"), "{error}");
        let error = fetch("usbs", &folders, &mut |_| ()).unwrap_err();
        assert!(error.to_string().contains("to fetch: mnist, fashion-mnist, optdigits"), "{error}");
    }
}
