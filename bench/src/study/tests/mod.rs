//! Study files against a registry of two small problems, two solvers and a probe.

mod folders;
mod mistakes;
mod plans;
mod support;
