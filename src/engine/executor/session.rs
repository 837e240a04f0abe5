//! The agent's process of a task: launched under a session id that is stored first, found again, ended.

use super::{Executor, Halt};
use crate::{
    agent::{AgentError, AgentEvent, AgentHandle, AgentRun, DEFAULT_LINE_CAP, LaunchSpec, SessionStart, StopGraces},
    domain::{EventBody, StepState, task::NextRun},
    engine::{EngineError, lifecycle, places},
};
use serde_json::json;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use uuid::Uuid;

/// For how long events are awaited from an agent that has ended.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// A running agent, or what is left to hear of one that has ended.
pub(super) struct Session {
    /// Commands to it; none when it has ended already.
    pub handle: Option<Arc<dyn AgentHandle>>,
    /// What it says.
    pub events: mpsc::Receiver<AgentEvent>,
}

impl Executor {
    /// The folder of a run.
    pub(super) fn run_dir(&self, run: &str) -> PathBuf {
        self.ctx.config.data_dir.join("runs").join(self.id.to_string()).join(run)
    }

    /// Makes or finds the task's places.
    pub(super) async fn make_places(&mut self) -> Result<(), Halt> {
        let cancel = self.claim.slot.cancel.clone();
        let made = places::make(&self.ctx, &self.task, &cancel).await;
        self.check_ending()?;
        self.places = made?;
        self.refresh().await
    }

    /// A running agent: the present one, or a new process.
    pub(super) async fn ensure_agent(&mut self) -> Result<Arc<dyn AgentHandle>, Halt> {
        if let Some(handle) = self.session.as_ref().and_then(|session| session.handle.clone()) {
            return Ok(handle);
        }
        self.make_places().await?;
        self.check_ending()?;
        let run = Uuid::now_v7();
        let (how, start) = self.choose_session();
        let spec = self.launch_spec(run, start)?;
        self.store_launch(run, how, &spec.session).await?;
        self.check_ending()?;
        let launched = self.ctx.agent.launch(spec).await;
        self.tell_launch(run, how, &launched).await?;
        let AgentRun { handle, events } = launched.map_err(EngineError::from)?;
        self.claim.slot.set_pid(handle.pid());
        self.session = Some(Session { handle: Some(Arc::clone(&handle)), events });
        Ok(handle)
    }

    fn choose_session(&self) -> (&'static str, SessionStart) {
        match (self.task.next_run, &self.task.agent_session) {
            (NextRun::Resume, Some(session)) => ("resume", SessionStart::Resume(session.clone())),
            (NextRun::Recover, _) => ("recover", SessionStart::New(Uuid::new_v4())),
            (NextRun::Fresh | NextRun::Resume, _) => ("fresh", SessionStart::New(Uuid::new_v4())),
        }
    }

    fn launch_spec(&self, run: Uuid, session: SessionStart) -> Result<LaunchSpec, Halt> {
        let place = self.places.first().ok_or_else(|| Halt::Failed("The task has no folder to work in.".to_owned()))?;
        let spec = &self.task.spec;
        let config = &self.ctx.config;
        Ok(LaunchSpec {
            run,
            run_dir: self.run_dir(&run.to_string()),
            cwd: PathBuf::from(&place.cwd),
            session,
            command: config.agent_command.clone(),
            model: spec.model.clone(),
            allowed_tools: spec.allowed_tools.clone(),
            disallowed_tools: spec.disallowed_tools.clone(),
            system_prompt: spec.system_prompt.clone(),
            mcp_servers: spec.mcp_servers.clone(),
            add_dirs: places::further_folders(&self.places),
            env: places::environment(&self.ctx, &self.task, self.project.as_ref(), &self.places),
            graces: StopGraces { interrupt: config.stop_grace, terminate: config.stop_grace },
            line_cap: DEFAULT_LINE_CAP,
            supervisor: config.program.clone(),
        })
    }

    /// The intent: which run and which session, before any process is there.
    async fn store_launch(&mut self, run: Uuid, how: &'static str, start: &SessionStart) -> Result<(), Halt> {
        let session = match start {
            SessionStart::New(id) | SessionStart::Fork { id, .. } => id.to_string(),
            SessionStart::Resume(id) => id.clone(),
        };
        let id = self.id;
        self.task = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                task.agent_session = Some(session.clone());
                task.agent_run = Some(run.to_string());
                task.spool_offset = 0;
                task.next_run = NextRun::Resume;
                tx.update_task(&task)?;
                let process = json!({"state": StepState::Started, "run": run, "how": how, "session": session});
                tx.append(Some(&task), EventBody::TaskUpdated { changes: json!({"agent_process": process}) })?;
                Ok::<_, EngineError>(task)
            })
            .await?;
        Ok(())
    }

    async fn tell_launch(&self, run: Uuid, how: &str, launched: &Result<AgentRun, AgentError>) -> Result<(), Halt> {
        let process = json!({
            "state": if launched.is_ok() { StepState::Done } else { StepState::Failed },
            "run": run,
            "how": how,
            "session": self.task.agent_session,
            "pid": launched.as_ref().ok().and_then(|run| run.handle.pid()),
            "text": launched.as_ref().err().map(ToString::to_string),
        });
        let body = EventBody::TaskUpdated { changes: json!({"agent_process": process}) };
        let task = self.task.clone();
        let told = self.ctx.store.write(move |tx| tx.append(Some(&task), body)).await;
        if let (Err(_), Ok(run)) = (&told, launched) {
            run.handle.end().await;
        }
        told?;
        Ok(())
    }

    /// Ends the agent's process, if there is one, and stores what it still said.
    pub(super) async fn end_agent(&mut self) {
        self.deciding.abort_all();
        self.open.clear();
        let Some(session) = &self.session else { return };
        if let Some(handle) = session.handle.clone() {
            let report = handle.end().await;
            self.end_method = Some(report.method);
            tracing::debug!(task = %self.task.spec.task_name, ?report, "agent ended");
        }
        let heard = tokio::time::timeout(DRAIN_TIME, self.drain()).await;
        match heard {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(?error, "the agent's last words could not be stored"),
            Err(_) => tracing::warn!("the agent's last words did not end"),
        }
        self.session = None;
        self.turn = None;
        self.claim.slot.set_pid(None);
    }

    /// Stores everything that an agent which has ended still said.
    async fn drain(&mut self) -> Result<(), Halt> {
        while let Some(batch) = self.next_batch().await {
            self.record(batch).await?;
        }
        Ok(())
    }
}
