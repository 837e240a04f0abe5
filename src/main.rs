//! The `taskwright` program.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    // A supervisor sets up nothing but itself: it is to be small and quick.
    if args.next().as_deref() == Some(OsStr::new("supervise"))
        && let Some(run_dir) = args.next()
    {
        return taskwright::agent::supervisor::main(Path::new(&run_dir));
    }
    taskwright::cli::run()
}
