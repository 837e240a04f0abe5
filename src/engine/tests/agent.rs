//! An agent in memory that follows a script: what it says in each turn is a function of the turn's number and message. Its
//! runs have a spool with offsets and a record of what was delivered, and outlive an engine that leaves them.

use crate::agent::{
    Agent, AgentError, AgentEvent, AgentEventKind as Kind, AgentHandle, AgentRun, ApiErrorKind, AskAnswer, AskSpec,
    Delivery, EndMethod, EndReport, Exit, ExitReason, LaunchSpec, PermissionAnswer, QuestionOption, Reattached,
    SessionStart, StructuredQuestion, TokenUsage, TurnEnd, TurnInput, TurnOutcome,
};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// One thing that the agent does in a turn.
#[derive(Clone, Debug)]
pub(super) enum Move {
    /// Speaks.
    Say(&'static str),
    /// Writes a file into its folder.
    Write(&'static str, &'static str),
    /// Asks for a command and waits for the answer.
    Permit(&'static str),
    /// Asks a question with choices and waits for the answer.
    Choose(&'static str, &'static [&'static str]),
    /// Works until it is interrupted.
    Hang,
    /// Says that the service refused it.
    Retrying(u16),
    /// Ends the turn by an error of the service, and its process.
    ApiError(ApiErrorKind),
    /// Its process ends.
    Exit(ExitReason),
}

/// What the agent does in a turn: given the session's turn number, from 1, and the message.
pub(super) type Script = Arc<dyn Fn(u32, &str) -> Vec<Move> + Send + Sync>;

/// One turn that was given to an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub session: String,
    pub text: String,
    pub images: usize,
}

/// All agents of a test.
pub(super) struct Scripted {
    script: Script,
    sessions: Mutex<HashMap<String, u32>>,
    runs: Mutex<HashMap<PathBuf, Arc<Run>>>,
    heard: Arc<Mutex<Vec<Heard>>>,
    answers: Arc<Mutex<Vec<Value>>>,
    tracker: TaskTracker,
}

struct Run {
    id: Uuid,
    spool: Mutex<Vec<Kind>>,
    grown: Notify,
    delivered: Mutex<HashSet<String>>,
    turns: mpsc::Sender<TurnInput>,
    interrupted: Notify,
    in_turn: AtomicBool,
    answered: Mutex<HashMap<String, bool>>,
    answer_came: Notify,
    ended: CancellationToken,
    gone: CancellationToken,
    answers: Arc<Mutex<Vec<Value>>>,
}

impl Scripted {
    pub(super) fn new(script: Script) -> Arc<Self> {
        Arc::new(Self {
            script,
            sessions: Mutex::default(),
            runs: Mutex::default(),
            heard: Arc::default(),
            answers: Arc::default(),
            tracker: TaskTracker::new(),
        })
    }

    /// Every turn that was given to an agent, in order.
    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Every answer on the wire, in order.
    pub(super) fn answers(&self) -> Vec<Value> {
        self.answers.lock().unwrap().clone()
    }

    /// Runs that have not ended.
    pub(super) fn alive(&self) -> usize {
        self.runs.lock().unwrap().values().filter(|run| !run.gone.is_cancelled()).count()
    }

    fn run(self: &Arc<Self>, run: Arc<Run>, session: String, cwd: PathBuf, mut turns: mpsc::Receiver<TurnInput>) {
        let all = Arc::clone(self);
        self.tracker.spawn(async move {
            let exit = loop {
                let turn = tokio::select! {
                    biased;
                    () = run.ended.cancelled() => break ExitReason::Ended,
                    turn = turns.recv() => turn,
                };
                let Some(turn) = turn else { break ExitReason::Clean };
                let number = {
                    let mut sessions = all.sessions.lock().unwrap();
                    let number = sessions.entry(session.clone()).or_default();
                    *number += 1;
                    *number
                };
                let heard = Heard { session: session.clone(), text: turn.text.clone(), images: turn.images.len() };
                all.heard.lock().unwrap().push(heard);
                run.in_turn.store(true, Ordering::SeqCst);
                let exit = run.turn((all.script)(number, &turn.text), &turn, &session, &cwd).await;
                run.in_turn.store(false, Ordering::SeqCst);
                if let Some(exit) = exit {
                    break exit;
                }
            };
            let mid_turn = run.in_turn.load(Ordering::SeqCst);
            run.say(Kind::Exited(Exit {
                code: Some(1),
                signal: None,
                stderr_tail: String::new(),
                mid_turn,
                text: format!("The agent ended: {exit:?}."),
                reason: exit,
            }));
            run.gone.cancel();
        });
    }
}

impl Run {
    fn say(&self, kind: Kind) {
        self.spool.lock().unwrap().push(kind);
        self.grown.notify_waiters();
    }

    async fn turn(&self, moves: Vec<Move>, turn: &TurnInput, session: &str, cwd: &Path) -> Option<ExitReason> {
        self.say(Kind::SessionStarted { session_id: session.to_owned(), model: None, tools: vec![], version: None });
        self.say(Kind::InputAcknowledged { input_id: turn.input_id.to_string() });
        let mut last = String::new();
        for step in moves {
            let done = tokio::select! {
                biased;
                () = self.ended.cancelled() => return Some(ExitReason::Ended),
                () = self.interrupted.notified() => {
                    self.say(Kind::TurnEnded(end(TurnOutcome::Interrupted, "cut", session)));
                    return None;
                }
                done = self.step(step, &mut last, cwd) => done,
            };
            match done {
                Some(Done::Error(kind)) => {
                    let outcome = TurnOutcome::ApiError { status: None, kind };
                    self.say(Kind::TurnEnded(end(outcome, "the service failed", session)));
                    return Some(ExitReason::AfterError);
                }
                Some(Done::Exit(reason)) => return Some(reason),
                None => {}
            }
        }
        self.say(Kind::TurnEnded(end(TurnOutcome::Completed, &last, session)));
        None
    }

    async fn step(&self, step: Move, last: &mut String, cwd: &Path) -> Option<Done> {
        match step {
            Move::Say(text) => {
                text.clone_into(last);
                self.say(Kind::Text { text: text.to_owned(), parent: None });
            }
            Move::Write(path, text) => std::fs::write(cwd.join(path), text).unwrap(),
            Move::Permit(command) => {
                let request_id = Uuid::new_v4().to_string();
                self.say(Kind::PermissionRequested {
                    request_id: request_id.clone(),
                    tool: "Bash".to_owned(),
                    input: json!({"command": command}),
                    description: None,
                    blocked_path: None,
                    suggestions: vec![],
                    tool_use_id: None,
                });
                self.wait_for(&request_id).await;
            }
            Move::Choose(question, labels) => {
                let request_id = Uuid::new_v4().to_string();
                let options: Vec<_> = labels.iter().map(|l| json!({"label": l, "description": ""})).collect();
                self.say(Kind::QuestionAsked {
                    request_id: request_id.clone(),
                    input: json!({"questions": [{"question": question, "header": "", "multiSelect": false, "options": options}]}),
                    questions: vec![StructuredQuestion {
                        question: question.to_owned(),
                        header: String::new(),
                        multiple: false,
                        options: labels
                            .iter()
                            .map(|l| QuestionOption { label: (*l).to_owned(), description: String::new() })
                            .collect(),
                    }],
                });
                self.wait_for(&request_id).await;
            }
            Move::Hang => std::future::pending().await,
            Move::Retrying(status) => self.say(Kind::Retrying {
                attempt: 1,
                max_retries: 10,
                delay: Duration::from_secs(60),
                status: Some(status),
                error: "authentication_failed".to_owned(),
            }),
            Move::ApiError(kind) => return Some(Done::Error(kind)),
            Move::Exit(reason) => return Some(Done::Exit(reason)),
        }
        None
    }

    async fn wait_for(&self, request: &str) {
        loop {
            let came = self.answer_came.notified();
            if self.answered.lock().unwrap().contains_key(request) {
                return;
            }
            came.await;
        }
    }

    fn deliver(&self, id: &str) -> Result<Delivery, AgentError> {
        if self.gone.is_cancelled() || self.ended.is_cancelled() {
            return Err(AgentError::Ended);
        }
        let new = self.delivered.lock().unwrap().insert(id.to_owned());
        Ok(if new { Delivery::Written } else { Delivery::AlreadyWritten })
    }

    fn answer(&self, request: &str, answer: Value) -> Result<Delivery, AgentError> {
        let delivery = self.deliver(request)?;
        if delivery == Delivery::Written {
            self.answers.lock().unwrap().push(answer);
            self.answered.lock().unwrap().insert(request.to_owned(), true);
            self.answer_came.notify_waiters();
        }
        Ok(delivery)
    }
}

enum Done {
    Error(ApiErrorKind),
    Exit(ExitReason),
}

fn end(outcome: TurnOutcome, text: &str, session: &str) -> TurnEnd {
    TurnEnd {
        outcome,
        text: text.to_owned(),
        num_turns: 1,
        tokens: TokenUsage { input: 100, output: 10, cache_creation: 0, cache_read: 0 },
        cost_usd_total: 0.01,
        cost_usd: 0.01,
        duration: Duration::from_millis(1),
        session_id: Some(session.to_owned()),
        permission_denials: vec![],
    }
}

fn attach(run: &Arc<Run>, from: u64, tracker: &TaskTracker) -> mpsc::Receiver<AgentEvent> {
    let (sender, receiver) = mpsc::channel(crate::agent::EVENT_BUFFER);
    let run = Arc::clone(run);
    tracker.spawn(async move {
        let mut at = usize::try_from(from).unwrap();
        loop {
            let grown = run.grown.notified();
            tokio::pin!(grown);
            grown.as_mut().enable();
            let next = run.spool.lock().unwrap().get(at).cloned();
            let Some(kind) = next else {
                tokio::select! {
                    () = grown => continue,
                    () = sender.closed() => return,
                }
            };
            at += 1;
            let last = matches!(kind, Kind::Exited(_));
            let event = AgentEvent { end_offset: at as u64, more_of_line: false, kind };
            if sender.send(event).await.is_err() || last {
                return;
            }
        }
    });
    receiver
}

struct Handle(Arc<Run>);

#[async_trait]
impl Agent for Arc<Scripted> {
    async fn launch(&self, spec: LaunchSpec) -> Result<AgentRun, AgentError> {
        let (turns, receiver) = mpsc::channel(8);
        let run = Arc::new(Run {
            id: spec.run,
            spool: Mutex::default(),
            grown: Notify::new(),
            delivered: Mutex::default(),
            turns,
            interrupted: Notify::new(),
            in_turn: AtomicBool::new(false),
            answered: Mutex::default(),
            answer_came: Notify::new(),
            ended: CancellationToken::new(),
            gone: CancellationToken::new(),
            answers: Arc::clone(&self.answers),
        });
        self.runs.lock().unwrap().insert(spec.run_dir.clone(), Arc::clone(&run));
        let session = match spec.session {
            SessionStart::New(id) | SessionStart::Fork { id, .. } => id.to_string(),
            SessionStart::Resume(id) => id,
        };
        Scripted::run(self, Arc::clone(&run), session, spec.cwd, receiver);
        let events = attach(&run, 0, &self.tracker);
        Ok(AgentRun { handle: Arc::new(Handle(run)), events })
    }

    async fn reattach(&self, run_dir: &Path, from_offset: u64) -> Result<Reattached, AgentError> {
        let Some(run) = self.runs.lock().unwrap().get(run_dir).cloned() else { return Ok(Reattached::Unknown) };
        let events = attach(&run, from_offset, &self.tracker);
        Ok(if run.gone.is_cancelled() {
            Reattached::Ended(events)
        } else {
            Reattached::Running(AgentRun { handle: Arc::new(Handle(run)), events })
        })
    }

    async fn ask(&self, _spec: AskSpec, _cancel: CancellationToken) -> Result<AskAnswer, AgentError> {
        Err(AgentError::Cancelled)
    }

    async fn version(&self, _command: &[OsString]) -> Result<String, AgentError> {
        Ok("scripted".to_owned())
    }
}

#[async_trait]
impl AgentHandle for Handle {
    async fn send_turn(&self, turn: TurnInput) -> Result<Delivery, AgentError> {
        let delivery = self.0.deliver(&turn.input_id.to_string())?;
        if delivery == Delivery::Written {
            self.0.turns.send(turn).await.map_err(|_| AgentError::Ended)?;
        }
        Ok(delivery)
    }

    async fn answer_permission(&self, request_id: &str, answer: PermissionAnswer) -> Result<Delivery, AgentError> {
        let answer = match answer {
            PermissionAnswer::Allow { updated_input, .. } => json!({"allow": updated_input}),
            PermissionAnswer::Deny { message, .. } => json!({"deny": message}),
        };
        self.0.answer(request_id, answer)
    }

    async fn answer_question(
        &self,
        request_id: &str,
        _input: &Value,
        answers: &BTreeMap<String, Vec<String>>,
    ) -> Result<Delivery, AgentError> {
        self.0.answer(request_id, json!(answers))
    }

    async fn interrupt(&self) -> Result<(), AgentError> {
        if self.0.in_turn.load(Ordering::SeqCst) {
            self.0.interrupted.notify_one();
        }
        Ok(())
    }

    async fn set_model(&self, _model: &str) -> Result<(), AgentError> {
        Ok(())
    }

    async fn context_usage(&self) -> Result<Value, AgentError> {
        Ok(Value::Null)
    }

    async fn end(&self) -> EndReport {
        let before = self.0.gone.is_cancelled();
        self.0.ended.cancel();
        self.0.gone.cancelled().await;
        let method = if before { EndMethod::AlreadyEnded } else { EndMethod::Interrupt };
        EndReport { method, killed: vec![] }
    }

    fn pid(&self) -> Option<u32> {
        (!self.0.gone.is_cancelled()).then_some(1)
    }

    fn run(&self) -> Uuid {
        self.0.id
    }
}
