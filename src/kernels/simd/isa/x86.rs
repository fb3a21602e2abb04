//! AVX2 and AVX-512.

use crate::kernels::simd::vector::{LINE, Vector};
use half::bf16;
use std::arch::asm;
use std::arch::x86_64::*;

vector! {
    /// AVX2 and FMA.
    Avx2, __m256, 8, rows: 6,
    splat: _mm256_set1_ps, load: _mm256_loadu_ps, store: _mm256_storeu_ps,
    add: _mm256_add_ps, sub: _mm256_sub_ps, mul: _mm256_mul_ps,
    mul_add: |a, b, c| _mm256_fmadd_ps(a, b, c),
    where_positive: |a, v| _mm256_and_ps(a, _mm256_cmp_ps::<_CMP_NLE_UQ>(v, _mm256_setzero_ps())),
    // Where one operand is not a number, `max` gives the second.
    at_least: |a, floor| _mm256_max_ps(floor, a),
    {
        #[inline(always)]
        unsafe fn load_lower(p: *const bf16) -> Self {
            unsafe { Avx2(_mm256_castsi256_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128(p.cast())))) }
        }
        #[inline(always)]
        unsafe fn round_bf16(self) -> Self {
            unsafe {
                let bits = _mm256_castps_si256(self.0);
                let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
                let carried = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
                let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x0040_0000));
                let number = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_ORD_Q>(self.0, self.0));
                Avx2(_mm256_castsi256_ps(_mm256_blendv_epi8(quiet, carried, number))).upper()
            }
        }
        #[inline(always)]
        unsafe fn store_bf16(self, p: *mut bf16) {
            unsafe {
                let upper = _mm256_srli_epi32::<16>(_mm256_castps_si256(self.0));
                let packed = _mm256_permute4x64_epi64::<0b1000>(_mm256_packus_epi32(upper, upper));
                _mm_storeu_si128(p.cast(), _mm256_castsi256_si128(packed));
            }
        }
        #[inline(always)]
        unsafe fn lower(self) -> Self {
            unsafe { Avx2(_mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_castps_si256(self.0)))) }
        }
        #[inline(always)]
        unsafe fn upper(self) -> Self {
            unsafe { Avx2(_mm256_and_ps(self.0, _mm256_castsi256_ps(_mm256_set1_epi32(-0x1_0000)))) }
        }
        #[inline(always)]
        unsafe fn or(self, b: Self) -> Self {
            unsafe { Avx2(_mm256_or_ps(self.0, b.0)) }
        }
    }
}

/// The vectors of a level that has AVX-512F.
macro_rules! avx512 {
    ($(#[$doc:meta])* $name:ident, { $($own:item)* }) => {
        vector! {
            $(#[$doc])*
            $name, __m512, 16, rows: 14,
            splat: _mm512_set1_ps, load: _mm512_loadu_ps, store: _mm512_storeu_ps,
            add: _mm512_add_ps, sub: _mm512_sub_ps, mul: _mm512_mul_ps,
            mul_add: |a, b, c| _mm512_fmadd_ps(a, b, c),
            where_positive: |a, v| _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_NLE_UQ>(v, _mm512_setzero_ps()), a),
            at_least: |a, floor| _mm512_max_ps(floor, a),
            {
                #[inline(always)]
                unsafe fn load_lower(p: *const bf16) -> Self {
                    unsafe { $name(_mm512_castsi512_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256(p.cast())))) }
                }
                #[inline(always)]
                unsafe fn round_bf16(self) -> Self {
                    unsafe {
                        let (bits, quiet) = (_mm512_castps_si512(self.0), _mm512_set1_epi32(0x0040_0000));
                        let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
                        let carried = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
                        let not_a_number = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0);
                        let rounded = _mm512_mask_or_epi32(carried, not_a_number, bits, quiet);
                        $name(_mm512_castsi512_ps(rounded)).upper()
                    }
                }
                #[inline(always)]
                unsafe fn store_bf16(self, p: *mut bf16) {
                    unsafe {
                        let upper = _mm512_srli_epi32::<16>(_mm512_castps_si512(self.0));
                        _mm256_storeu_si256(p.cast(), _mm512_cvtepi32_epi16(upper));
                    }
                }
                #[inline(always)]
                unsafe fn lower(self) -> Self {
                    unsafe { $name(_mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_castps_si512(self.0)))) }
                }
                #[inline(always)]
                unsafe fn upper(self) -> Self {
                    unsafe {
                        let upper = _mm512_and_si512(_mm512_castps_si512(self.0), _mm512_set1_epi32(-0x1_0000));
                        $name(_mm512_castsi512_ps(upper))
                    }
                }
                #[inline(always)]
                unsafe fn or(self, b: Self) -> Self {
                    unsafe {
                        let [a, b] = [_mm512_castps_si512(self.0), _mm512_castps_si512(b.0)];
                        $name(_mm512_castsi512_ps(_mm512_or_si512(a, b)))
                    }
                }
                $($own)*
            }
        }
    };
}

avx512! {
    /// AVX-512F.
    Avx512, {}
}

/// Lanes of two rows of 16 values, interleaved.
static INTERLEAVED: [u16; 32] = {
    let mut lanes = [0; 32];
    let mut i = 0;
    while i < 32 {
        lanes[i] = (i / 2 + i % 2 * LINE) as u16;
        i += 1;
    }
    lanes
};

/// The 32 bits at an address, in every lane, as integers. The compiler would take the instruction for f32, behind which
/// Zen 4 multiplies pairs a third slower (`docs/dev/measurements.md`, "bfloat16").
///
/// # Safety
/// They must be readable.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn broadcast(p: *const u32) -> __m512i {
    let lanes: __m512i;
    // SAFETY: The instruction reads what the caller says is readable, and does nothing else.
    unsafe {
        asm!("vpbroadcastd {lanes}, dword ptr [{p}]", lanes = out(zmm_reg) lanes, p = in(reg) p,
            options(pure, readonly, nostack, preserves_flags));
    }
    lanes
}

avx512! {
    /// AVX-512F with BW and BF16.
    Avx512Bf16,
    {
        #[inline(always)]
        unsafe fn load_pairs(p: *const bf16, second: bool) -> Self {
            unsafe {
                let pairs = if second {
                    let lanes = _mm512_loadu_si512(INTERLEAVED.as_ptr().cast());
                    _mm512_permutexvar_epi16(lanes, _mm512_loadu_si512(p.cast()))
                } else {
                    _mm512_cvtepu16_epi32(_mm256_loadu_si256(p.cast()))
                };
                Avx512Bf16(_mm512_castsi512_ps(pairs))
            }
        }
        #[inline(always)]
        unsafe fn splat_pair(p: *const bf16) -> Self {
            unsafe { Avx512Bf16(_mm512_castsi512_ps(broadcast(p.cast()))) }
        }
        #[inline(always)]
        unsafe fn add_pair_products(self, a: Self, b: Self) -> Self {
            unsafe {
                let pairs = |v: Self| std::mem::transmute::<__m512, __m512bh>(v.0);
                Avx512Bf16(_mm512_dpbf16_ps(self.0, pairs(a), pairs(b)))
            }
        }
    }
}
