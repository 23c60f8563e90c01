//! Elementary functions and normal numbers that vectorise: branch-free, so that a loop over them
//! compiles to the widest registers of the machine when it runs inside `pulp`'s run-time dispatch.

mod elementary;
mod normal;

pub use elementary::{exp, ln, ln_1p, tanh};
pub use normal::{BLOCK, Normals};
