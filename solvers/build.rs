//! Nothing to build: it waits for `converge-requirements`, so that a missing system library is
//! named before the bindings look for it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
