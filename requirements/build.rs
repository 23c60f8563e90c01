//! Looks for HDF5 where the bindings look for it.

use std::path::Path;
use std::process::Command;

/// What to do, in one line.
const REMEDY: &str = "HDF5 is not installed. Debian, Ubuntu: apt-get install libhdf5-dev \
    pkg-config. macOS: brew install hdf5. conda: conda install hdf5, then set \
    HDF5_DIR=$CONDA_PREFIX. Or build it from source (needs CMake 3.26): --features hdf5-static.";

fn main() {
    println!("cargo::rerun-if-env-changed=HDF5_DIR");
    println!("cargo::rerun-if-env-changed=PKG_CONFIG");
    println!("cargo::rerun-if-env-changed=PKG_CONFIG_PATH");
    println!("cargo::rerun-if-env-changed=PKG_CONFIG_LIBDIR");
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_HDF5_STATIC").is_some() {
        return;
    }
    if let Some(dir) = std::env::var_os("HDF5_DIR") {
        if !has_headers(&Path::new(&dir).join("include")) {
            let dir = Path::new(&dir).display();
            println!("cargo::error=HDF5_DIR is {dir}, which has no include/H5pubconf.h. {REMEDY}");
        }
        return;
    }
    let found = match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => by_homebrew(),
        // Elsewhere the bindings have ways of their own.
        Ok("windows") => true,
        _ => by_pkg_config() || in_system_folders(),
    };
    if !found {
        println!("cargo::error={REMEDY}");
    }
}

fn by_pkg_config() -> bool {
    let program = std::env::var_os("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
    Command::new(program).args(["--exists", "hdf5"]).status().is_ok_and(|status| status.success())
}

fn in_system_folders() -> bool {
    ["/usr/include/hdf5/serial", "/usr/include"].iter().any(|folder| has_headers(Path::new(folder)))
}

fn by_homebrew() -> bool {
    ["hdf5", "hdf5-mpi", "hdf5@1.14", "hdf5@1.12", "hdf5@1.10", "hdf5@1.8"].iter().any(|formula| {
        Command::new("brew").args(["--prefix", formula]).output().is_ok_and(|output| {
            let prefix = String::from_utf8_lossy(&output.stdout);
            output.status.success() && has_headers(&Path::new(prefix.trim()).join("include"))
        })
    })
}

fn has_headers(folder: &Path) -> bool {
    ["H5pubconf.h", "H5pubconf-64.h"].iter().any(|name| folder.join(name).is_file())
}
