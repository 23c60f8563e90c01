//! Numerical parts that families of problems and methods share, and hints about memory.
//!
//! The elementary functions and normal numbers vectorise: they are branch-free, so that a loop over them
//! compiles to the widest registers of the machine when it runs inside `pulp`'s run-time dispatch.

pub mod conjugate_gradient;
mod convolution;
mod elementary;
mod fourier;
pub mod memory;
mod normal;
pub mod vector;

pub use convolution::{Convolution3x3, Padding};
pub use elementary::{exp, ln, ln_1p, tanh};
pub use fourier::Fourier;
pub use normal::{BLOCK, Normals};
