//! What is asked of NVIDIA GPUs apart from operations; a program without CUDA answers that there are none.

#[cfg(feature = "cuda")]
use super::cuda;

/// An NVIDIA GPU.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Gpu {
    /// Its number, from 0.
    pub number: usize,
    /// Name of the model.
    pub name: String,
    /// Bytes of its memory.
    pub memory: u64,
    /// Compute capability: major and minor.
    pub capability: (u32, u32),
}

/// The NVIDIA GPUs of the machine.
///
/// # Errors
/// Why none can be used, as a sentence.
pub fn gpus() -> Result<Vec<Gpu>, String> {
    #[cfg(feature = "cuda")]
    return cuda::gpus();
    #[cfg(not(feature = "cuda"))]
    Err("this program was built without CUDA (docs/guide/gpus.md says how to build it with)".into())
}

/// Version of the CUDA toolkit that the program runs with, if it was built with CUDA: major and minor.
pub fn toolkit() -> Option<(i32, i32)> {
    #[cfg(feature = "cuda")]
    return cuda::toolkit();
    #[cfg(not(feature = "cuda"))]
    None
}

/// The cuDNN that convolutions on a GPU go through, its version and file, if the program was built with CUDA.
///
/// # Errors
/// Why there is none, as a sentence.
pub fn cudnn() -> Option<Result<String, String>> {
    #[cfg(feature = "cuda")]
    return Some(cuda::cudnn());
    #[cfg(not(feature = "cuda"))]
    None
}

/// The most memory that the operations of this thread have had in use at once on its GPU, in bytes; none on a CPU.
pub fn gpu_memory() -> Option<u64> {
    #[cfg(feature = "cuda")]
    return cuda::most_memory();
    #[cfg(not(feature = "cuda"))]
    None
}

/// What a person should be told of the device of this thread, since it was last asked, e.g. what is slower than it could be.
pub fn remarks() -> Vec<String> {
    #[cfg(feature = "cuda")]
    return cuda::remarks();
    #[cfg(not(feature = "cuda"))]
    Vec::new()
}

/// What an error of a device means, as a predicate of the device.
pub fn reason(error: &(impl std::fmt::Debug + 'static)) -> String {
    #[cfg(feature = "cuda")]
    if let Some(error) = (error as &dyn std::any::Any).downcast_ref() {
        return cuda::reason(error);
    }
    format!("it answers {error:?}")
}
