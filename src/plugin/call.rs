//! What plugins are given and what they answer: the interface's types as plain, serialisable values.
//!
//! They mirror `wit/` word for word, so that a decision's recorded input is enough to ask another plugin the same.

#![expect(missing_docs, reason = "the fields and cases are documented in `wit/`")]

use serde::{Deserialize, Serialize};
use serde_json::Value;

macro_rules! values {
    ($($(#[$doc:meta])* $kind:ident $name:ident { $($body:tt)* })*) => {
        $($(#[$doc])* #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)] #[serde(rename_all = "kebab-case")] pub $kind $name { $($body)* })*
    };
}

values! {
    /// What a task may do with a project.
    enum Access { Read, Write }
    /// One project of a task.
    struct TaskProject { pub name: String, pub path: String, pub access: Access, pub context: String }
    /// The task about which a plugin decides.
    struct TaskView {
        pub id: String,
        pub name: String,
        pub description: String,
        pub end_criteria: String,
        pub project_context: String,
        pub custom_input: String,
        pub projects: Vec<TaskProject>,
        pub branch: String,
        pub turns: u32,
        pub max_turns: Option<u32>,
        pub test_rounds: u32,
    }
    /// Who said something.
    enum Speaker { User, Agent, Responder, Tool, System }
    /// One entry of the conversation.
    struct Entry { pub speaker: Speaker, pub text: String, pub tool: Option<String> }

    /// One choice of a question.
    struct QuestionChoice { pub label: String, pub description: String }
    /// A question with choices.
    struct Question { pub text: String, pub header: String, pub multiple: bool, pub choices: Vec<QuestionChoice> }
    /// The agent waits for leave to use a tool.
    struct PermissionRequest { pub tool: String, pub input: Value, pub cwd: String, pub description: String, pub blocked_path: Option<String> }
    /// What happened.
    enum Happening { TurnEnded(String), Questions(Vec<Question>), Permission(PermissionRequest) }
    /// What a responder is given.
    struct RespondSituation { pub happening: Happening, pub task: TaskView, pub recent: Vec<Entry> }
    /// A wish to have the user decide.
    struct Escalation { pub reason: String, pub suggestion: String }
    /// What a responder answers.
    enum Answer { Reply(String), Choose(Vec<Vec<String>>), Allow, Deny(String), Escalate(Escalation), Finish(String), Pass }
    /// An answer with its reason.
    struct Response { pub answer: Answer, pub reason: String }

    /// One criterion.
    struct Criterion { pub id: String, pub text: String }
    /// What was found about one criterion.
    enum Verdict { Met(String), NotMet(String), Unsure(String) }
    /// One criterion with what was found.
    struct Finding { pub criterion: Criterion, pub verdict: Verdict }
    /// A command for `sh -c` that an evaluation needs.
    struct ShellCommand { pub shell: String, pub timeout_seconds: u32 }
    /// How such a command ended.
    struct CommandOutcome { pub shell: String, pub status: Option<i32>, pub output: String }
    /// What an evaluation is given.
    struct CriteriaSituation {
        pub task: TaskView,
        pub criteria: Vec<Criterion>,
        pub last_text: String,
        pub recent: Vec<Entry>,
        pub outcomes: Vec<CommandOutcome>,
    }
    /// The evaluation's whole answer.
    enum Evaluation { Findings(Vec<Finding>), Pass }

    /// What is known of a project that may have tests.
    struct ProjectFiles {
        pub files: Vec<String>,
        pub contents: Vec<(String, String)>,
        pub test_command: Option<String>,
        pub test_dir: Option<String>,
    }
    /// A command of a test run.
    struct PlannedCommand { pub argv: Vec<String>, pub env: Vec<(String, String)>, pub timeout_seconds: u32, pub reports: Vec<String> }
    /// A plan for one test run.
    struct RunPlan { pub commands: Vec<PlannedCommand>, pub summary: String, pub guidance: String }
    /// A test command's outcome.
    struct RunOutcome {
        pub command: PlannedCommand,
        pub status: Option<i32>,
        pub timed_out: bool,
        pub error: String,
        pub stdout: String,
        pub stderr: String,
        pub reports: Vec<(String, String)>,
    }
    /// How a test ended.
    enum CaseStatus { Passed, Failed, Skipped }
    /// One test.
    struct RunCase { pub name: String, pub suite: String, pub status: CaseStatus, pub output: String, pub duration_ms: Option<u64> }

    /// What a folder's entry is.
    enum EntryKind { File, Directory, Other }
    /// One entry of a folder.
    struct DirEntry { pub name: String, pub kind: EntryKind, pub size: u64 }
    /// How a file differs from the task's base.
    enum ChangeKind { Added, Modified, Deleted, Renamed }
    /// A file that differs from the task's base.
    struct Change { pub path: String, pub kind: ChangeKind, pub added: u32, pub removed: u32 }
}
