//! NEON.

use crate::kernels::simd::vector::{LINE, Vector};
use half::bf16;
use std::arch::aarch64::*;

vector! {
    /// NEON.
    Neon, float32x4_t, 4, rows: 6,
    splat: vdupq_n_f32, load: vld1q_f32, store: vst1q_f32,
    add: vaddq_f32, sub: vsubq_f32, mul: vmulq_f32,
    mul_add: |a, b, c| vfmaq_f32(c, a, b),
    where_positive: |a, v| vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(a), vclezq_f32(v))),
    at_least: |a, floor| vmaxq_f32(floor, a),
    {
        #[inline(always)]
        unsafe fn load_lower(p: *const bf16) -> Self {
            unsafe { Neon(vreinterpretq_f32_u32(vmovl_u16(vld1_u16(p.cast())))) }
        }
        #[inline(always)]
        unsafe fn round_bf16(self) -> Self {
            unsafe {
                let bits = vreinterpretq_u32_f32(self.0);
                let odd = vandq_u32(vshrq_n_u32::<16>(bits), vdupq_n_u32(1));
                let carried = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
                let quiet = vorrq_u32(bits, vdupq_n_u32(0x0040_0000));
                Neon(vreinterpretq_f32_u32(vbslq_u32(vceqq_f32(self.0, self.0), carried, quiet))).upper()
            }
        }
        #[inline(always)]
        unsafe fn store_bf16(self, p: *mut bf16) {
            unsafe { vst1_u16(p.cast(), vshrn_n_u32::<16>(vreinterpretq_u32_f32(self.0))) }
        }
        #[inline(always)]
        unsafe fn lower(self) -> Self {
            unsafe { Neon(vreinterpretq_f32_u32(vshlq_n_u32::<16>(vreinterpretq_u32_f32(self.0)))) }
        }
        #[inline(always)]
        unsafe fn upper(self) -> Self {
            unsafe {
                let upper = vandq_u32(vreinterpretq_u32_f32(self.0), vdupq_n_u32(0xffff_0000));
                Neon(vreinterpretq_f32_u32(upper))
            }
        }
        #[inline(always)]
        unsafe fn or(self, b: Self) -> Self {
            unsafe {
                let [a, b] = [vreinterpretq_u32_f32(self.0), vreinterpretq_u32_f32(b.0)];
                Neon(vreinterpretq_f32_u32(vorrq_u32(a, b)))
            }
        }
    }
}
