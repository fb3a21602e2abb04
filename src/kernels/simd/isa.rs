//! The vectors of each level: a register of one instruction set and how each method of [`Vector`] is done with it.
//!
//! [`Vector::ROWS`] follows from the registers. A tile of sums takes `ROWS * LINE / LANES` of them, the line of the panel
//! `LINE / LANES`, and a broadcast value one.
//!
//! - AVX2 has 16: 6 * 2 + 2 + 1 = 15. BLIS has the same tile of 6x16 for Haswell.
//! - NEON has 32: 6 * 4 + 4 + 1 = 29.
//! - AVX-512 has 32, and 14 + 1 + 1 leaves half of them free. 14 independent sums are more than the 4 cycles of a
//!   multiply-add need, and rows of 7, 14, 28 and 56 pixels, those of nets for images of 224 pixels, are cut without a
//!   remainder. The microkernels are compiled for up to 16 rows.

use super::vector::{LINE, Vector, round_bf16};
use half::bf16;

/// Eight lanes of plain Rust, which the compiler turns into what every machine of the architecture has.
///
/// The check on all other levels, and what runs where there is none of them. It has the lanes and rows of AVX2 and
/// rounds products and sums apart.
#[derive(Clone, Copy)]
pub struct Plain([f32; 8]);

impl Plain {
    #[inline(always)]
    fn zip(mut self, b: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        for (a, b) in self.0.iter_mut().zip(b.0) {
            *a = f(*a, b);
        }
        self
    }
}

// SAFETY: Plain Rust runs everywhere.
unsafe impl Vector for Plain {
    const LANES: usize = 8;
    const ROWS: usize = 6;
    type Line = [Self; 2];
    #[inline(always)]
    unsafe fn splat_line(v: f32) -> Self::Line {
        [Plain([v; 8]); 2]
    }
    #[inline(always)]
    unsafe fn splat(v: f32) -> Self {
        Plain([v; 8])
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: The caller's pointer is valid for eight values.
        Plain(unsafe { p.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: The caller's pointer is valid for eight values.
        unsafe { p.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        self.zip(b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        self.zip(b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        self.zip(b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        self.zip(b, |a, b| a * b).zip(c, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn where_positive(self, v: Self) -> Self {
        self.zip(v, |a, v| if v <= 0.0 { 0.0 } else { a })
    }
    #[inline(always)]
    unsafe fn at_least(self, floor: Self) -> Self {
        self.zip(floor, |v, floor| if v < floor { floor } else { v })
    }
    #[inline(always)]
    unsafe fn load_bf16(p: *const bf16) -> Self {
        // SAFETY: The caller's pointer is valid for eight values.
        let values = unsafe { p.cast::<[u16; 8]>().read_unaligned() };
        Plain(values.map(|v| f32::from_bits(u32::from(v) << 16)))
    }
    #[inline(always)]
    unsafe fn round_bf16(self) -> Self {
        Plain(self.0.map(round_bf16))
    }
    #[inline(always)]
    unsafe fn store_bf16(self, p: *mut bf16) {
        // SAFETY: The caller's pointer is valid for eight values.
        unsafe { p.cast::<[u16; 8]>().write_unaligned(self.0.map(|v| (v.to_bits() >> 16) as u16)) }
    }
    #[inline(always)]
    unsafe fn lower(self) -> Self {
        Plain(self.0.map(|v| f32::from_bits(v.to_bits() << 16)))
    }
    #[inline(always)]
    unsafe fn upper(self) -> Self {
        Plain(self.0.map(|v| f32::from_bits(v.to_bits() & 0xffff_0000)))
    }
    #[inline(always)]
    unsafe fn load_pairs(p: *const bf16, second: bool) -> Self {
        // SAFETY: The caller's rows have eight values each.
        unsafe {
            let row = |p: *const bf16| p.cast::<[u16; 8]>().read_unaligned();
            let (lower, upper) = (row(p), if second { row(p.add(LINE)) } else { [0; 8] });
            Plain(std::array::from_fn(|i| f32::from_bits(u32::from(upper[i]) << 16 | u32::from(lower[i]))))
        }
    }
}

/// The vectors of an instruction set: its register, lanes, and how each method is done there.
macro_rules! vector {
    ($(#[$doc:meta])* $name:ident, $register:ty, $lanes:literal, rows: $rows:literal,
     splat: $splat:path, load: $load:path, store: $store:path,
     add: $add:path, sub: $sub:path, mul: $mul:path, mul_add: $mul_add:expr,
     where_positive: $where_positive:expr, at_least: $at_least:expr, { $($own:item)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name($register);

        // SAFETY: Of every method, the caller has made sure that the machine has the instructions.
        unsafe impl Vector for $name {
            const LANES: usize = $lanes;
            const ROWS: usize = $rows;
            type Line = [Self; LINE / $lanes];
            #[inline(always)]
            unsafe fn splat_line(v: f32) -> Self::Line {
                unsafe { [Self::splat(v); LINE / $lanes] }
            }
            #[inline(always)]
            unsafe fn splat(v: f32) -> Self {
                unsafe { $name($splat(v)) }
            }
            #[inline(always)]
            unsafe fn load(p: *const f32) -> Self {
                unsafe { $name($load(p)) }
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut f32) {
                unsafe { $store(p, self.0) }
            }
            #[inline(always)]
            unsafe fn add(self, b: Self) -> Self {
                unsafe { $name($add(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn sub(self, b: Self) -> Self {
                unsafe { $name($sub(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                unsafe { $name($mul(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                unsafe { $name($mul_add(self.0, b.0, c.0)) }
            }
            #[inline(always)]
            unsafe fn where_positive(self, v: Self) -> Self {
                unsafe { $name($where_positive(self.0, v.0)) }
            }
            #[inline(always)]
            unsafe fn at_least(self, floor: Self) -> Self {
                unsafe { $name($at_least(self.0, floor.0)) }
            }
            $($own)*
        }
    };
}

#[cfg(target_arch = "x86_64")]
pub mod x86 {
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
            unsafe fn load_bf16(p: *const bf16) -> Self {
                unsafe { Avx2(_mm256_castsi256_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128(p.cast())))).lower() }
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
            unsafe fn load_pairs(p: *const bf16, second: bool) -> Self {
                unsafe {
                    let first = _mm256_castsi256_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128(p.cast())));
                    Avx2(if second { _mm256_or_ps(first, Self::load_bf16(p.add(LINE)).0) } else { first })
                }
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
                    unsafe fn load_bf16(p: *const bf16) -> Self {
                        unsafe { $name(_mm512_castsi512_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256(p.cast())))).lower() }
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
                    $($own)*
                }
            }
        };
    }

    avx512! {
        /// AVX-512F.
        Avx512,
        {
            #[inline(always)]
            unsafe fn load_pairs(p: *const bf16, second: bool) -> Self {
                unsafe {
                    let first = _mm512_cvtepu16_epi32(_mm256_loadu_si256(p.cast()));
                    let upper = if second { Self::load_bf16(p.add(LINE)).0 } else { _mm512_setzero_ps() };
                    Avx512(_mm512_castsi512_ps(_mm512_or_si512(first, _mm512_castps_si512(upper))))
                }
            }
        }
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
    /// Zen 4 multiplies pairs at 80 instead of 112 billion products a second (`docs/dev/measurements.md`).
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
}

#[cfg(target_arch = "aarch64")]
pub mod arm {
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
            unsafe fn load_bf16(p: *const bf16) -> Self {
                unsafe { Neon(vreinterpretq_f32_u32(vshll_n_u16::<16>(vld1_u16(p.cast())))) }
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
            unsafe fn load_pairs(p: *const bf16, second: bool) -> Self {
                unsafe {
                    let first = vmovl_u16(vld1_u16(p.cast()));
                    let upper = if second { Self::load_bf16(p.add(LINE)).0 } else { vdupq_n_f32(0.0) };
                    Neon(vreinterpretq_f32_u32(vorrq_u32(first, vreinterpretq_u32_f32(upper))))
                }
            }
        }
    }
}
