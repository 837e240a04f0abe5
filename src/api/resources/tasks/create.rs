//! Making a task and changing what was asked of it.

use super::{task_of, whole};
use crate::{
    api::{
        Call, Problem, Reply, Route,
        fields::{Amount, Change, TaskName, Visible, fields},
        route, wire,
    },
    domain::{
        Chains, Limits, SessionId, Timestamp,
        budget::DEFAULT_MAX_ITERATIONS,
        task::{Access, TaskProject, TaskSpec},
    },
    engine::TaskPatch,
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

pub(super) fn routes() -> Vec<Route> {
    vec![route::<__path_create, _, _>(create), route::<__path_update, _, _>(update)]
}

fields! {
    /// One project of a task.
    pub struct NewTaskProject {
        /// An absolute path: a repository, or a folder inside one.
        path: Visible,
        /// `write`: a worktree on the task's branch. `read`: given to the agent as it is.
        access: Access = Access::Write,
        /// What the agent is told about it.
        context: Option<String>,
        /// The branch to work on; made by the naming rule where it is absent.
        branch_name: Option<Visible>,
    }
}

impl From<NewTaskProject> for TaskProject {
    fn from(project: NewTaskProject) -> Self {
        Self {
            path: project.path.0,
            access: project.access,
            context: project.context,
            branch_name: project.branch_name.map(|name| name.0),
        }
    }
}

fields! {
    /// When a task is done, and what it may use until then.
    pub struct NewEndCriteria {
        /// When the work is done, in words.
        criteria: Change<String>,
        /// Turns of the conversation.
        max_iterations: Change<u32>,
        /// Tokens of input, output and cache writes together.
        max_tokens: Change<u64>,
    }
}

fields! {
    /// A task to make.
    pub struct NewTask {
        /// Its name: free text, unique, at most 200 characters; no `/`, `\`, control characters, nor a `-` at its beginning.
        task_name: TaskName,
        /// What is to be done. The first message of a chat; an empty one for a chat that begins with your first input.
        description: String,
        /// Whose task it is.
        user_id: Option<String>,
        /// The repository, or a folder inside one: an absolute path.
        root_folder: Option<Visible>,
        /// The old name of `root_folder`.
        project_path: Option<Visible>,
        /// The branch to work on; made by the naming rule where it is absent.
        branch_name: Option<Visible>,
        /// The branch to start from; else the project's, else the one that is checked out.
        base_branch: Option<Visible>,
        /// A label of the repository that the client keeps.
        git_repo: Option<String>,
        /// False works in place and never removes anything there.
        use_worktree: bool = true,
        /// Whether it goes into the queue at once.
        auto_start: bool = false,
        /// What the agent is told about the project.
        project_context: Option<String>,
        /// Whether it waits for its user after each answer.
        chat_mode: bool = false,
        /// When the work is done, in words.
        end_criteria: Option<String>,
        /// The same with its limits, in the form in which a task shows it.
        end_criteria_config: Option<NewEndCriteria>,
        /// Turns of the conversation.
        max_iterations: Option<u32> = Some(DEFAULT_MAX_ITERATIONS),
        /// Tokens of input, output and cache writes together.
        max_tokens: Option<u64>,
        /// Dollars that it may cost.
        max_cost_usd: Option<Amount>,
        /// Seconds that it may run.
        max_duration_seconds: Option<u64>,
        /// Several projects, instead of or beside `root_folder`.
        projects: Vec<NewTaskProject>,
        /// MCP servers for the agent, by name, in the agent's own form.
        mcp_servers: Map<String, Value>,
        /// The model, by the agent's name for it.
        model: Option<Visible>,
        /// Tools that need no permission.
        allowed_tools: Vec<Visible>,
        /// Tools that the agent does not get.
        disallowed_tools: Vec<Visible>,
        /// Text added to the agent's system prompt.
        system_prompt: Option<String>,
        /// Plugin chains of its own.
        chains: Chains,
        /// Whether the agent is asked to write tests; absent: where a test runner knows the project.
        generate_tests: Option<bool>,
        /// Whether the work is committed at the end.
        auto_commit: bool = true,
        /// The message of that commit; absent: made from the task.
        commit_message: Option<String>,
        /// Free labels.
        labels: Vec<Visible>,
        /// Not before this moment.
        start_at: Option<Timestamp>,
        /// The session it belongs to.
        session_id: Option<SessionId>,
        /// What the responder says when nothing else is known.
        custom_human_input: Option<String>,
    }
}

fn texts(list: Vec<Visible>) -> Vec<String> {
    list.into_iter().map(|text| text.0).collect()
}

fn text(one: Option<Visible>) -> Option<String> {
    one.map(|text| text.0)
}

impl NewTask {
    fn into_spec(self) -> TaskSpec {
        let mut end_criteria = self.end_criteria;
        let mut limits = Limits {
            max_iterations: self.max_iterations,
            max_tokens: self.max_tokens,
            max_cost_usd: self.max_cost_usd.map(|amount| amount.0),
            max_duration_seconds: self.max_duration_seconds,
        };
        if let Some(config) = self.end_criteria_config {
            end_criteria = config.criteria.into_patch(|text| text).unwrap_or(end_criteria);
            limits.max_iterations = config.max_iterations.into_patch(|n| n).unwrap_or(limits.max_iterations);
            limits.max_tokens = config.max_tokens.into_patch(|n| n).unwrap_or(limits.max_tokens);
        }
        TaskSpec {
            task_name: self.task_name.0,
            description: self.description,
            user_id: self.user_id,
            root_folder: text(self.root_folder.or(self.project_path)),
            branch_name: text(self.branch_name),
            base_branch: text(self.base_branch),
            git_repo: self.git_repo,
            use_worktree: self.use_worktree,
            projects: self.projects.into_iter().map(TaskProject::from).collect(),
            project_context: self.project_context,
            chat_mode: self.chat_mode,
            end_criteria: end_criteria.filter(|criteria| !criteria.trim().is_empty()),
            limits,
            mcp_servers: self.mcp_servers,
            model: text(self.model),
            allowed_tools: texts(self.allowed_tools),
            disallowed_tools: texts(self.disallowed_tools),
            system_prompt: self.system_prompt,
            chains: self.chains,
            generate_tests: self.generate_tests,
            auto_commit: self.auto_commit,
            commit_message: self.commit_message,
            labels: texts(self.labels),
            start_at: self.start_at,
            session_id: self.session_id,
            custom_human_input: self.custom_human_input,
        }
    }
}

/// Makes a task. With `auto_start` it goes into the queue at once.
#[utoipa::path(post, path = "/api/v1/tasks", operation_id = "create_task", tag = "tasks", request_body = NewTask,
    responses((status = 201, body = wire::Task)))]
async fn create(mut call: Call) -> Result<Reply, Problem> {
    let new = call.body::<NewTask>().await?;
    let auto_start = new.auto_start;
    let spec = new.into_spec();
    if !spec.chat_mode && spec.description.trim().is_empty() {
        return Err(Problem::field("description", "needs at least one visible character, unless `chat_mode` is true"));
    }
    let task = call.api.engine.create(spec, auto_start, &call.actor).await?;
    let location = HeaderValue::try_from(format!("/api/v1/tasks/{}", task.id)).map_err(Problem::internal)?;
    let task = whole(&call.api, task).await?;
    Ok(Reply::json(&task)?.status(StatusCode::CREATED).header(header::LOCATION, location))
}

fields! {
    /// What changes of a task. What is not named stays; `null` empties what may be empty.
    pub struct TaskChanges {
        /// What is to be done.
        description: Option<Visible>,
        /// The repository, or a folder inside one.
        root_folder: Change<Visible>,
        /// The branch to work on.
        branch_name: Change<Visible>,
        /// The branch to start from.
        base_branch: Change<Visible>,
        /// A label of the repository that the client keeps.
        git_repo: Change<String>,
        /// When the work is done, and its limits.
        end_criteria_config: Change<NewEndCriteria>,
        /// When the work is done, in words.
        end_criteria: Change<String>,
        /// Turns of the conversation.
        max_iterations: Change<u32>,
        /// Tokens of input, output and cache writes together.
        max_tokens: Change<u64>,
        /// Dollars that it may cost.
        max_cost_usd: Change<Amount>,
        /// Seconds that it may run.
        max_duration_seconds: Change<u64>,
        /// What the responder says when nothing else is known.
        custom_human_input: Change<String>,
        /// Its projects.
        projects: Option<Vec<NewTaskProject>>,
        /// What the agent is told about the project.
        project_context: Change<String>,
        /// MCP servers for the agent.
        mcp_servers: Option<Map<String, Value>>,
        /// The model.
        model: Change<Visible>,
        /// Tools that need no permission.
        allowed_tools: Option<Vec<Visible>>,
        /// Tools that the agent does not get.
        disallowed_tools: Option<Vec<Visible>>,
        /// Text added to the agent's system prompt.
        system_prompt: Change<String>,
        /// Plugin chains of its own.
        chains: Option<Chains>,
        /// Whether the agent is asked to write tests.
        generate_tests: Change<bool>,
        /// Whether the work is committed at the end.
        auto_commit: Option<bool>,
        /// The message of that commit.
        commit_message: Change<String>,
        /// Free labels.
        labels: Option<Vec<Visible>>,
        /// Not before this moment.
        start_at: Change<Timestamp>,
        /// Whether it waits for its user after each answer.
        chat_mode: Option<bool>,
    }
}

impl TaskChanges {
    fn into_patch(self) -> TaskPatch {
        let (criteria, max_iterations, max_tokens) = match self.end_criteria_config {
            Change::Keep => (None, None, None),
            Change::Clear => (Some(None), None, None),
            Change::To(config) => (
                config.criteria.into_patch(|text| text),
                config.max_iterations.into_patch(|n| n),
                config.max_tokens.into_patch(|n| n),
            ),
        };
        TaskPatch {
            description: text(self.description),
            root_folder: self.root_folder.into_patch(|text| text.0),
            branch_name: self.branch_name.into_patch(|text| text.0),
            base_branch: self.base_branch.into_patch(|text| text.0),
            git_repo: self.git_repo.into_patch(|text| text),
            end_criteria: self.end_criteria.into_patch(|text| text).or(criteria),
            max_iterations: self.max_iterations.into_patch(|n| n).or(max_iterations),
            max_tokens: self.max_tokens.into_patch(|n| n).or(max_tokens),
            max_cost_usd: self.max_cost_usd.into_patch(|amount| amount.0),
            max_duration_seconds: self.max_duration_seconds.into_patch(|n| n),
            custom_human_input: self.custom_human_input.into_patch(|text| text),
            projects: self.projects.map(|projects| projects.into_iter().map(TaskProject::from).collect()),
            project_context: self.project_context.into_patch(|text| text),
            mcp_servers: self.mcp_servers,
            model: self.model.into_patch(|text| text.0),
            allowed_tools: self.allowed_tools.map(texts),
            disallowed_tools: self.disallowed_tools.map(texts),
            system_prompt: self.system_prompt.into_patch(|text| text),
            chains: self.chains,
            generate_tests: self.generate_tests.into_patch(|truth| truth),
            auto_commit: self.auto_commit,
            commit_message: self.commit_message.into_patch(|text| text),
            labels: self.labels.map(texts),
            start_at: self.start_at.into_patch(|moment| moment),
            chat_mode: self.chat_mode,
        }
    }
}

/// Changes what was asked of a task. A running task follows from its next decision on.
#[utoipa::path(put, path = "/api/v1/tasks/by-name/{name}", operation_id = "update_task", tag = "tasks",
    request_body = TaskChanges, responses((status = 200, body = wire::Task)))]
async fn update(mut call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    let patch = call.body::<TaskChanges>().await?.into_patch();
    let task = call.api.engine.update(task.id, patch, &call.actor).await?;
    Reply::json(&whole(&call.api, task).await?)
}
