//! Nothing but a build script: it looks for what must be installed and stops the build with one
//! line that names the package, before a dependency stops it with a page that does not.
//!
//! Cargo starts first what most other units wait for. The build scripts of `problems`,
//! `solvers` and `bench` depend on this crate, so more units wait for it than for the build script of the HDF5 bindings.
