//! The end of a turn: from how the agent's last text ends to what is said to it.

use taskwright_plugin::answering::{Response, Situation};
use taskwright_plugin::types::Speaker;
use taskwright_safety::{Risk, RiskKind, risk_in_proposal, risk_in_words};

use crate::choices::{self, Candidate, first_folder};
use crate::permission::{instead_of, place_of};
use crate::phrases::{self, says, says_any};
use crate::reading::{Ask, Block, Reading, plain, read};

/// The same text so often, each time after an answer, is a loop.
const LOOP: usize = 3;

const GO_ON: &str = "Yes, go on, and work through to the end without asking whether to continue. When everything that was \
                     asked for is done and checked, say that the task is complete.";
const CONTINUE: &str = "Please go on with the task and work through to the end. When everything that was asked for is done \
                        and checked, say that the task is complete.";
const IS_IT_DONE: &str = "Is everything that the task asks for done and checked? If so, say that the task is complete. If \
                          something is missing, go on and finish it.";
const YES: &str = "Yes, as far as the task asks for it. Then go on to the end.";
const DECIDE: &str = "Decide that yourself: take what fits the task and the conventions of this project best, the simpler \
                      where both do. Then go on to the end.";
const ANOTHER_WAY: &str = "Try another way, inside the worktree and with what is there. Finish whatever can be finished, \
                           and say exactly what is missing for the rest.";
const ONLY_IF_ASKED: &str = "Yes, if the task asks for it. If it does not, leave it and say that the task is complete.";

/// Answers the end of a turn.
pub fn respond(text: &str, situation: &Situation) -> Response {
    let response = judge(text, situation);
    if is_said_to_agent(&response) && times_said(text, situation) >= LOOP {
        return Response::escalate(
            "The agent says the same thing again and again; the answers so far do not help it.",
            "",
        );
    }
    response
}

fn is_said_to_agent(response: &Response) -> bool {
    matches!(response.answer, taskwright_plugin::answering::Answer::Reply(_))
}

fn judge(text: &str, situation: &Situation) -> Response {
    let reading = read(text);
    if reading.blocks.is_empty() {
        return Response::reply(CONTINUE, "The agent stopped without a word.");
    }
    let complete = claims_completion(&reading);
    if let Some(ask) = reading.ask() {
        return answer(&reading, &ask, complete, situation);
    }
    let closing = reading.closing(2).join(" ");
    if complete {
        return Response::finish("The agent says that the work is complete.");
    }
    if let Some(risk) = says_any(&closing, phrases::PLANS).and_then(|_| risk_of(&reading, 2, situation)) {
        return for_the_user(&risk, "The agent is about to do something that is for you to decide");
    }
    let last = reading.closing(1).join(" ");
    if let Some(phrase) = says_any(&last, phrases::NEEDS_USER) {
        return Response::escalate(format!("The agent needs something from you (\"{phrase} …\")."), ANOTHER_WAY);
    }
    if says_any(&last, phrases::BLOCKED).is_some() {
        return if was_told(situation, ANOTHER_WAY) {
            Response::escalate("The agent says that it cannot go on, and another way did not help.", "")
        } else {
            Response::reply(ANOTHER_WAY, "The agent says that it cannot go on.")
        };
    }
    if says_any(&closing, phrases::UNFINISHED).is_some() {
        return Response::reply(CONTINUE, "The agent stopped before the work was complete.");
    }
    report(situation)
}

/// A text that neither asks nor claims anything.
fn report(situation: &Situation) -> Response {
    let custom = situation.task.custom_input.trim();
    if was_told(situation, IS_IT_DONE) {
        return Response::finish("The agent was asked whether anything is missing, and names nothing.");
    }
    if !custom.is_empty() && !was_told(situation, custom) {
        return Response::reply(custom, "The task says what to answer when nothing else is known.");
    }
    Response::reply(IS_IT_DONE, "The agent neither asks anything nor says that the work is complete.")
}

fn answer(reading: &Reading, ask: &Ask, complete: bool, situation: &Situation) -> Response {
    let approves = says_any(&ask.lower, phrases::PROCEED).is_some() || refers_back(&ask.lower);
    let back = if approves && ask.options.is_empty() { 2 } else { 0 };
    let risk = if ask.options.is_empty() {
        risk_of(reading, reading.blocks.len() - ask.at + back, situation)
    } else {
        risk_in_proposal(&block_text(reading, ask.at), &place_of(&situation.task, first_folder(&situation.task)))
    };
    if let Some(risk) = risk {
        if complete && risk.kind == RiskKind::Published && risk_in_words(&situation.task.description).is_none() {
            return Response::finish(
                "The agent says that the work is complete; what it offers besides was not asked for.",
            );
        }
        return for_the_user(&risk, "The agent asks something that is for you to decide");
    }
    if ask.options.len() > 1 {
        return choice(reading, ask, situation);
    }
    if let Some(phrase) = says_any(&ask.lower, phrases::NEEDS_USER) {
        return Response::escalate(
            format!("The agent needs something from you (\"{phrase} …\")."),
            situation.task.custom_input.trim(),
        );
    }
    if starts_open(&ask.lower) || !is_question(&ask.sentence) {
        return open(ask, situation);
    }
    if has_alternatives(&ask.lower) {
        return known_or(
            situation,
            DECIDE,
            "The agent asks which of two ways to go; the one that fits the task better will do.",
        );
    }
    if approves {
        return Response::reply(GO_ON, "The agent asks whether to go on.");
    }
    if complete {
        return Response::reply(ONLY_IF_ASKED, "The work is said to be complete, and the agent offers something more.");
    }
    if starts_yes_no(&ask.lower) {
        return Response::reply(YES, "The agent asks a plain question that the task's words answer.");
    }
    open(ask, situation)
}

fn open(ask: &Ask, situation: &Situation) -> Response {
    if says_any(&ask.lower, phrases::ABOUT_THE_WORK).is_some() || says_any(&ask.lower, phrases::PROCEED).is_some() {
        return known_or(situation, DECIDE, "The agent asks how to do the work, which it may decide.");
    }
    let custom = situation.task.custom_input.trim();
    if custom.is_empty() {
        Response::escalate("The agent asks something that the task's words do not answer.", DECIDE)
    } else {
        Response::reply(custom, "The task says what to answer when nothing else is known.")
    }
}

/// What the task says for such cases, else a text.
fn known_or(situation: &Situation, text: &str, reason: &str) -> Response {
    match situation.task.custom_input.trim() {
        "" => Response::reply(text, reason),
        custom => Response::reply(custom, "The task says what to answer when nothing else is known."),
    }
}

fn choice(reading: &Reading, ask: &Ask, situation: &Situation) -> Response {
    let candidates: Vec<Candidate> = ask.options.iter().map(|i| Candidate { label: &i.text, about: "" }).collect();
    match choices::take(&candidates, recommended(reading, ask), &situation.task) {
        Some(Ok(taken)) => {
            let item = &ask.options[taken.index];
            let named = match item.mark.as_str() {
                "" => item.text.clone(),
                mark if mark.contains(' ') => format!("{mark}: {}", item.text),
                mark => format!("Option {mark}: {}", item.text),
            };
            let reply = format!("{} Then go on to the end.", ended(&named));
            Response::reply(reply, format!("Of {} choices this one {}.", candidates.len(), taken.why))
        }
        Some(Err(refused)) => {
            let text = &ask.options[refused.index].text;
            Response::escalate(
                format!("The choice \"{text}\" is for you to make: {}.", refused.risk),
                instead_of(refused.risk.kind),
            )
        }
        None => open(ask, situation),
    }
}

fn ended(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// The choice that the text around it recommends: "I recommend option 2".
fn recommended(reading: &Reading, ask: &Ask) -> Option<usize> {
    let text = plain(&reading.from(ask.at.saturating_sub(2)));
    ask.options.iter().position(|item| {
        let mark = item.mark.to_lowercase();
        let name = mark.rsplit(' ').next().unwrap_or_default();
        !name.is_empty()
            && ["recommend", "suggest", "prefer", "would go with", "i'd go with", "lean towards", "leaning towards"]
                .iter()
                .any(|verb| {
                    [
                        format!("{verb} option {name}"),
                        format!("{verb} {name}"),
                        format!("{verb} approach {name}"),
                        format!("{verb} ({name})"),
                        format!("{verb}ing option {name}"),
                    ]
                    .iter()
                    .any(|phrase| says(&text, phrase))
                })
    })
}

/// The risk in the last blocks.
fn risk_of(reading: &Reading, blocks: usize, situation: &Situation) -> Option<Risk> {
    let place = place_of(&situation.task, first_folder(&situation.task));
    risk_in_proposal(&reading.from(reading.blocks.len().saturating_sub(blocks)), &place)
}

fn block_text(reading: &Reading, at: usize) -> String {
    match &reading.blocks[at] {
        Block::Prose(text) => text.clone(),
        _ => String::new(),
    }
}

fn for_the_user(risk: &Risk, what: &str) -> Response {
    Response::escalate(format!("{what}: {risk}."), instead_of(risk.kind))
}

fn is_question(sentence: &str) -> bool {
    sentence.contains('?')
}

/// "Shall I do it?": what is meant stands further up.
fn refers_back(lower: &str) -> bool {
    lower.split_whitespace().count() < 9 && ["it", "that", "this", "these", "them", "so"].iter().any(|w| says(lower, w))
}

fn starts_open(lower: &str) -> bool {
    first_word(lower).is_some_and(|w| phrases::OPEN.contains(&w))
        || phrases::OPEN.iter().any(|w| says(lower, &format!("{w} should")) || says(lower, &format!(", {w}")))
}

fn starts_yes_no(lower: &str) -> bool {
    let clause = lower.rsplit([',', ';', ':']).next().unwrap_or(lower);
    [lower, clause].into_iter().any(|part| first_word(part).is_some_and(|w| phrases::YES_NO.contains(&w)))
        || [
            "should i",
            "shall i",
            "may i",
            "can i",
            "do you want",
            "would you like",
            "is that",
            "is this",
            "want me to",
        ]
        .iter()
        .any(|p| says(lower, p))
}

fn first_word(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .find(|w| !w.is_empty() && !["and", "so", "but", "also", "then"].contains(w))
}

/// Whether it asks for one of two ways. "Go on, or wait?" and "yes or no?" do not.
fn has_alternatives(lower: &str) -> bool {
    const NONE: [&str; 7] = ["or not", "yes or no", "y or n", "or so", "or more", "or less", "or later"];
    const WAITS: [&str; 4] = ["or should i stop", "or stop", "or wait", "or pause"];
    let waits = says_any(lower, &WAITS).is_some() && says_any(lower, phrases::PROCEED).is_some();
    says(lower, "or") && says_any(lower, &NONE).is_none() && !waits
}

/// A claim in the opening or closing sentences that the whole is complete, which what follows does not take back.
fn claims_completion(reading: &Reading) -> bool {
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

/// Whether the last thing said to the agent in the user's place was this.
fn was_told(situation: &Situation, text: &str) -> bool {
    situation
        .recent
        .iter()
        .rev()
        .find(|e| e.speaker == Speaker::Responder)
        .is_some_and(|e| e.text.trim() == text.trim())
}

/// How often the agent has ended a turn with this text, this time included.
fn times_said(text: &str, situation: &Situation) -> usize {
    let text = text.trim();
    let spoken = situation.recent.iter().filter(|e| !matches!(e.speaker, Speaker::Tool | Speaker::System));
    let spoken: Vec<_> = spoken.collect();
    let answered = spoken.windows(2).filter(|pair| {
        pair[0].speaker == Speaker::Agent && pair[1].speaker != Speaker::Agent && pair[0].text.trim() == text
    });
    answered.count() + 1
}

#[cfg(test)]
#[path = "turn_tests.rs"]
pub mod tests;
