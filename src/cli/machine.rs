//! What the machine is and how fast: `doctor` and `bench`.

use super::{Failure, print};
use crate::doctor::{Report, Terminal};
use crate::recipe::settings::Device;
use crate::train::bench::Case;
use crate::{train, tui};
use std::process::ExitCode;

/// Looks at the machine, and tests it; 1 when the test fails.
pub(super) fn doctor(test: bool, device: Device, timed: bool, json: bool) -> Result<ExitCode, Failure> {
    let mut report = Report::new(Terminal::look(tui::color_from_env(), tui::ascii_from_env()));
    if test {
        report.test(device, timed).map_err(Failure::Bench)?;
    }
    let text = if json {
        serde_json::to_string_pretty(&report).map_err(|e| Failure::Print(e.into()))? + "\n"
    } else {
        report.text()
    };
    let code = print(&text)?;
    Ok(if report.well() { code } else { ExitCode::FAILURE })
}

pub(super) fn bench(
    cases: impl Iterator<Item = Case>,
    steps: u64,
    json: bool,
    profile: bool,
    device: Device,
) -> Result<ExitCode, Failure> {
    for case in cases {
        let t = train::bench::run(case, steps as usize, device).map_err(Failure::Bench)?;
        let shares = t.profile.iter().filter(|_| profile);
        let shares: String = shares.map(|s| format!("\n  {:5.1} %  {}", s.share * 100.0, s.work)).collect();
        let line = if json {
            serde_json::to_string(&t).map_err(|e| Failure::Print(e.into()))?
        } else {
            format!(
                "{}{}  {}  batch {}  step {:.2} ms (median {:.2})  {:.1} img/s  forward {:.2} ms  inference {:.2} ms{}{shares}",
                t.net,
                if t.frozen { " frozen" } else { "" },
                t.format,
                t.batch,
                t.step_ms,
                t.step_ms_median,
                t.img_s,
                t.forward_ms,
                t.inference_ms,
                t.peak_rss_mb.map_or(String::new(), |mb| format!("  peak {mb} MB"))
            )
        };
        print(&(line + "\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
