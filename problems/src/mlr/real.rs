//! The scalar type of the products inside a tile, with its vectors.

use pulp::Simd;

use super::kernels::PAD;

/// `f32` or `f64` under run-time dispatch.
pub(crate) trait Real: Copy + Default + Send + Sync + 'static {
    /// A register of this type.
    type Vector<S: Simd>: Copy;

    fn from_f64(value: f64) -> Self;
    /// Views a slice whose length is a multiple of 16 as registers.
    fn vectors<S: Simd>(slice: &[Self]) -> &[Self::Vector<S>];
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    fn mul_add<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;
    fn sum<S: Simd>(simd: S, a: Self::Vector<S>) -> f64;
    /// Adds the numbers of `registers` to as many totals.
    fn add_to<S: Simd>(simd: S, registers: &[Self::Vector<S>], totals: &mut [f64]);
}

macro_rules! real {
    ($type:ty, $vector:ident, $views:ident, $splat:ident, $fma:ident, $sum:ident, $add_to:item) => {
        impl Real for $type {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn vectors<S: Simd>(slice: &[Self]) -> &[Self::Vector<S>] {
                S::$views(slice).0
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S> {
                simd.$splat(value)
            }
            #[inline(always)]
            fn mul_add<S: Simd>(
                simd: S,
                a: Self::Vector<S>,
                b: Self::Vector<S>,
                c: Self::Vector<S>,
            ) -> Self::Vector<S> {
                simd.$fma(a, b, c)
            }
            #[inline(always)]
            fn sum<S: Simd>(simd: S, a: Self::Vector<S>) -> f64 {
                simd.$sum(a) as f64
            }
            #[inline(always)]
            $add_to
        }
    };
}

real!(
    f32,
    f32s,
    as_simd_f32s,
    splat_f32s,
    mul_add_e_f32s,
    reduce_sum_f32s,
    fn add_to<S: Simd>(_: S, registers: &[S::f32s], totals: &mut [f64]) {
        // Of a length that the compiler knows, so that the loop becomes registers.
        let lanes = size_of::<S::f32s>() / size_of::<f32>();
        for (totals, register) in totals.chunks_exact_mut(lanes).zip(registers) {
            let mut flat = [0.0; PAD];
            S::as_mut_simd_f32s(&mut flat).0[0] = *register;
            for (total, value) in totals.iter_mut().zip(&flat[..lanes]) {
                *total += f64::from(*value);
            }
        }
    }
);
real!(
    f64,
    f64s,
    as_simd_f64s,
    splat_f64s,
    mul_add_e_f64s,
    reduce_sum_f64s,
    fn add_to<S: Simd>(simd: S, registers: &[S::f64s], totals: &mut [f64]) {
        for (total, register) in S::as_mut_simd_f64s(totals).0.iter_mut().zip(registers) {
            *total = simd.add_f64s(*total, *register);
        }
    }
);
