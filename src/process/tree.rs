//! Trees of processes: who descends from whom, who carries a marker, and ending them all.
//!
//! Reads `/proc`. Where there is none (macOS), nothing is found, and only what a caller knows by number can be ended.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// How often a tree is looked at again after killing, before it is given up. A process that forks faster than it can
/// be killed, or one that the system cannot end (stuck in a disk), must not hold its killer for ever.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// How long a round of killing waits for the killed to disappear.
const KILL_ROUND: Duration = Duration::from_millis(5);

/// What `/proc/PID/stat` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// The process.
    pub pid: u32,
    /// Its parent.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// When it began, in ticks since the machine started.
    pub start_time: u64,
    state: u8,
}

impl Stat {
    /// Reads the entry of one process; `None` if there is none.
    #[must_use]
    pub fn read(pid: u32) -> Option<Self> {
        Self::parse(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Whether it has ended and only waits to be reaped.
    #[must_use]
    pub const fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// The second field is the program's name in parentheses and may itself hold blanks and parentheses.
    fn parse(text: &[u8]) -> Option<Self> {
        let open = text.iter().position(|&byte| byte == b'(')?;
        let close = text.iter().rposition(|&byte| byte == b')')?;
        let pid = std::str::from_utf8(text.get(..open)?).ok()?.trim().parse().ok()?;
        let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Self {
            pid,
            state: *fields.first()?.as_bytes().first()?,
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            start_time: fields.get(19)?.parse().ok()?,
        })
    }
}

/// All processes that are alive, by number.
#[must_use]
pub fn table() -> BTreeMap<u32, Stat> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(Stat::read)
        .filter(|stat| !stat.is_zombie())
        .map(|stat| (stat.pid, stat))
        .collect()
}

/// The living descendants of a process, without itself.
#[must_use]
pub fn descendants(root: u32) -> Vec<Stat> {
    descendants_in(&table(), root)
}

fn descendants_in(table: &BTreeMap<u32, Stat>, root: u32) -> Vec<Stat> {
    let mut children: BTreeMap<u32, Vec<&Stat>> = BTreeMap::new();
    for stat in table.values() {
        children.entry(stat.parent).or_default().push(stat);
    }
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([root]);
    let mut todo = vec![root];
    while let Some(parent) = todo.pop() {
        for child in children.get(&parent).into_iter().flatten() {
            if seen.insert(child.pid) {
                found.push(**child);
                todo.push(child.pid);
            }
        }
    }
    found
}

/// The living processes whose environment holds `name=value`. Only those of the same user can be seen.
#[must_use]
pub fn marked(name: &str, value: &OsStr) -> Vec<Stat> {
    let own = std::process::id();
    let mut wanted = name.as_bytes().to_vec();
    wanted.push(b'=');
    wanted.extend_from_slice(value.as_bytes());
    table().into_values().filter(|stat| stat.pid != own && carries(stat.pid, &wanted)).collect()
}

fn carries(pid: u32, wanted: &[u8]) -> bool {
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environ| environ.split(|&byte| byte == 0).any(|variable| variable == wanted))
}

/// Sends a signal to one process, and to nobody else should its number have been given away meanwhile.
///
/// Returns whether it was sent.
#[must_use]
pub fn signal(stat: &Stat, signal: Signal) -> bool {
    let Some(pid) = i32::try_from(stat.pid).ok().and_then(Pid::from_raw) else {
        return false;
    };
    #[cfg(target_os = "linux")]
    {
        // The descriptor pins whoever has the number now; the start time tells whether that is the one meant.
        let Ok(pidfd) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) else {
            return false;
        };
        Stat::read(stat.pid).is_some_and(|now| now.start_time == stat.start_time)
            && rustix::process::pidfd_send_signal(&pidfd, signal).is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        rustix::process::kill_process(pid, signal).is_ok()
    }
}

/// Kills every process that `find` names, and looks again until it names none: a process may fork while others are
/// being killed. `between` is called after each round, to reap or wait.
///
/// Returns the numbers of those that were killed.
pub fn kill_all(mut find: impl FnMut() -> Vec<Stat>, mut between: impl FnMut()) -> Vec<u32> {
    let mut killed = BTreeSet::new();
    let begin = Instant::now();
    loop {
        let found = find();
        if found.is_empty() || begin.elapsed() > KILL_PATIENCE {
            return killed.into_iter().collect();
        }
        for stat in &found {
            if signal(stat, Signal::KILL) {
                killed.insert(stat.pid);
            }
        }
        between();
        std::thread::sleep(KILL_ROUND);
    }
}

/// Kills every process that carries a marker. Blocks for some milliseconds.
///
/// Returns the numbers of those that were killed.
#[must_use]
pub fn kill_marked(name: &str, value: &OsStr) -> Vec<u32> {
    kill_all(|| marked(name, value), || ())
}

/// The tree below one program that was started in a process group of its own with a marker in its environment. Kills
/// what is left of it when dropped.
#[derive(Debug)]
pub(super) struct Tree {
    root: u32,
    start_time: Option<u64>,
    marker: OsString,
    over: bool,
}

impl Tree {
    pub(super) fn new(root: u32, marker: OsString) -> Self {
        Self { root, start_time: Stat::read(root).map(|stat| stat.start_time), marker, over: false }
    }

    /// Members by descent, by group, or by marker: each finds what the others miss.
    fn members(root: u32, start_time: Option<u64>, marker: &OsStr) -> Vec<Stat> {
        let table = table();
        let mut found: BTreeMap<u32, Stat> =
            marked(super::RUN_MARKER, marker).into_iter().map(|stat| (stat.pid, stat)).collect();
        // Once the root is reaped, its number may be someone else's; a group of that number is theirs then.
        let owner = table.get(&root);
        let is_ours = owner.is_none_or(|stat| Some(stat.start_time) == start_time);
        if is_ours {
            found.extend(owner.map(|stat| (stat.pid, *stat)));
            found.extend(descendants_in(&table, root).into_iter().map(|stat| (stat.pid, stat)));
            found.extend(table.iter().filter(|(_, stat)| stat.group == root).map(|(pid, stat)| (*pid, *stat)));
        }
        found.into_values().collect()
    }

    /// Sends a signal to all members.
    pub(super) fn signal(&self, what: Signal) {
        for stat in Self::members(self.root, self.start_time, &self.marker) {
            let _sent = signal(&stat, what);
        }
    }

    /// Kills all members, and tells which there were.
    pub(super) async fn kill(mut self) -> Vec<u32> {
        let (root, start_time, marker) = (self.root, self.start_time, std::mem::take(&mut self.marker));
        self.over = true;
        let killing = move || kill_all(|| Self::members(root, start_time, &marker), || ());
        tokio::task::spawn_blocking(killing).await.unwrap_or_default()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if !self.over {
            self.signal(Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stat(pid: u32, parent: u32) -> (u32, Stat) {
        (pid, Stat { pid, parent, group: pid, start_time: 0, state: b'S' })
    }

    #[test]
    fn a_name_with_blanks_and_parentheses_does_not_confuse() {
        let mut text = b"42 (a) b (c) S 7 40 40 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 1234567 1 1".to_vec();
        let stat = Stat::parse(&text).unwrap();
        assert_eq!((stat.pid, stat.parent, stat.group, stat.start_time), (42, 7, 40, 1_234_567));
        text.truncate(20);
        assert_eq!(Stat::parse(&text), None);
    }

    #[test]
    fn descendants_are_found_at_any_depth_and_strangers_are_not() {
        let table: BTreeMap<_, _> = [stat(1, 0), stat(10, 1), stat(11, 10), stat(12, 11), stat(20, 1)].into();
        let mut found: Vec<u32> = descendants_in(&table, 10).iter().map(|stat| stat.pid).collect();
        found.sort_unstable();
        assert_eq!(found, [11, 12]);
    }

    #[test]
    fn a_circle_in_a_torn_reading_ends() {
        let table: BTreeMap<_, _> = [stat(10, 11), stat(11, 10)].into();
        assert_eq!(descendants_in(&table, 10).len(), 1);
    }

    #[test]
    fn a_signal_is_not_sent_to_a_later_owner_of_the_number() {
        let mut own = Stat::read(std::process::id()).unwrap();
        own.start_time += 1;
        assert!(!signal(&own, Signal::KILL));
    }

    #[test]
    fn a_marked_process_is_found_and_killed() {
        let value = uuid::Uuid::new_v4().to_string();
        #[expect(clippy::disallowed_methods, reason = "the test needs a process that it did not start by a command")]
        let mut child =
            std::process::Command::new("sleep").arg("600").env(super::super::RUN_MARKER, &value).spawn().unwrap();
        let found = kill_all(
            || marked(super::super::RUN_MARKER, OsStr::new(&value)),
            || {
                child.try_wait().ok();
            },
        );
        assert_eq!(found, [child.id()]);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Stat::parse(&text);
        }
    }
}
