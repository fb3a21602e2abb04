//! Compiles the CUDA kernels to PTX, which the program has inside.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "cuda")]
    kernels::compile();
}

#[cfg(feature = "cuda")]
mod kernels {
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::{env, fs};

    const FOLDER: &str = "src/ops/cuda/kernels";

    /// Ends the build with a sentence.
    fn fail(why: &str) -> ! {
        println!("cargo:warning={why}");
        eprintln!("{why}");
        std::process::exit(1)
    }

    pub fn compile() {
        println!("cargo:rerun-if-changed={FOLDER}");
        println!("cargo:rerun-if-env-changed=CUDA_COMPUTE_CAP");
        let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
        let Ok(files) = fs::read_dir(FOLDER) else { fail("the kernels are missing: src/ops/cuda/kernels") };
        let sources = files.flatten().map(|f| f.path()).filter(|path| path.extension().is_some_and(|e| e == "cu"));
        // Without a toolkit nothing is compiled, and what is built cannot run.
        let checked = cfg!(feature = "cuda-check");
        let arch = if checked { String::new() } else { architecture() };
        for source in sources {
            let ptx = out.join(source.with_extension("ptx").file_name().unwrap_or_default());
            match checked {
                true => fs::write(&ptx, "").unwrap_or_else(|e| fail(&format!("{}: {e}", ptx.display()))),
                false => nvcc(&source, &ptx, &arch),
            }
        }
    }

    fn nvcc(source: &Path, ptx: &Path, arch: &str) {
        let mut command = Command::new("nvcc");
        command.args(["--ptx", "-O3", &format!("--gpu-architecture=compute_{arch}"), "-o"]).arg(ptx).arg(source);
        match command.output() {
            Ok(done) if done.status.success() => {}
            Ok(done) => {
                let said = String::from_utf8_lossy(&done.stderr).into_owned();
                fail(&format!("nvcc does not compile {} for compute_{arch}: {said}", source.display()));
            }
            Err(e) => fail(&format!("nvcc does not start ({e}): the feature cuda needs the CUDA toolkit on the path")),
        }
    }

    /// The compute capability, as dfdx takes it: CUDA_COMPUTE_CAP, or that of the first GPU.
    fn architecture() -> String {
        if let Ok(named) = env::var("CUDA_COMPUTE_CAP") {
            return named;
        }
        let asked = Command::new("nvidia-smi").args(["--query-gpu=compute_cap", "--format=csv,noheader"]).output();
        let text = asked.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
        match text.lines().next().map(|line| line.trim().replace('.', "")).filter(|line| !line.is_empty()) {
            Some(found) => found,
            None => fail("nvidia-smi names no GPU: say with CUDA_COMPUTE_CAP for which compute capability to build"),
        }
    }
}
