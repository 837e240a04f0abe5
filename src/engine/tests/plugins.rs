//! Plugins in memory: a responder, a criteria plugin and a test runner that answer by plain functions.

use crate::{
    domain::ChainKind,
    plugin::{
        Answer, Called, CriteriaSituation, Criterion, Evaluation, Finding, PluginId, PluginView, Plugins, ProjectFiles,
        RespondSituation, Response, RunCase, RunOutcome, RunPlan, ShellCommand, Surroundings, TaskView, Verdict,
    },
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

type Respond = Box<dyn Fn(&RespondSituation) -> Answer + Send + Sync>;
type Judge = Box<dyn Fn(&str) -> Verdict + Send + Sync>;

/// The names by which chains name them.
pub(super) const RESPONDER: &str = "responder";
pub(super) const CRITERIA: &str = "criteria";

/// Plugins that answer by functions.
pub(super) struct Functions {
    pub respond: Respond,
    pub judge: Judge,
}

fn called<T>(name: &str, value: T) -> Called<T> {
    Called { plugin: id(name), result: Ok(value), duration: Duration::ZERO }
}

fn id(name: &str) -> PluginId {
    PluginId { name: name.to_owned(), version: "1.0.0".to_owned(), hash: "0".repeat(64) }
}

#[async_trait]
impl Plugins for Functions {
    fn list(&self) -> Vec<PluginView> {
        vec![]
    }

    fn find(&self, chain: ChainKind, name: &str) -> Option<PluginId> {
        let known = match chain {
            ChainKind::Responder => name == RESPONDER,
            ChainKind::Criteria => name == CRITERIA,
            ChainKind::TestRunner => false,
        };
        known.then(|| id(name))
    }

    async fn respond(
        &self,
        name: &str,
        situation: &RespondSituation,
        _around: Arc<dyn Surroundings>,
    ) -> Called<Response> {
        called(name, Response { answer: (self.respond)(situation), reason: "by the test".to_owned() })
    }

    async fn extract(&self, name: &str, task: &TaskView, _around: Arc<dyn Surroundings>) -> Called<Vec<Criterion>> {
        called(name, vec![Criterion { id: "1".to_owned(), text: task.end_criteria.clone() }])
    }

    async fn criteria_commands(
        &self,
        name: &str,
        _task: &TaskView,
        _around: Arc<dyn Surroundings>,
    ) -> Called<Vec<ShellCommand>> {
        called(name, vec![])
    }

    async fn evaluate(
        &self,
        name: &str,
        situation: &CriteriaSituation,
        _around: Arc<dyn Surroundings>,
    ) -> Called<Evaluation> {
        let findings = situation
            .criteria
            .iter()
            .map(|criterion| Finding { criterion: criterion.clone(), verdict: (self.judge)(&situation.last_text) });
        called(name, Evaluation::Findings(findings.collect()))
    }

    async fn wants(&self, name: &str, _around: Arc<dyn Surroundings>) -> Called<Vec<String>> {
        called(name, vec![])
    }

    async fn detect(
        &self,
        name: &str,
        _project: &ProjectFiles,
        _around: Arc<dyn Surroundings>,
    ) -> Called<Option<RunPlan>> {
        called(name, None)
    }

    async fn interpret(
        &self,
        name: &str,
        _outcomes: &[RunOutcome],
        _around: Arc<dyn Surroundings>,
    ) -> Called<Vec<RunCase>> {
        called(name, vec![])
    }
}
