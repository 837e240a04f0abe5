//! Takes what the agent writes: standard output into the spool, the end of standard error into a small file.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::agent::run_dir::{self, STDERR, STDERR_OLD, STDERR_TAIL};

/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// How long to wait before writing again when the disk does not take it.
const DISK_PATIENCE: Duration = Duration::from_millis(500);

/// Appends everything that the agent says to the spool, until its output is closed or `stop` says that nobody is left
/// to write.
pub(super) async fn spool(shared: Rc<Shared>, stdout: OwnedFd, mut file: File, stop: CancellationToken) {
    let Ok(mut stdout) = Receiver::from_owned_fd(stdout) else {
        return;
    };
    let mut chunk = vec![0; CHUNK];
    let mut length = 0;
    loop {
        let read = tokio::select! {
            biased;
            read = stdout.read(&mut chunk) => read,
            () = stop.cancelled() => return,
        };
        let Ok(read @ 1..) = read else {
            return;
        };
        let mut written = 0;
        persist("the spool", || {
            while written < read {
                written += file.write(&chunk[written..read])?;
            }
            Ok(())
        })
        .await;
        length += read as u64;
        shared.spooled.send_replace(length);
    }
}

/// Keeps the end of standard error in two files, the older of which is thrown away when the newer is full.
pub(super) async fn keep_stderr(stderr: OwnedFd, stop: CancellationToken) {
    let Ok(mut stderr) = Receiver::from_owned_fd(stderr) else {
        return;
    };
    let mut chunk = vec![0; 8 * 1024];
    let mut file: Option<File> = None;
    let mut length = 0;
    loop {
        let read = tokio::select! {
            biased;
            read = stderr.read(&mut chunk) => read,
            () = stop.cancelled() => return,
        };
        let Ok(read @ 1..) = read else {
            return;
        };
        if length > STDERR_TAIL {
            std::fs::rename(STDERR, STDERR_OLD).ok();
            file = None;
            length = 0;
        }
        if file.is_none() {
            file = run_dir::private().write(true).truncate(true).open(STDERR).ok();
        }
        // What the agent mutters is worth less than its work: a full disk does not hold it up for that.
        if let Some(file) = &mut file {
            file.write_all(&chunk[..read]).ok();
        }
        length += read as u64;
    }
}

/// Does it again until the disk takes it. The agent waits meanwhile. When the run's folder is gone, nobody will ask for
/// it any more, and it is given up.
pub(super) async fn persist(what: &str, mut write: impl FnMut() -> std::io::Result<()>) {
    let mut told = false;
    while let Err(error) = write() {
        if error.kind() == std::io::ErrorKind::NotFound {
            return;
        }
        if !told {
            eprintln!("cannot write {what}: {error}; trying again until it works");
            told = true;
        }
        tokio::time::sleep(DISK_PATIENCE).await;
    }
}
