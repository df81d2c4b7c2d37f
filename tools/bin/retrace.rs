//! Retrace, the flight recorder for trading strategies: all of it is in `retrace-tools`.
fn main() -> std::process::ExitCode {
    retrace_tools::main_with()
}
