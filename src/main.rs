//! The `dsv` binary: everything is in the library's `cli`.

fn main() -> std::process::ExitCode {
    dsv::cli::main()
}
