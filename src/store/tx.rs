//! Writing: what a closure of [`super::Store::write`] may do.

use super::{Queries, StoreError};
use crate::domain::{
    EventBody, InputId, ProjectId, PromptId, QuestionId, Seq, Task, TaskId, Timestamp,
    decision::Decision,
    input::Input,
    interaction::Interaction,
    library::{Prompt, Session},
    project::Project,
    question::Question,
    task::Workplace,
    test_case::TestCase,
};
use serde_json::Value;

/// A transaction. Dereferences to [`Queries`], which see what was written in it.
pub struct Tx<'a> {
    queries: Queries<'a>,
}

impl<'a> std::ops::Deref for Tx<'a> {
    type Target = Queries<'a>;

    fn deref(&self) -> &Queries<'a> {
        &self.queries
    }
}

#[allow(clippy::missing_errors_doc, reason = "every method fails only as StoreError tells")]
impl Tx<'_> {
    /// The moment of this work; every row and event of it carries the same.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        todo!()
    }
    /// Appends an event of a task, or of the server, to the log.
    pub fn append(&mut self, task: Option<&Task>, body: EventBody) -> Result<Seq, StoreError> {
        todo!()
    }

    /// [`StoreError::Taken`] when the name is in use.
    pub fn insert_task(&mut self, task: &Task) -> Result<(), StoreError> {
        todo!()
    }
    /// Writes the whole row; `updated_at` becomes [`Tx::now`].
    pub fn update_task(&mut self, task: &Task) -> Result<(), StoreError> {
        todo!()
    }
    /// Removes the task and everything of it but its events.
    pub fn delete_task(&mut self, id: TaskId) -> Result<(), StoreError> {
        todo!()
    }
    pub fn set_workplaces(&mut self, id: TaskId, places: &[Workplace]) -> Result<(), StoreError> {
        todo!()
    }

    /// Also counts it in the task's row (`interaction_count`).
    pub fn add_interaction(&mut self, entry: &Interaction) -> Result<(), StoreError> {
        todo!()
    }
    pub fn update_interaction(&mut self, entry: &Interaction) -> Result<(), StoreError> {
        todo!()
    }
    /// Removes the whole conversation with its questions, decisions, inputs and test cases; tells how many entries it had.
    pub fn clear_conversation(&mut self, id: TaskId) -> Result<u64, StoreError> {
        todo!()
    }
    pub fn add_input(&mut self, input: &Input) -> Result<(), StoreError> {
        todo!()
    }
    pub fn update_input(&mut self, input: &Input) -> Result<(), StoreError> {
        todo!()
    }
    pub fn remove_input(&mut self, id: InputId) -> Result<(), StoreError> {
        todo!()
    }
    pub fn add_question(&mut self, question: &Question) -> Result<(), StoreError> {
        todo!()
    }
    pub fn update_question(&mut self, question: &Question) -> Result<(), StoreError> {
        todo!()
    }
    pub fn remove_question(&mut self, id: QuestionId) -> Result<(), StoreError> {
        todo!()
    }
    pub fn add_decision(&mut self, decision: &Decision) -> Result<(), StoreError> {
        todo!()
    }
    pub fn add_test_case(&mut self, case: &TestCase) -> Result<(), StoreError> {
        todo!()
    }

    pub fn insert_project(&mut self, project: &Project) -> Result<(), StoreError> {
        todo!()
    }
    pub fn update_project(&mut self, project: &Project) -> Result<(), StoreError> {
        todo!()
    }
    pub fn delete_project(&mut self, id: ProjectId) -> Result<bool, StoreError> {
        todo!()
    }
    pub fn insert_prompt(&mut self, prompt: &Prompt) -> Result<(), StoreError> {
        todo!()
    }
    pub fn update_prompt(&mut self, prompt: &Prompt) -> Result<(), StoreError> {
        todo!()
    }
    pub fn delete_prompt(&mut self, id: PromptId) -> Result<bool, StoreError> {
        todo!()
    }
    pub fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        todo!()
    }

    /// Keeps what was answered to a request; drops those older than `before`.
    pub fn keep_idempotent(
        &mut self,
        key: &str,
        request: &str,
        status: u16,
        body: &[u8],
        before: Timestamp,
    ) -> Result<(), StoreError> {
        todo!()
    }
    pub fn keep(&mut self, key: &str, value: &Value) -> Result<(), StoreError> {
        todo!()
    }
    pub fn set_plugin_state(
        &mut self,
        plugin: &str,
        id: TaskId,
        key: &str,
        value: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        todo!()
    }
}
