//! `retrace` with one projection more.

use execution_quality::ExecutionQuality;
use retrace_tools::Projections;

fn main() -> std::process::ExitCode {
    retrace_tools::main_with(Projections::built_in().with::<ExecutionQuality>())
}
