//! Commands to one running agent.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::link::{Link, Progress, RunState};
use super::run_dir::{self, DeliveryKey, RunRecord};
use super::spool::Responses;
use super::supervisor::wire::{Reply, Wish};
use super::{AgentError, AgentHandle, Delivery, EndMethod, EndReport, PermissionAnswer, TurnInput, control, lost};

/// How long the agent may take to answer a request that costs it nothing.
const RESPONSE_PATIENCE: Duration = Duration::from_secs(15);

/// How much longer than the graces of its end a supervisor may take before its run is killed without it.
const END_PATIENCE: Duration = Duration::from_secs(15);

/// A running agent under its supervisor.
pub(super) struct RunHandle {
    pub run_dir: PathBuf,
    pub record: RunRecord,
    pub link: Link,
    pub responses: Responses,
    pub progress: watch::Receiver<Progress>,
}

impl RunHandle {
    async fn deliver(&self, key: Option<DeliveryKey>, line: String) -> Result<Delivery, AgentError> {
        match self.link.ask(Wish::Deliver { key: key.clone(), line }).await {
            Some(Reply::Written) => Ok(Delivery::Written),
            Some(Reply::AlreadyWritten) => Ok(Delivery::AlreadyWritten),
            _ => self.was_delivered(key),
        }
    }

    /// An agent that is gone may have taken the line before it went.
    fn was_delivered(&self, key: Option<DeliveryKey>) -> Result<Delivery, AgentError> {
        let recorded = key.is_some_and(|key| run_dir::delivered(&self.run_dir).is_ok_and(|all| all.contains(&key)));
        if recorded { Ok(Delivery::AlreadyWritten) } else { Err(AgentError::Ended) }
    }

    /// Sends a request to the agent itself and waits for its answer, which comes through the spool.
    async fn request(&self, line: impl FnOnce(&str) -> String) -> Result<Value, AgentError> {
        let id = Uuid::new_v4().to_string();
        let (waiting, response) = oneshot::channel();
        self.responses.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), waiting);
        let answer = async {
            self.deliver(None, line(&id)).await?;
            response.await.map_err(|_| AgentError::Ended)?.map_err(AgentError::Refused)
        };
        let mut progress = self.progress.clone();
        let answer = tokio::select! {
            answer = tokio::time::timeout(RESPONSE_PATIENCE, answer) => answer
                .unwrap_or_else(|_| Err(AgentError::Refused(format!("no answer within {RESPONSE_PATIENCE:?}")))),
            _ = progress.wait_for(|progress| progress.state != RunState::Open) => Err(AgentError::Ended),
        };
        self.responses.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        answer
    }
}

#[async_trait]
impl AgentHandle for RunHandle {
    async fn send_turn(&self, turn: TurnInput) -> Result<Delivery, AgentError> {
        let key = DeliveryKey::Turn(turn.input_id.to_string());
        self.deliver(Some(key), control::turn(&turn)).await
    }

    async fn answer_permission(&self, request_id: &str, answer: PermissionAnswer) -> Result<Delivery, AgentError> {
        let key = DeliveryKey::Answer(request_id.to_owned());
        self.deliver(Some(key), control::permission(request_id, &answer)).await
    }

    async fn answer_question(
        &self,
        request_id: &str,
        input: &Value,
        answers: &BTreeMap<String, Vec<String>>,
    ) -> Result<Delivery, AgentError> {
        for (question, labels) in answers {
            if labels.iter().all(|label| label.trim().is_empty()) {
                return Err(AgentError::EmptyAnswer(question.clone()));
            }
        }
        if answers.is_empty() {
            return Err(AgentError::EmptyAnswer(request_id.to_owned()));
        }
        let key = DeliveryKey::Answer(request_id.to_owned());
        self.deliver(Some(key), control::question(request_id, input, answers)).await
    }

    async fn interrupt(&self) -> Result<(), AgentError> {
        self.request(control::interrupt).await.map(drop)
    }

    async fn set_model(&self, model: &str) -> Result<(), AgentError> {
        self.request(|id| control::set_model(id, model)).await.map(drop)
    }

    async fn context_usage(&self) -> Result<Value, AgentError> {
        self.request(control::context_usage).await
    }

    async fn end(&self) -> EndReport {
        let graces = self.record.graces;
        let patience = graces.interrupt + graces.terminate + END_PATIENCE;
        let report = match tokio::time::timeout(patience, self.link.ask(Wish::End(graces))).await {
            Ok(Some(Reply::Killed { method, killed })) => EndReport { method, killed },
            _ => {
                let killed = lost::settle(&self.run_dir, &self.record).await;
                let method = if killed.is_empty() { EndMethod::AlreadyEnded } else { EndMethod::Sigkill };
                EndReport { method, killed }
            }
        };
        lost::gone(&self.record).await;
        report
    }

    fn pid(&self) -> Option<u32> {
        (self.progress.borrow().state == RunState::Open && self.record.agent.is_alive())
            .then_some(self.record.agent.pid)
    }

    fn run(&self) -> Uuid {
        self.record.run
    }
}
