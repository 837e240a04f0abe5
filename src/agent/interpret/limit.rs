//! Usage limits of an account, as the agent words them.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A sentence for the user.
pub(super) fn sentence(resets_at: Option<i64>) -> String {
    match resets_at.and_then(|seconds| Timestamp::from_second(seconds).ok()) {
        Some(at) => format!("The usage limit of the agent's account is reached until {at}."),
        None => "The usage limit of the agent's account is reached; the agent does not say until when.".to_owned(),
    }
}

/// Whether a text announces a usage limit, and when that ends, in seconds since 1970, if it says so. A time of day is
/// read as the next one after `now`, a moment in RFC 3339; without `now` it stays unknown.
pub(super) fn announced(said: &str, now: Option<&str>) -> Option<Option<i64>> {
    let lower = said.to_lowercase();
    let is_limit = lower.contains("usage limit reached")
        || (lower.contains("hit your") && lower.contains("limit"))
        || (lower.contains("limit reached") && lower.contains("resets"))
        || lower.contains("out of extra usage");
    if !is_limit {
        return None;
    }
    Some(epoch(said).or_else(|| time_of_day(&lower, said, now?.parse().ok()?)))
}

/// The number after the bar in `Claude AI usage limit reached|1700000000`.
fn epoch(said: &str) -> Option<i64> {
    let (_, rest) = said.split_once('|')?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The next such time after `now` in `resets 3pm`, `resets at 3:30pm (Europe/Berlin)`.
fn time_of_day(lower: &str, said: &str, now: Timestamp) -> Option<i64> {
    let (_, rest) = lower.split_once("resets ")?;
    let word = rest.trim_start_matches("at ").split([' ', '(']).next()?;
    let (clock, afternoon) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
        (Some(clock), _) => (clock, false),
        (_, Some(clock)) => (clock, true),
        _ => return None,
    };
    let (hour, minute) = clock.split_once(':').unwrap_or((clock, "0"));
    let hour: i8 = hour.parse().ok().filter(|hour| (1..=12).contains(hour))?;
    let time = Time::new(hour % 12 + if afternoon { 12 } else { 0 }, minute.parse().ok()?, 0, 0).ok()?;
    let zone = said
        .rsplit_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .and_then(|(name, _)| TimeZone::get(name.trim()).ok())
        .unwrap_or_else(TimeZone::system);
    let now = now.to_zoned_datetime(zone);
    let today = now.with().time(time).build().ok()?;
    let next = if today > now { today } else { today.checked_add(1.day()).ok()? };
    Some(next.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(said: &str) -> Option<Option<String>> {
        let resets = announced(said, Some("2026-11-23T11:16:15.835Z"))?;
        Some(resets.and_then(|seconds| Timestamp::from_second(seconds).ok()).map(|at| at.to_string()))
    }

    fn some(text: &str) -> Option<Option<String>> {
        Some(Some(text.to_owned()))
    }

    #[test]
    fn a_moment_in_seconds_is_taken_as_it_is() {
        assert_eq!(at("Claude AI usage limit reached|1700000000"), some("2023-11-14T22:13:20Z"));
    }

    #[test]
    fn a_time_of_day_is_the_next_one_in_its_zone() {
        assert_eq!(at("You've hit your limit · resets 3pm (UTC)"), some("2026-11-23T15:00:00Z"));
        assert_eq!(at("You've hit your session limit · resets 3:30am (UTC)"), some("2026-11-24T03:30:00Z"));
        assert_eq!(at("5-hour limit reached ∙ resets 12pm (Europe/Berlin)"), some("2026-11-24T11:00:00Z"));
    }

    #[test]
    fn a_limit_without_a_time_that_can_be_read_is_a_limit_all_the_same() {
        assert_eq!(at("You've hit your limit"), Some(None));
        assert_eq!(at("You've hit your weekly limit · resets Oct 9, 5pm"), Some(None));
        assert_eq!(announced("You've hit your limit · resets 3pm (UTC)", None), Some(None));
    }

    #[test]
    fn other_words_are_no_limit() {
        assert_eq!(at("API Error: 429 This would exceed your account's rate limit."), None);
        assert_eq!(at("The speed limit is 50."), None);
    }
}
