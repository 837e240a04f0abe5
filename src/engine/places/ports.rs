//! Ranges of ports: one for each task whose project wants ports, never the same for two.

use super::super::{EngineError, context::Context};
use crate::{
    domain::{Status, TaskId, task::Workplace},
    store::{Queries, StoreError},
};
use std::{net::TcpListener, ops::RangeInclusive};

/// Most ports that one place can have.
const MAX_PORTS: u16 = 200;

/// Gives a place its range and stores it, so that no other task gets it; a range that it has already stays.
///
/// `places` are all places of the task so far, the one that wants ports being the last.
///
/// # Errors
/// When no range is left, with the setting to change.
pub(super) async fn claim(
    ctx: &Context,
    task: TaskId,
    places: &mut [Workplace],
    wanted: u16,
) -> Result<(), EngineError> {
    let wanted = wanted.min(MAX_PORTS);
    let mut in_use = Vec::new();
    loop {
        let Some(first) = ({
            let (range, in_use) = (ctx.config.ports.clone(), in_use.clone());
            let kept = places.last().and_then(|place| place.first_port.filter(|_| place.ports == wanted));
            let own: Vec<_> = places.iter().rev().skip(1).filter_map(range_of).collect();
            ctx.store
                .read(move |queries| {
                    let mut taken = taken_by_others(queries, task)?;
                    taken.extend(own);
                    let free = |first: u16| !overlaps(&taken, first, wanted);
                    if let Some(kept) = kept.filter(|first| free(*first)) {
                        return Ok::<_, StoreError>(Some(kept));
                    }
                    taken.extend(in_use);
                    Ok(first_free(&range, wanted, &taken))
                })
                .await?
        }) else {
            return Err(EngineError::Conflict(format!(
                "no {wanted} ports in a row are free between {} and {}; widen `ports` in the settings, or delete worktrees of tasks that have ended",
                ctx.config.ports.start(),
                ctx.config.ports.end()
            )));
        };
        let kept = places.last().and_then(|place| place.first_port) == Some(first);
        if !kept && let Some(busy) = (first..first + wanted).find(|port| !is_free(*port)) {
            in_use.push((busy, 1));
            continue;
        }
        if let Some(place) = places.last_mut() {
            (place.first_port, place.ports) = (Some(first), wanted);
        }
        let stored = places.to_vec();
        let others = places.iter().filter_map(range_of).collect::<Vec<_>>();
        let claimed = ctx
            .store
            .write(move |tx| {
                let taken = taken_by_others(tx, task)?;
                let free = others.iter().all(|(first, count)| !overlaps(&taken, *first, *count));
                if free {
                    tx.set_workplaces(task, &stored)?;
                }
                Ok::<_, StoreError>(free)
            })
            .await?;
        if claimed {
            return Ok(());
        }
    }
}

type Ports = (u16, u16);

fn range_of(place: &Workplace) -> Option<Ports> {
    place.first_port.map(|first| (first, place.ports))
}

fn taken_by_others(queries: &Queries<'_>, task: TaskId) -> Result<Vec<Ports>, StoreError> {
    let mut all = queries.all_workplaces()?;
    // Those that work in place have no worktree; they hold their ports while they live.
    for live in queries.tasks_in(&[Status::Running, Status::Paused, Status::Testing, Status::Stopped])? {
        all.extend(queries.workplaces(live.id)?.into_iter().map(|place| (live.id, place)));
    }
    Ok(all.iter().filter(|(of, _)| *of != task).filter_map(|(_, place)| range_of(place)).collect())
}

fn overlaps(taken: &[Ports], first: u16, count: u16) -> bool {
    let (first, end) = (u32::from(first), u32::from(first) + u32::from(count));
    taken.iter().any(|(other, many)| {
        let (other, other_end) = (u32::from(*other), u32::from(*other) + u32::from(*many));
        first < other_end && other < end
    })
}

/// The lowest start of `count` ports in a row that nobody has.
fn first_free(range: &RangeInclusive<u16>, count: u16, taken: &[Ports]) -> Option<u16> {
    let mut first = *range.start();
    while count > 0 && first.checked_add(count - 1).is_some_and(|last| last <= *range.end()) {
        let in_the_way = taken.iter().filter(|ports| overlaps(&[**ports], first, count));
        match in_the_way.map(|(other, many)| u32::from(*other) + u32::from(*many)).max() {
            None => return Some(first),
            Some(next) => first = u16::try_from(next).ok()?,
        }
    }
    None
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_lowest_gap_that_is_wide_enough_is_taken() {
        assert_eq!(first_free(&(100..=200), 10, &[]), Some(100));
        assert_eq!(first_free(&(100..=200), 10, &[(100, 5), (112, 10)]), Some(122));
        assert_eq!(first_free(&(100..=200), 7, &[(100, 5), (112, 10)]), Some(105));
        assert_eq!(first_free(&(100..=108), 10, &[]), None);
        assert_eq!(first_free(&(65_530..=65_535), 6, &[]), Some(65_530));
        assert_eq!(first_free(&(65_530..=65_535), 6, &[(65_535, 1)]), None);
    }

    proptest! {
        #[test]
        fn what_is_given_is_in_the_range_and_nobodys(
            taken in proptest::collection::vec((1_000_u16..1_100, 1_u16..20), 0..12),
            count in 1_u16..20,
        ) {
            if let Some(first) = first_free(&(1_000..=1_100), count, &taken) {
                prop_assert!(first >= 1_000 && first + count - 1 <= 1_100);
                prop_assert!(!overlaps(&taken, first, count));
            }
        }
    }
}
