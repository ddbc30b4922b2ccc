//! The `belfry` program: a thin shell around the library.

fn main() -> std::process::ExitCode {
    belfry::cli::run()
}
