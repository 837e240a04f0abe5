use super::*;
use crate::agent::StopGraces;
use crate::agent::run_dir::{EXIT, ExitRecord};
use crate::process::ProcessIdentity;
use proptest::prelude::*;
use uuid::Uuid;

fn record() -> RunRecord {
    let nobody = ProcessIdentity { pid: 0, start_time: 0, boot_id: "none".to_owned() };
    RunRecord {
        run: Uuid::nil(),
        supervisor: nobody.clone(),
        agent: nobody,
        line_cap: 300,
        graces: StopGraces::default(),
    }
}

/// A run that is over, whose agent wrote these bytes.
fn over(spool: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(SPOOL), spool).unwrap();
    let exit = ExitRecord { code: Some(0), signal: None, ended: false, lost: false };
    run_dir::write_record(dir.path(), EXIT, &exit).unwrap();
    dir
}

/// Everything that a reader tells from an offset on. `stop_after` drops the receiver after so many events.
fn read(dir: &Path, from_offset: u64, stop_after: usize) -> Vec<AgentEvent> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (tell, mut events) = mpsc::channel(EVENT_BUFFER);
        let reader = SpoolReader::open(dir, record(), from_offset, tell).unwrap();
        let over = watch::Sender::new(Progress { spooled: 0, state: RunState::Over });
        let mut all = Vec::new();
        let receive = async {
            while all.len() < stop_after
                && let Some(event) = events.recv().await
            {
                all.push(event);
            }
            drop(events);
        };
        tokio::join!(reader.run(over.subscribe()), receive);
        all
    })
}

fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"{"type":"system","subtype":"init","session_id":"s"}"#.to_owned()),
        Just(
            r#"{"type":"assistant","message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}"#
                .to_owned()
        ),
        Just(r#"{"type":"user","isReplay":true,"uuid":"u"}"#.to_owned()),
        Just(r#"{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1700000000}}"#.to_owned()),
        Just(r#"{"type":"control_response","response":{"subtype":"success","request_id":"r"}}"#.to_owned()),
        (0_u32..4, any::<bool>()).prop_map(|(cost, failed)| {
            let text = if failed { "Claude AI usage limit reached|1700000000" } else { "done" };
            format!(r#"{{"type":"result","is_error":{failed},"result":"{text}","total_cost_usd":{cost}}}"#)
        }),
        "[a-z ]{0,20}",
        Just("x".repeat(400)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn reattaching_at_any_event_tells_exactly_what_follows(
        lines in proptest::collection::vec(any_line(), 0..20),
        half in "[a-z]{0,5}",
    ) {
        let spool = lines.iter().map(|line| format!("{line}\n")).collect::<String>() + &half;
        let dir = over(spool.as_bytes());
        let all = read(dir.path(), 0, usize::MAX);
        prop_assert!(matches!(all.last().map(|event| &event.kind), Some(AgentEventKind::Exited(_))));
        for (index, event) in all.iter().enumerate() {
            let from = all[..=index].iter().rposition(|event| !event.more_of_line).map_or(0, |whole| whole + 1);
            let expected = if index + 1 == all.len() { &all[index..] } else { &all[from..] };
            prop_assert_eq!(&read(dir.path(), event.end_offset, usize::MAX), expected, "after event {}", index);
        }
    }

    #[test]
    fn a_reader_that_was_cut_off_leaves_the_next_one_nothing_wrong(
        lines in proptest::collection::vec(any_line(), 1..20),
        stop_after in 1_usize..20,
    ) {
        let spool: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let all = read(over(spool.as_bytes()).path(), 0, usize::MAX);
        let dir = over(spool.as_bytes());
        let first = read(dir.path(), 0, stop_after);
        let stored = first.iter().rposition(|event| !event.more_of_line).map_or(0, |whole| whole + 1);
        let offset = first[..stored].last().map_or(0, |event| event.end_offset);
        if stored < all.len() {
            prop_assert_eq!(read(dir.path(), offset, usize::MAX), &all[stored..]);
        }
    }
}

#[test]
fn an_offset_beyond_the_spool_tells_the_end_alone() {
    let dir = over(b"{\"type\":\"x\"}\n");
    let events = read(dir.path(), 1_000_000, usize::MAX);
    assert!(matches!(&events[..], [AgentEvent { kind: AgentEventKind::Exited(_), .. }]));
}

#[test]
fn a_checkpoint_spares_reading_from_the_beginning() {
    let turn = "{\"type\":\"result\",\"is_error\":false,\"total_cost_usd\":1}\n";
    let dir = over(turn.repeat(3).as_bytes());
    let all = read(dir.path(), 0, usize::MAX);
    // What lies before the checkpoint is not looked at again.
    std::fs::write(dir.path().join(SPOOL), "?".repeat(turn.len()) + &turn.repeat(2)).unwrap();
    assert_eq!(read(dir.path(), all[0].end_offset, usize::MAX), &all[1..]);
    let damaged = "{\"offset\":1,\"mem";
    std::fs::write(dir.path().join(CHECKPOINTS), damaged).unwrap();
    assert_eq!(read(dir.path(), all[2].end_offset, usize::MAX).len(), 1);
}
