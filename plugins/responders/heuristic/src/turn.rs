//! The end of a turn: from how the agent's last text ends to what is said to it.

use taskwright_answers::phrases::{self, says, says_any};
use taskwright_answers::reading::{Ask, Reading, plain, read};
use taskwright_answers::{claims_completion, instead_of, risk_at_end, risk_in_ask, times_said};
use taskwright_plugin::answering::{Answer, Response, Situation};
use taskwright_plugin::types::Speaker;
use taskwright_safety::{Risk, RiskKind, risk_in_words};

use crate::choices::{self, Candidate};

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
    matches!(response.answer, Answer::Reply(_))
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
    if let Some(risk) = risk_at_end(&reading, &situation.task) {
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
    let approves = says_any(&ask.lower, phrases::PROCEED).is_some();
    if let Some(risk) = risk_in_ask(reading, ask, &situation.task) {
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

fn for_the_user(risk: &Risk, what: &str) -> Response {
    Response::escalate(format!("{what}: {risk}."), instead_of(risk.kind))
}

fn is_question(sentence: &str) -> bool {
    sentence.contains('?')
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

/// Whether the last thing said to the agent in the user's place was this.
fn was_told(situation: &Situation, text: &str) -> bool {
    situation
        .recent
        .iter()
        .rev()
        .find(|e| e.speaker == Speaker::Responder)
        .is_some_and(|e| e.text.trim() == text.trim())
}

#[cfg(test)]
#[path = "turn_tests.rs"]
pub mod tests;
