//! What NVIDIA's own cuDNN plans for a GPU that is described, with no GPU in the machine.

use super::plan::Pass;
use super::*;
use crate::kernels::geometry::{Conv, ConvGeometry};
use crate::ops::Precision;

/// An H200.
const DESCRIPTION: &str = r#"{"deviceVer": 900, "driverVer": 13000, "cudaDeviceId": 0, "deviceId": 0,
    "totalGlobalMem": 150754820096, "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64],
    "regsPerBlock": 65536, "multiProcessorCount": 132, "warpSize": 32, "maxSharedMemoryPerBlock": 49152,
    "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024,
    "sharedMemPerMultiprocessor": 233472, "maxSharedMemoryPerSM": 233472, "maxRegistersPerSM": 65536,
    "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "pciDeviceId": 9013, "isTccDriver": 0,
    "supportCoopLaunch": 1, "smClockRateKHz": 1980000, "memClockRateKHz": 3201000, "l2CacheSize": 62914560,
    "deviceName": "NVIDIA H200", "memoryBusWidth": 6144, "memBusWidth": 6144}"#;

/// The most workspace that is allowed.
const LIMIT: u64 = 256 << 20;

/// Images, height, width, kernel, stride, padding, dilation, groups, channels in and out.
type Sizes = [usize; 12];

fn geometry([n, h, w, kh, kw, stride, ph, pw, dilation, groups, c_in, c_out]: Sizes) -> ConvGeometry {
    ConvGeometry::new(Conv { kernel: (kh, kw), stride, padding: (ph, pw), dilation, groups, c_in, c_out }, n, h, w)
}

/// Tells which convolutions have no plan; that all have one is no promise of every version. Needs NVIDIA's library beside
/// its cuBLAS, from Python's packages, and a list of convolutions, which `tests/cuda/convolutions.rs` writes:
///
/// ```text
/// export TRICKTOP_CONVOLUTIONS=/tmp/convolutions.json TRICKTOP_CUDNN=$VIRTUAL_ENV/lib/python3.11/site-packages/nvidia/cudnn/lib
/// cargo test --features cuda --test cuda list_of_convolutions -- --ignored
/// cargo test --features cuda --lib plans_without_a_gpu -- --ignored --nocapture
/// ```
///
/// On the emulated GPU, NVIDIA's cuBLAS has to come before the emulated one in `LD_LIBRARY_PATH` for the last of these.
#[test]
#[ignore = "asks NVIDIA's library, which must be named"]
fn plans_without_a_gpu() {
    let library = Library::get().unwrap_or_else(|error| panic!("{error}"));
    let text = format!("{DESCRIPTION}\0");
    let device = Descriptor::new(&library.table, Kind::Device, &[(2702, Value::Text(text.as_bytes()))]);
    let device = device.unwrap_or_else(|error| panic!("{error}"));
    let cudnn = Cudnn::on(library, Target::Described(device, &library.table));
    println!("{} at {}", cudnn.name(), cudnn.library.path);
    let list = std::fs::read_to_string(std::env::var("TRICKTOP_CONVOLUTIONS").unwrap()).unwrap();
    let list: Vec<Sizes> = serde_json::from_str(&list).unwrap();
    assert!(!list.is_empty());
    let formats = [
        (Precision::Half, false),
        (Precision::BrainHalf, false),
        (Precision::Single, true),
        (Precision::Single, false),
    ];
    for (precision, tf32) in formats {
        for (pass, accumulate) in [
            (Pass::Forward, false),
            (Pass::Data, false),
            (Pass::Data, true),
            (Pass::Filter, false),
            (Pass::Filter, true),
        ] {
            let begun = std::time::Instant::now();
            let of = |sizes: &Sizes| Convolution { pass, geometry: geometry(*sizes), precision, accumulate, tf32 };
            let plans: Vec<_> = list.iter().map(|sizes| cudnn.plan(&of(sizes), LIMIT)).collect();
            let workspace = plans.iter().flatten().map(|plan| plan.workspace()).max().unwrap_or(0);
            println!(
                "{pass:?} in {}{}{}: {} of {} have a plan, with {:.1} MB of workspace at most; {:.1} s",
                precision.name(),
                if tf32 { " with TF32" } else { "" },
                if accumulate { ", added" } else { "" },
                plans.iter().flatten().count(),
                plans.len(),
                workspace as f64 / 1e6,
                begun.elapsed().as_secs_f64(),
            );
            plans.iter().filter_map(|plan| plan.as_ref().err()).for_each(|error| println!("    {error}"));
        }
    }
}
