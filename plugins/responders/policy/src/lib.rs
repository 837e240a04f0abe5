//! The responder `policy`: answers by the operator's own rules, in their order; the first that fits counts, and where none
//! does the next responder is asked. A rule looks at the kind of happening, the tool, the command, the path or the text,
//! and says what to answer:
//!
//! ```json
//! {"rules": [
//!   {"tool": "mcp__docs__*", "answer": "allow"},
//!   {"command": "just ci*", "answer": "allow"},
//!   {"command": "docker *", "answer": "deny", "message": "No containers here; use the local database."},
//!   {"path": "migrations/**", "answer": "escalate", "message": "Migrations are reviewed first."},
//!   {"text": "which database", "answer": "choose", "choose": "SQLite"},
//!   {"matches": "(?i)update the changelog\\?", "answer": "reply", "message": "Yes, under Unreleased."}
//! ]}
//! ```
//!
//! A rule may forbid or ask anything. It cannot allow what is destructive, secret, paid for, published or outside the
//! worktree: then the user is asked, with the rule's answer as the suggestion.

mod glob;
mod rule;

use rule::{Rule, Settings, Verb};
use taskwright_answers::reading::read;
use taskwright_answers::{instead_of, place_of, risk_at_end, risk_in_ask};
use taskwright_plugin::answering::{Answer, Happening, PermissionRequest, Question, Response, Situation};
use taskwright_plugin::{Description, Responder};
use taskwright_safety::{Risk, ToolRules, Verdict, judge_tool, risk_in_proposal, risk_in_words};

/// The plugin.
pub struct Policy;

impl Responder for Policy {
    fn describe() -> Description {
        let summary = "Answers by the operator's own rules about tools, commands, paths and questions; else passes.";
        Description::new("policy", env!("CARGO_PKG_VERSION"), summary).settings(rule::SCHEMA)
    }

    fn respond(situation: Situation) -> Result<Response, String> {
        respond(&situation, &taskwright_plugin::settings()?)
    }
}

taskwright_plugin::export!(responder Policy);

/// Decides.
///
/// # Errors
/// When a rule is wrong, with its number.
pub fn respond(situation: &Situation, settings: &Settings) -> Result<Response, String> {
    settings.check()?;
    Ok(match &situation.happening {
        Happening::TurnEnded(text) => turn(text, situation, settings),
        Happening::Questions(questions) => asked(questions, situation, settings),
        Happening::Permission(request) => permission(request, situation, settings),
    }
    .unwrap_or_else(|| Response::pass("No rule fits.")))
}

fn because(number: usize, rule: &Rule) -> String {
    if rule.reason.trim().is_empty() {
        format!("Rule {number} of the policy says so.")
    } else {
        rule.reason.trim().to_owned()
    }
}

fn escalation(number: usize, rule: &Rule) -> Response {
    let message = rule.message.trim();
    let reason = if message.is_empty() {
        format!("Rule {number} of the policy leaves this to you.")
    } else {
        message.to_owned()
    };
    Response::escalate(reason, rule.suggestion.trim())
}

fn turn(text: &str, situation: &Situation, settings: &Settings) -> Option<Response> {
    let (number, rule) = settings.numbered().find(|(_, rule)| rule.fits_turn(text))?;
    Some(match rule.answer {
        Verb::Reply => {
            let reading = read(text);
            let risk = match reading.ask() {
                Some(ask) => risk_in_ask(&reading, &ask, &situation.task),
                None => risk_at_end(&reading, &situation.task),
            };
            said(number, rule, risk, situation)
        }
        Verb::Finish => Response::finish(because(number, rule)),
        Verb::Escalate => escalation(number, rule),
        _ => Response::pass(because(number, rule)),
    })
}

/// The rule's reply, unless it would say yes to something risky.
fn said(number: usize, rule: &Rule, asked: Option<Risk>, situation: &Situation) -> Response {
    let message = rule.message.trim();
    let risk = risk_in_proposal(message, &place_of(&situation.task, "")).or(asked.filter(|_| !refuses(message)));
    match risk {
        Some(risk) => Response::escalate(
            format!("Rule {number} of the policy answers it, but it is for you to decide: {risk}."),
            message,
        ),
        None => Response::reply(message, because(number, rule)),
    }
}

/// Whether a reply says no.
fn refuses(message: &str) -> bool {
    let lower = message.to_lowercase();
    ["no", "never", "do not", "don't", "leave", "skip", "stop"]
        .iter()
        .any(|start| lower.strip_prefix(start).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric())))
}

fn asked(questions: &[Question], situation: &Situation, settings: &Settings) -> Option<Response> {
    let mut labels = Vec::new();
    let mut reasons = Vec::new();
    for question in questions {
        let (number, rule) = settings.numbered().find(|(_, rule)| rule.fits_question(question))?;
        let risk = || risk_in_proposal(&question.text, &place_of(&situation.task, ""));
        match rule.answer {
            Verb::Choose => {
                let choice = question.choices.iter().find(|c| rule.takes(c))?;
                if let Some(risk) = risk().or_else(|| risk_in_words(&choice.label)) {
                    let reason =
                        format!("Rule {number} of the policy answers it, but it is for you to decide: {risk}.");
                    return Some(Response::escalate(reason, choice.label.as_str()));
                }
                labels.push(vec![choice.label.clone()]);
                reasons.push(because(number, rule));
            }
            Verb::Reply => return Some(said(number, rule, risk(), situation)),
            Verb::Escalate => return Some(escalation(number, rule)),
            _ => return Some(Response::pass(because(number, rule))),
        }
    }
    (!labels.is_empty()).then(|| Response::new(Answer::Choose(labels), reasons.join(" ")))
}

fn permission(request: &PermissionRequest, situation: &Situation, settings: &Settings) -> Option<Response> {
    let place = place_of(&situation.task, &request.cwd);
    let wanted = rule::Wanted::new(request, &place);
    let (number, rule) = settings.numbered().find(|(_, rule)| rule.fits_permission(&wanted))?;
    Some(match rule.answer {
        Verb::Allow => {
            let blocked = request.blocked_path.as_deref();
            match judge_tool(&request.tool, &wanted.input, blocked, &place, &ToolRules::default()) {
                Verdict::Risky(risk) => Response::escalate(
                    format!("Rule {number} of the policy allows it, but it is for you to decide: {risk}."),
                    instead_of(risk.kind),
                ),
                Verdict::Unknown(why) if !wanted.is_single() => Response::escalate(
                    format!("Rule {number} of the policy allows how it begins, and no rule knows the rest: {why}."),
                    "",
                ),
                _ => Response::allow(because(number, rule)),
            }
        }
        Verb::Deny => {
            let message = rule.message.trim();
            let message = if message.is_empty() {
                "The operator's policy does not allow this. Go on without it."
            } else {
                message
            };
            Response::deny(message, because(number, rule))
        }
        Verb::Escalate => escalation(number, rule),
        _ => Response::pass(because(number, rule)),
    })
}

#[cfg(test)]
mod tests;
