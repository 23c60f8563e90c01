//! What ran where: digest of the code, revision, facts of the machine.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Digest of the code that can change a run's numbers: the sources of `problems`, `solvers` and
/// `bench`, the lock file and the compiler's version, taken at build time.
pub fn code_digest() -> &'static str {
    env!("CONVERGE_CODE")
}

/// The revision that was built, if it was built from a repository.
pub fn revision() -> Option<&'static str> {
    Some(env!("CONVERGE_REVISION")).filter(|revision| !revision.is_empty())
}

/// Whether the working tree had changes that its revision does not have.
pub fn dirty() -> bool {
    env!("CONVERGE_DIRTY") == "true"
}

/// Facts of a machine that bear on timings. What the system does not tell is empty or 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// Architecture, such as `x86_64`.
    pub architecture: String,
    /// Physical cores.
    pub cores: usize,
    /// Hardware threads this process may use.
    pub threads: usize,
    /// Bytes of main memory.
    pub memory: u64,
    /// Caches of the first core, such as `L2 Unified 1024K`.
    pub caches: Vec<String>,
    /// Operating system and its release.
    pub system: String,
    /// Version of the compiler.
    pub compiler: String,
}

/// Facts of this machine.
pub fn machine() -> Machine {
    let processors = read("/proc/cpuinfo");
    let memory = read("/proc/meminfo");
    let fact = |text: &str, key: &str| {
        text.lines()
            .find(|line| line.starts_with(key))
            .and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kibibytes =
        fact(&memory, "MemTotal").and_then(|value| value.strip_suffix("kB")?.trim().parse().ok());
    Machine {
        processor: fact(&processors, "model name").unwrap_or_default(),
        architecture: std::env::consts::ARCH.to_owned(),
        cores: cores(&processors).unwrap_or(threads),
        threads,
        memory: kibibytes.map_or(0, |kibibytes: u64| kibibytes * 1024),
        caches: caches(Path::new("/sys/devices/system/cpu/cpu0/cache")),
        system: format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease").trim())
            .trim()
            .to_owned(),
        compiler: env!("CONVERGE_RUSTC").to_owned(),
    }
}

/// Distinct pairs of package and core.
fn cores(processors: &str) -> Option<usize> {
    let mut cores = BTreeSet::new();
    let mut package = "";
    for line in processors.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        match key.trim() {
            "physical id" => package = value.trim(),
            "core id" => {
                cores.insert((package, value.trim()));
            }
            _ => {}
        }
    }
    (!cores.is_empty()).then_some(cores.len())
}

fn caches(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut caches: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let fact = |name| std::fs::read_to_string(entry.path().join(name)).ok();
            let (level, kind, size) = (fact("level")?, fact("type")?, fact("size")?);
            Some(format!("L{} {} {}", level.trim(), kind.trim(), size.trim()))
        })
        .collect();
    caches.sort();
    caches
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_has_a_digest_and_the_machine_a_processor_count() {
        assert_eq!(code_digest().len(), 32);
        assert!(code_digest().bytes().all(|byte| byte.is_ascii_hexdigit()));
        let machine = machine();
        assert!(machine.threads >= 1 && machine.cores >= 1);
        assert!(machine.compiler.starts_with("rustc "));
    }

    #[test]
    fn hardware_threads_of_one_core_are_one_core() {
        let text = "physical id : 0\ncore id : 0\n\nphysical id : 0\ncore id : 0\n\n\
                    physical id : 1\ncore id : 0\n";
        assert_eq!(cores(text), Some(2));
        assert_eq!(cores("no such lines"), None);
    }
}
