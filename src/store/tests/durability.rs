//! What stays on the disk: kill, full disk, damage, versions, backups.

use super::*;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

const CHILD_DIR: &str = "TASKWRIGHT_TEST_STORE_DIR";

/// The process that the test below kills: it writes without end and prints each sequence number it was given.
#[test]
#[ignore = "runs as the child of another test"]
fn child_that_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(async {
        let store = Store::open(std::path::Path::new(&dir), ticking()).expect("the database opens");
        let task = with_tasks(&store, &[&format!("task {}", TaskId::new())]).await.remove(0);
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (store, task) = (store.clone(), task.clone());
            writers.spawn(async move {
                loop {
                    let seq = append(&store, &task, &"text ".repeat(50)).await.expect("there is room");
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "\nseq {seq}").and_then(|()| out.flush()).expect("the parent reads");
                }
            });
        }
        while writers.join_next().await.is_some() {}
    });
}

#[tokio::test]
async fn after_a_kill_every_event_that_was_acknowledged_is_there_once() {
    let dir = tempfile::tempdir().expect("a folder for the test");
    let mut acknowledged = Vec::new();
    for _ in 0..3 {
        #[allow(clippy::disallowed_methods, reason = "a test starts the process that it kills")]
        let mut child = Command::new(std::env::current_exe().expect("this test has a file"))
            .args(["--exact", "store::tests::durability::child_that_writes_until_it_is_killed"])
            .args(["--ignored", "--nocapture", "--test-threads=1"])
            .env(CHILD_DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the child starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut killed = false;
        // What the child printed before it was killed counts, also what is read after.
        for line in lines.map_while(Result::ok) {
            acknowledged.extend(line.strip_prefix("seq ").and_then(|seq| seq.parse::<i64>().ok()));
            if !killed && acknowledged.len() % 50 == 49 {
                child.kill().expect("it can be killed");
                killed = true;
            }
        }
        child.wait().expect("it has ended");
        assert!(killed, "the child ended by itself");
    }
    let store = Store::open(dir.path(), ticking()).expect("the database opens");
    assert_eq!(store.integrity().await.expect("it is checked"), Vec::<String>::new());
    let logged: Vec<_> = log(&store).await.into_iter().map(|event| event.seq.0).collect();
    assert_eq!(logged, (1..=logged.len() as i64).collect::<Vec<_>>());
    let unique: std::collections::BTreeSet<_> = acknowledged.iter().copied().collect();
    assert_eq!(unique.len(), acknowledged.len(), "a sequence number was given twice");
    assert!(unique.iter().all(|seq| logged.binary_search(seq).is_ok()), "an acknowledged event is lost");
    assert_eq!(store.last_seq().0, logged.len() as i64);
}

/// Lets the database have so many pages more than it has.
async fn limit_pages(store: &Store, more: i64) {
    store
        .write(move |tx| -> Result<(), StoreError> {
            let pages: i64 = tx.prepare("PRAGMA page_count")?.query_row([], |row| row.get(0))?;
            tx.prepare(&format!("PRAGMA max_page_count = {}", pages + more))?.query_row([], |_| Ok(()))?;
            Ok(())
        })
        .await
        .expect("the limit is set");
}

/// Writes large events, ten at once, until one is refused; the texts of those that were kept.
async fn fill(store: &Store, task: &Task) -> Vec<String> {
    let mut kept = Vec::new();
    for round in 0.. {
        let texts: Vec<_> = (0..10).map(|number| format!("{round}/{number} {}", "x".repeat(20_000))).collect();
        let results = futures_util::future::join_all(texts.iter().map(|text| append(store, task, text))).await;
        let mut full = false;
        for (text, result) in texts.into_iter().zip(results) {
            match result {
                Ok(_) => kept.push(text),
                Err(StoreError::Full) => full = true,
                Err(other) => panic!("a full disk shows as {other:?}"),
            }
        }
        if full {
            break;
        }
    }
    kept
}

#[tokio::test]
async fn a_full_disk_keeps_nothing_of_what_it_refused_and_the_writer_recovers() {
    let Opened { store, dir: _dir } = opened();
    let tasks = with_tasks(&store, &["one"]).await;
    let mut subscription = store.subscribe();
    limit_pages(&store, 200).await;
    let mut kept = fill(&store, &tasks[0]).await;
    assert!(!kept.is_empty());
    limit_pages(&store, 10_000).await;
    append(&store, &tasks[0], "room again").await.expect("there is room");
    kept.push("room again".to_owned());
    let logged = log(&store).await;
    assert_eq!(
        logged.iter().map(|event| event.body.clone()).collect::<Vec<_>>(),
        kept.iter().map(|t| said(t)).collect::<Vec<_>>()
    );
    for event in &logged {
        assert!(matches!(subscription.next().await, Heard::Event(heard) if *heard.event == *event));
    }
    assert_eq!(store.integrity().await.expect("it is checked"), Vec::<String>::new());
}

/// A small file system, where this process may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    #[allow(clippy::disallowed_methods, reason = "a test mounts its own disk")]
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().expect("a folder for the test");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(dir.path())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(dir))
    }
}

impl Drop for SmallDisk {
    #[allow(clippy::disallowed_methods, reason = "a test unmounts its own disk")]
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0.path()).status());
    }
}

#[tokio::test]
async fn a_disk_that_is_really_full_does_the_same() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("not tried: this process may not mount a file system");
        return;
    };
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![0; 700_000]).expect("the ballast fits");
    let store = Store::open(disk.0.path(), ticking()).expect("the database fits");
    let tasks = with_tasks(&store, &["one"]).await;
    let mut kept = fill(&store, &tasks[0]).await;
    std::fs::remove_file(ballast).expect("it is there");
    append(&store, &tasks[0], "room again").await.expect("there is room");
    kept.push("room again".to_owned());
    let texts: Vec<_> = log(&store).await.into_iter().map(|event| event.body).collect();
    assert_eq!(texts, kept.iter().map(|text| said(text)).collect::<Vec<_>>());
    assert_eq!(store.integrity().await.expect("it is checked"), Vec::<String>::new());
    store.close().await;
}

#[tokio::test]
async fn the_state_and_the_cursor_are_the_same_after_opening_again() {
    let opened = opened();
    let tasks = with_tasks(&opened.store, &["one", "two"]).await;
    append(&opened.store, &tasks[0], "x").await.expect("there is room");
    let id = tasks[0].id;
    let _: () = opened.store.write(move |tx| tx.delete_task(id)).await.map_err(|e: StoreError| e).expect("it goes");
    let before = opened.store.dump().await.expect("it reads");
    let opened = opened.again().await;
    assert_eq!(opened.store.dump().await.expect("it reads"), before);
    assert_eq!(opened.store.last_seq(), Seq(1));
    assert_eq!(append(&opened.store, &tasks[1], "y").await.expect("there is room"), Seq(2));
    assert_eq!(log(&opened.store).await.len(), 2, "a deleted task's events stay");
}

#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    let opened = opened();
    let tasks = with_tasks(&opened.store, &["one"]).await;
    append(&opened.store, &tasks[0], "x").await.expect("there is room");
    log(&opened.store).await;
    opened.store.backup(&opened.dir.path().join("copy.db")).await.expect("it is copied");
    for name in ["taskwright.db", "taskwright.db-wal", "taskwright.db-shm", "copy.db"] {
        let mode = std::fs::metadata(opened.dir.path().join(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_later_version_is_refused_with_words() {
    let opened = opened();
    opened.store.close().await;
    let conn = rusqlite::Connection::open(opened.file()).expect("it opens");
    conn.pragma_update(None, "user_version", 999).expect("it is set");
    drop(conn);
    let error = Store::open(opened.dir.path(), ticking()).err().expect("it is refused");
    assert!(matches!(error, StoreError::Newer { found: 999, .. }), "{error:?}");
    assert!(error.to_string().contains("run the later program, or restore a backup"), "{error}");
}

#[tokio::test]
async fn a_damaged_or_foreign_file_is_refused_with_words() {
    let opened = opened();
    let tasks = with_tasks(&opened.store, &["one"]).await;
    for _ in 0..50 {
        append(&opened.store, &tasks[0], &"x".repeat(2000)).await.expect("there is room");
    }
    opened.store.close().await;
    let bytes = std::fs::read(opened.file()).expect("it is there");

    let mut damaged = bytes.clone();
    damaged[8192..60_000].fill(0x5a);
    let dir = tempfile::tempdir().expect("a folder for the test");
    for (name, content, hint) in [
        ("middle.db", damaged, "is damaged"),
        ("text.db", b"this is no database, but it is long enough to be read as one".repeat(40), "is damaged"),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, content).expect("it is written");
        let error = Store::open(&path, ticking()).err().expect("it is refused");
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains(hint), "{error}");
    }

    let foreign = dir.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).and_then(|conn| conn.execute_batch("CREATE TABLE tasks (id)")).expect("made");
    let error = Store::open(&foreign, ticking()).err().expect("it is refused");
    assert!(error.to_string().contains("another program"), "{error}");

    let error = Store::open(&dir.path().join("no/such/folder.db"), ticking()).err().expect("it is refused");
    assert!(error.to_string().contains("folder is not there"), "{error}");
}

#[tokio::test]
async fn a_backup_made_while_others_write_is_whole() {
    let Opened { store, dir } = opened();
    let tasks = with_tasks(&store, &["one"]).await;
    let copy = dir.path().join("copy.db");
    let writing = async {
        for number in 0..100 {
            append(&store, &tasks[0], &number.to_string()).await.expect("there is room");
        }
    };
    let (backup, ()) = tokio::join!(store.backup(&copy), writing);
    backup.expect("it is copied");
    let error = store.backup(&copy).await.expect_err("the file is there");
    assert!(error.to_string().contains("already"), "{error}");
    let copied = Store::open(&copy, ticking()).expect("the copy opens");
    assert_eq!(copied.integrity().await.expect("it is checked"), Vec::<String>::new());
    let (whole, part) = (log(&store).await, log(&copied).await);
    assert_eq!(part[..], whole[..part.len()]);
}

#[tokio::test]
async fn the_last_clone_may_end_inside_the_writer() {
    let Opened { store, dir: _dir } = opened();
    let clone = store.clone();
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    let mut writing = Box::pin(store.write(move |_| -> Result<(), StoreError> {
        drop(clone);
        drop(ended);
        Ok(())
    }));
    // Polled once, the work is queued; its caller then goes away.
    assert!(futures_util::poll!(&mut writing).is_pending());
    drop(writing);
    drop(store);
    assert!(end.await.is_err());
}
