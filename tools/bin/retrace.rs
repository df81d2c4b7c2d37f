//! Retrace, the flight recorder for trading strategies: all of it is in `retrace-tools`.
use retrace_tools::Projections;

fn main() -> std::process::ExitCode {
    retrace_tools::main_with(Projections::built_in())
}
