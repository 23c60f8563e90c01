//! Takes the digest of the code that can change a run's numbers, and notes where it came from. With
//! the feature `openblas`, finds the library for the benchmarks.

use std::path::{Path, PathBuf};
use std::process::Command;

use xxhash_rust::xxh3::Xxh3;

/// The crates whose code can change a run's numbers.
const CRATES: [&str; 3] = ["problems", "solvers", "bench"];

fn main() {
    #[cfg(feature = "openblas")]
    link_openblas();
    let bench = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let root = bench.parent().expect("the crate lies in the workspace").to_owned();
    let rustc = output(
        Command::new(std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into())).arg("--version"),
    )
    .unwrap_or_default();

    let mut files = vec![root.join("Cargo.lock")];
    for name in CRATES {
        let sources = root.join(name).join("src");
        println!("cargo::rerun-if-changed={}", sources.display());
        collect(&sources, &mut files);
    }
    println!("cargo::rerun-if-changed={}", files[0].display());
    println!("cargo::rerun-if-changed=build.rs");
    // A path sorts the same on every machine once it is relative and written with slashes.
    let mut named: Vec<(String, PathBuf)> = files
        .into_iter()
        .map(|file| {
            let relative = file.strip_prefix(&root).expect("collected under the root");
            let parts: Vec<_> =
                relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            (parts.join("/"), file)
        })
        .collect();
    named.sort();
    let mut hasher = Xxh3::new();
    hasher.update(rustc.as_bytes());
    for (name, file) in named {
        // A package without a lock file is still built from something.
        let content = std::fs::read(file).unwrap_or_default();
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(&(content.len() as u64).to_le_bytes());
        hasher.update(&content);
    }
    println!("cargo::rustc-env=CONVERGE_CODE={:032x}", hasher.digest128());
    println!("cargo::rustc-env=CONVERGE_RUSTC={rustc}");

    let git = |arguments: &[&str]| output(Command::new("git").arg("-C").arg(&root).args(arguments));
    let revision = git(&["rev-parse", "HEAD"]).unwrap_or_default();
    let dirty = git(&["status", "--porcelain"]).is_some_and(|changes| !changes.is_empty());
    println!("cargo::rustc-env=CONVERGE_REVISION={revision}");
    println!("cargo::rustc-env=CONVERGE_DIRTY={dirty}");
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        let log = root.join(log);
        if log.exists() {
            println!("cargo::rerun-if-changed={}", log.display());
        }
    }
}

/// Links OpenBLAS to the benchmarks alone.
#[cfg(feature = "openblas")]
fn link_openblas() {
    let Ok(library) = pkg_config::Config::new().cargo_metadata(false).probe("openblas") else {
        println!(
            "cargo::error=OpenBLAS is not installed. Debian, Ubuntu: apt-get install \
             libopenblas-dev pkg-config. macOS: brew install openblas pkg-config, then set \
             PKG_CONFIG_PATH=$(brew --prefix openblas)/lib/pkgconfig. conda: conda install openblas \
             pkg-config. Or leave the feature `openblas` out."
        );
        return;
    };
    for folder in library.link_paths {
        println!("cargo::rustc-link-arg-benches=-L{}", folder.display());
    }
    for name in library.libs {
        println!("cargo::rustc-link-arg-benches=-l{name}");
    }
}

/// All files below `folder`.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// What a command prints, if it is there and succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
