//! SEAM: stands in for the benchmark until it is merged, with the interface that the command line uses.

/// Nets that the benchmark times.
pub const BENCH_NETS: &[&str] = &["resnet20d-28", "resnet18d-32"];

/// Speed of one net.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Timing {
    /// Name of the net.
    pub net: String,
    /// Images a step.
    pub batch: usize,
    /// Fastest step.
    pub step_ms: f64,
    /// Median step.
    pub step_ms_median: f64,
    /// Images a second, from the fastest step.
    pub img_s: f64,
    /// Peak memory of the process.
    pub peak_rss_mb: u64,
}

/// Why a net could not be timed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct BenchError(String);

/// Times `steps` training steps of a net on synthetic data.
///
/// # Errors
/// Always, in this stand-in.
pub fn bench(net: &str, _: u64) -> Result<Timing, BenchError> {
    Err(BenchError(format!("{net}: there is no benchmark yet")))
}
