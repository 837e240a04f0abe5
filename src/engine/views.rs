//! What clients see of a task beyond its rows: evidence, worktrees, changes, differences.

pub(crate) use super::merging::merge;

use super::{EngineError, Evidence, TestRound, WorktreeView, context::Context, judging, places::blocking};
use crate::{
    domain::{
        EventBody, Seq, Task, TaskId,
        event::Event,
        task::{Access, Workplace},
        test_case::TestCase,
    },
    store::{EventFilter, Queries, StoreError},
    workspace::{CommitView, FileChange, WorkspaceError},
};
use std::{collections::BTreeMap, path::Path};

/// Events that are read at once.
const EVENT_PAGE: u32 = 500;

/// What a task ended with, or has so far.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn evidence(ctx: &Context, task: &Task) -> Result<Evidence, EngineError> {
    let id = task.id;
    let (decisions, cases, events) = ctx
        .store
        .read(move |queries| {
            let decisions = queries.decisions(id)?;
            Ok::<_, StoreError>((decisions, queries.test_cases(id, None)?, test_events(queries, id)?))
        })
        .await?;
    let (rounds, tests_note) = rounds(&events, cases);
    let places = written(ctx, task).await?;
    let (mut commits, mut diff_stat) = (Vec::new(), (0, 0, 0));
    for place in places {
        let (of_place, changes) = commits_and_changes(ctx, place).await?;
        commits.extend(of_place);
        diff_stat = changes.iter().fold(diff_stat, |(files, added, removed), change| {
            (files + 1, added + u64::from(change.additions), removed + u64::from(change.deletions))
        });
    }
    Ok(Evidence {
        criteria: judging::latest_findings(ctx, id).await?,
        rounds,
        tests_note,
        decisions: decisions
            .into_iter()
            .map(|mut decision| {
                decision.input = serde_json::Value::Null;
                decision
            })
            .collect(),
        commits,
        diff_stat,
        spent: task.spent,
    })
}

/// The commits and changes of a place; none of one that cannot be read any more.
async fn commits_and_changes(
    ctx: &Context,
    place: Workplace,
) -> Result<(Vec<CommitView>, Vec<FileChange>), EngineError> {
    let workspaces = ctx.workspaces.clone();
    blocking(move || {
        Ok::<_, WorkspaceError>((
            workspaces.commits(&place).unwrap_or_default(),
            workspaces.changes(&place).unwrap_or_default(),
        ))
    })
    .await
}

fn test_events(queries: &Queries<'_>, id: TaskId) -> Result<Vec<Event>, StoreError> {
    let mut filter = EventFilter {
        after: Seq(0),
        up_to: None,
        tasks: Some(vec![id]),
        kinds: vec!["tests.started".to_owned(), "tests.ended".to_owned()],
    };
    let mut events = Vec::new();
    loop {
        let page = queries.events(&filter, EVENT_PAGE)?;
        let Some(last) = page.last() else {
            return Ok(events);
        };
        filter.after = last.seq;
        events.extend(page);
    }
}

/// The rounds that have ended with their cases, and why there are none.
fn rounds(events: &[Event], cases: Vec<TestCase>) -> (Vec<TestRound>, Option<String>) {
    let mut by_round: BTreeMap<u32, Vec<TestCase>> = BTreeMap::new();
    for case in cases {
        by_round.entry(case.round).or_default().push(case);
    }
    let (mut rounds, mut runners, mut note) = (BTreeMap::new(), BTreeMap::new(), None);
    for event in events {
        match &event.body {
            EventBody::TestsStarted { round, runner, .. } => {
                runners.insert(*round, runner.clone());
            }
            EventBody::TestsEnded { round: 0, text, .. } => note = Some(text.clone()),
            EventBody::TestsEnded { round, passed, text, .. } => {
                let runner = runners.get(round).cloned().unwrap_or_default();
                let cases = by_round.remove(round).unwrap_or_default();
                let ended = TestRound { round: *round, runner, passed: *passed, text: text.clone(), cases };
                rounds.insert(*round, ended);
            }
            _ => {}
        }
    }
    (rounds.into_values().collect(), note)
}

/// The task's places, and how they stand.
///
/// # Errors
/// When the database or a repository cannot be read.
pub(crate) async fn worktrees(ctx: &Context, task: &Task) -> Result<Vec<WorktreeView>, EngineError> {
    let mut views = Vec::new();
    for place in super::places::places(ctx, task.id).await? {
        let (workspaces, id, of) = (ctx.workspaces.clone(), task.id, place.clone());
        let state = blocking(move || workspaces.state(id, &of)).await?;
        views.push(WorktreeView { place, state });
    }
    Ok(views)
}

/// The files that differ from the base, in all its write places; paths of further places begin with their folder's name.
///
/// # Errors
/// When the database or a repository cannot be read.
pub(crate) async fn changes(ctx: &Context, task: &Task) -> Result<Vec<FileChange>, EngineError> {
    let mut all = Vec::new();
    for (index, place) in written(ctx, task).await?.into_iter().enumerate() {
        let prefix = prefix(index, &place);
        let workspaces = ctx.workspaces.clone();
        let changes = blocking(move || workspaces.changes(&place)).await?;
        all.extend(changes.into_iter().map(|change| FileChange {
            path: format!("{prefix}{}", change.path),
            old_path: change.old_path.map(|path| format!("{prefix}{path}")),
            ..change
        }));
    }
    Ok(all)
}

/// The unified diff to the base of one file, as `changes` names it, or of all, at most `limit` bytes.
///
/// # Errors
/// When the database or a repository cannot be read.
pub(crate) async fn diff(
    ctx: &Context,
    task: &Task,
    path: Option<String>,
    limit: usize,
) -> Result<String, EngineError> {
    let places = written(ctx, task).await?;
    let wanted = path.as_deref().map(|path| place_of_path(&places, path));
    let mut diff = String::new();
    for (index, place) in places.into_iter().enumerate() {
        let path = match &wanted {
            Some((of, _)) if *of != index => continue,
            Some((_, path)) => Some(path.clone()),
            None => None,
        };
        let (workspaces, room) = (ctx.workspaces.clone(), limit.saturating_sub(diff.len()));
        diff.push_str(&blocking(move || workspaces.diff(&place, path.as_deref(), room)).await?);
    }
    Ok(diff)
}

/// Which place a path is of, and the path there.
fn place_of_path(places: &[Workplace], path: &str) -> (usize, String) {
    places
        .iter()
        .enumerate()
        .skip(1)
        .find_map(|(index, place)| Some((index, path.strip_prefix(&prefix(index, place))?.to_owned())))
        .unwrap_or_else(|| (0, path.to_owned()))
}

fn prefix(index: usize, place: &Workplace) -> String {
    let name = Path::new(&place.source).file_name().map(|name| name.to_string_lossy().into_owned());
    match name.filter(|_| index > 0) {
        Some(name) => format!("{name}/"),
        None => String::new(),
    }
}

/// The places that the task writes in repositories, each worktree once.
pub(super) async fn written(ctx: &Context, task: &Task) -> Result<Vec<Workplace>, EngineError> {
    let mut written: Vec<Workplace> = Vec::new();
    for place in super::places::places(ctx, task.id).await? {
        let is_new = !written.iter().any(|other| other.path == place.path);
        if place.access == Access::Write && place.base_commit.is_some() && is_new {
            written.push(place);
        }
    }
    Ok(written)
}

#[cfg(test)]
#[path = "views_tests.rs"]
mod tests;
