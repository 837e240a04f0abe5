//! The criteria plugin `model`: has the agent's model judge the user's end criteria one by one, in a side session, from
//! the changes, the conversation and the outcomes of commands that the criteria name. The model must show evidence for
//! each; what it is not sure of is not met. A task without end criteria is none of its business.

mod prompt;

use serde::Deserialize;
use taskwright_plugin::criteria::{command, is_list, lines};
use taskwright_plugin::judging::{Command, Criterion, Evaluation, Finding, Situation, Verdict};
use taskwright_plugin::types::{Capability, Task};
use taskwright_plugin::{Criteria, Description, log, model, workspace};

/// The plugin.
pub struct ModelCriteria;

/// What the operator may set.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Bytes of the difference to the base that the model sees.
    pub diff_bytes: u32,
    /// Longest time of a command that the criteria name.
    pub timeout_seconds: u32,
    /// What the model should know besides.
    pub instructions: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { diff_bytes: 60_000, timeout_seconds: 900, instructions: String::new() }
    }
}

const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "diff_bytes": {"type": "integer", "minimum": 0, "maximum": 120000, "default": 60000,
      "description": "Bytes of the difference to the base that the model sees."},
    "timeout_seconds": {"type": "integer", "minimum": 1, "maximum": 7200, "default": 900,
      "description": "Longest time of a command that the criteria name as `$ command`."},
    "instructions": {"type": "string", "maxLength": 8000, "default": "",
      "description": "What the model should know besides, such as a team's own bar."}
  }
}"#;

/// Criteria up to this length are taken as they are: one sentence, or a list. Longer prose is taken apart by the model.
const PLAIN_LENGTH: usize = 400;

impl Criteria for ModelCriteria {
    fn describe() -> Description {
        let summary = "Has the agent's model judge the end criteria one by one, with evidence from the changes.";
        Description::new("model", env!("CARGO_PKG_VERSION"), summary)
            .settings(SCHEMA)
            .wants(&[Capability::Model, Capability::Workspace])
    }

    fn extract(task: Task) -> Result<Vec<Criterion>, String> {
        if let Some(criteria) = plain(&task.end_criteria) {
            return Ok(criteria);
        }
        let question =
            model::Question { prompt: prompt::extraction(&task), schema: Some(prompt::EXTRACTION.to_owned()) };
        match model::ask(&question) {
            Ok(answer) => Ok(extracted(&answer.text, &task.end_criteria)),
            Err(error) => {
                let why = format!("The criteria are judged as a whole: the model was not asked, {}.", error.why());
                log::write(log::Level::Warn, &why);
                Ok(numbered([task.end_criteria]))
            }
        }
    }

    fn commands(task: Task) -> Result<Vec<Command>, String> {
        let settings: Settings = taskwright_plugin::settings()?;
        let timeout_seconds = settings.timeout_seconds.max(1);
        Ok(named(&task).into_iter().map(|shell| Command { shell, timeout_seconds }).collect())
    }

    fn evaluate(situation: Situation) -> Result<Evaluation, String> {
        if situation.criteria.is_empty() {
            return Ok(Evaluation::Pass);
        }
        let settings: Settings = taskwright_plugin::settings()?;
        let changes = workspace::changes().unwrap_or_default();
        let diff = workspace::diff(None).unwrap_or_default();
        let prompt = prompt::evaluation(&situation, &changes, &diff, &settings);
        let schema = Some(prompt::evaluation_schema(situation.criteria.len()));
        let answer = model::ask(&model::Question { prompt, schema });
        let answer = answer.map_err(|e| format!("The model could not judge the criteria: {}.", e.why()))?;
        Ok(Evaluation::Findings(findings(&situation.criteria, &answer.text)?))
    }
}

taskwright_plugin::export!(criteria ModelCriteria);

/// Criteria that need no model to be told apart; `None` for longer prose.
pub fn plain(end_criteria: &str) -> Option<Vec<Criterion>> {
    let text = end_criteria.trim();
    if text.is_empty() {
        return Some(Vec::new());
    }
    if is_list(text) {
        return Some(numbered(lines(text)));
    }
    (text.len() <= PLAIN_LENGTH).then(|| numbered([text.to_owned()]))
}

fn numbered(texts: impl IntoIterator<Item = String>) -> Vec<Criterion> {
    let criterion = |(index, text)| Criterion { id: format!("criterion-{}", index + 1), text };
    texts.into_iter().enumerate().map(criterion).collect()
}

/// The commands that the user's criteria name.
pub fn named(task: &Task) -> Vec<String> {
    let mut commands: Vec<String> =
        lines(&task.end_criteria).iter().filter_map(|l| command(l)).map(str::to_owned).collect();
    commands.dedup();
    commands.truncate(20);
    commands
}

#[derive(Deserialize)]
struct Extracted {
    criteria: Vec<String>,
}

/// What the model took apart; the whole text where it answered nothing of use.
pub fn extracted(answer: &str, end_criteria: &str) -> Vec<Criterion> {
    let found = serde_json::from_str::<Extracted>(answer).map(|e| e.criteria).unwrap_or_default();
    let found: Vec<String> =
        found.into_iter().map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).take(20).collect();
    if found.is_empty() { numbered([end_criteria.trim().to_owned()]) } else { numbered(found) }
}

#[derive(Deserialize)]
struct Judged {
    findings: Vec<Judgement>,
}

#[derive(Deserialize)]
struct Judgement {
    verdict: String,
    #[serde(default)]
    evidence: String,
}

/// The model's judgements, in the criteria's order. One that is met without evidence is unsure, and so is one that the
/// model left out.
///
/// # Errors
/// When the answer has not the shape that was asked for.
pub fn findings(criteria: &[Criterion], answer: &str) -> Result<Vec<Finding>, String> {
    let judged: Judged = serde_json::from_str(answer)
        .map_err(|e| format!("The model's answer has not the shape that was asked for: {e}."))?;
    let mut judgements = judged.findings.into_iter();
    let finding = |criterion: &Criterion| {
        let verdict = match judgements.next() {
            Some(judgement) => verdict(judgement),
            None => Verdict::Unsure("The model said nothing about it.".into()),
        };
        Finding { criterion: criterion.clone(), verdict }
    };
    Ok(criteria.iter().map(finding).collect())
}

fn verdict(judgement: Judgement) -> Verdict {
    let evidence = judgement.evidence.trim().to_owned();
    match judgement.verdict.as_str() {
        "met" if evidence.is_empty() => {
            Verdict::Unsure("The model says that it is met, and shows nothing for it.".into())
        }
        "met" => Verdict::Met(evidence),
        "not-met" if evidence.is_empty() => Verdict::NotMet("The model does not say what is missing.".into()),
        "not-met" => Verdict::NotMet(evidence),
        _ => Verdict::Unsure(if evidence.is_empty() { "The model could not tell.".into() } else { evidence }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(criteria: &[Criterion]) -> Vec<&str> {
        criteria.iter().map(|c| c.text.as_str()).collect()
    }

    #[test]
    fn a_sentence_and_a_list_need_no_model_to_be_told_apart() {
        assert_eq!(texts(&plain("made-by-agent.txt is there").unwrap()), ["made-by-agent.txt is there"]);
        assert_eq!(texts(&plain("Done when:\n- a\n- b").unwrap()), ["a", "b"]);
        assert_eq!(plain("  "), Some(Vec::new()));
        assert_eq!(plain(&"Many words. ".repeat(80)), None);
    }

    #[test]
    fn what_the_model_took_apart_is_numbered() {
        let criteria = extracted(r#"{"criteria": ["a", " ", "b"]}"#, "all");
        assert_eq!((texts(&criteria), criteria[1].id.as_str()), (vec!["a", "b"], "criterion-2"));
        assert_eq!(texts(&extracted("no json", "all")), ["all"]);
    }

    #[test]
    fn each_criterion_gets_the_finding_of_its_place() {
        let criteria = numbered(["a", "b", "c", "d"].map(str::to_owned));
        let answer = r#"{"findings": [{"verdict": "met", "evidence": "a.rs has it"}, {"verdict": "not-met", "evidence": "no test"}, {"verdict": "met", "evidence": ""}]}"#;
        let verdicts: Vec<Verdict> = findings(&criteria, answer).unwrap().into_iter().map(|f| f.verdict).collect();
        assert_eq!(verdicts[0], Verdict::Met("a.rs has it".into()));
        assert_eq!(verdicts[1], Verdict::NotMet("no test".into()));
        assert!(matches!(verdicts[2], Verdict::Unsure(_)));
        assert!(matches!(verdicts[3], Verdict::Unsure(_)));
        assert!(findings(&criteria, "met").is_err());
    }

    #[test]
    fn the_schemas_are_json() {
        for schema in [SCHEMA.to_owned(), prompt::EXTRACTION.to_owned(), prompt::evaluation_schema(3)] {
            serde_json::from_str::<serde_json::Value>(&schema).unwrap();
        }
    }

    proptest! {
        #[test]
        fn nothing_but_met_with_evidence_is_met(verdict in "[a-z-]{0,8}", evidence in "[a-z ]{0,8}") {
            let answer = serde_json::json!({"findings": [{"verdict": verdict, "evidence": evidence}]}).to_string();
            let found = findings(&numbered(["a".to_owned()]), &answer).unwrap();
            prop_assert_eq!(found[0].verdict.is_met(), verdict == "met" && !evidence.trim().is_empty());
        }
    }
}
