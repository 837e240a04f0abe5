//! Whether an agent claims that its work is complete, and how often it says the same.

use taskwright_plugin::answering::Situation;
use taskwright_plugin::types::Speaker;

use crate::phrases::{self, says, says_any};
use crate::reading::Reading;

/// A claim in the opening or closing sentences that the whole is complete, which what follows does not take back.
pub fn claims_completion(reading: &Reading) -> bool {
    let closing = reading.closing(2);
    let opening: Vec<String> = reading.opening().into_iter().take(2).collect();
    let claimed = closing.iter().chain(&opening).any(|s| claims(s));
    let open = closing.iter().any(|s| says_any(s, phrases::UNFINISHED).is_some_and(|p| !phrases::PARTS.contains(&p)));
    claimed && !open
}

/// Whether one sentence claims it, neither denied nor for later nor for a part.
fn claims(sentence: &str) -> bool {
    let Some(phrase) = says_any(sentence, phrases::COMPLETE) else { return false };
    let before = sentence.find(phrase).map_or("", |at| &sentence[..at]);
    let denied = [
        "not", "once", "when", "until", "if", "before", "after", "almost", "nearly", "unless", "whether", "cannot",
        "never", "will", "step", "phase", "part", "half", "first", "second",
    ];
    let after = &sentence[before.len() + phrase.len()..];
    let partial = [
        "except",
        "apart from",
        "but",
        "with step",
        "with phase",
        "with the first",
        "for step",
        "for phase",
        "for now",
    ];
    !before.contains("n't")
        && !denied.iter().any(|w| says(before, w))
        && !partial.iter().any(|w| says(after, w))
        && !sentence.ends_with('?')
}

/// How often the agent has ended a turn with this text, this time included.
pub fn times_said(text: &str, situation: &Situation) -> usize {
    let text = text.trim();
    let spoken = situation.recent.iter().filter(|e| !matches!(e.speaker, Speaker::Tool | Speaker::System));
    let spoken: Vec<_> = spoken.collect();
    let answered = spoken.windows(2).filter(|pair| {
        pair[0].speaker == Speaker::Agent && pair[1].speaker != Speaker::Agent && pair[0].text.trim() == text
    });
    answered.count() + 1
}
