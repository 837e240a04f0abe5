//! Tasks as most tests watch them and speak to them.

use super::{Server, of};
use reqwest::Method;
use serde_json::{Value, json};

impl Server {
    /// The payloads of a task's events of these kinds, separated by commas, in the order of the log.
    pub async fn logged(&self, task: &str, kinds: &str) -> Vec<Value> {
        let events = self.get(&of(task, &format!("/events?limit=500&kind={kinds}"))).await.ok();
        events.as_array().expect("a list").iter().map(|event| event["payload"].clone()).collect()
    }

    /// What `task.updated` told of one of a task's fields, in order.
    pub async fn changed(&self, task: &str, field: &str) -> Vec<Value> {
        let updates = self.logged(task, "task.updated").await;
        updates.iter().filter_map(|payload| payload["changes"].get(field).cloned()).collect()
    }

    /// What the agent has said.
    pub async fn said(&self, task: &str) -> Vec<String> {
        let texts = self.logged(task, "agent.text").await;
        texts.iter().map(|payload| payload["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Every status that a task had, in order.
    pub async fn statuses(&self, task: &str) -> Vec<String> {
        let changes = self.logged(task, "task.status").await;
        changes.iter().map(|payload| payload["status"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Waits until the agent has said a text that holds these words.
    pub async fn until_said(&self, task: &str, words: &str) {
        let mut events = self.events(task, None).await;
        while !events.next_of(&["agent.text"]).await.payload()["text"].to_string().contains(words) {}
    }

    /// Waits until a person is asked; answers the question.
    pub async fn asked(&self, task: &str) -> Value {
        let mut events = self.events(task, None).await;
        loop {
            let open = self.get(&of(task, "/questions?status=open")).await.ok();
            if let Some(question) = open.get(0)
                && self.get(&of(task, "")).await.ok()["status"] == "PAUSED"
            {
                return question.clone();
            }
            events.next_of(&["task.status", "question.asked"]).await;
        }
    }

    /// Answers a question.
    pub async fn answer(&self, question: &Value, answer: Value) -> super::Reply {
        let id = question["id"].as_str().expect("an id");
        self.post(&format!("/questions/{id}/answer"), &answer).await
    }

    /// Answers what a person is asked, and waits until that was taken.
    pub async fn answered(&self, task: &str, answer: Value) -> Value {
        let question = self.asked(task).await;
        self.answer(&question, answer).await.ok();
        question
    }

    /// Says something to a task.
    pub async fn say(&self, task: &str, text: &str) -> Value {
        self.post(&of(task, "/set-input"), &json!({ "input": text })).await.ok()
    }

    /// Waits until a chat waits for its user after so many turns.
    pub async fn waits(&self, task: &str, turns: u64) -> Value {
        let mut events = self.events(task, None).await;
        loop {
            let now = self.get(&of(task, "")).await.ok();
            if now["waiting_for_input"] == true && now["iterations"].as_u64() >= Some(turns) {
                return now;
            }
            events.next_of(&["task.status", "task.updated", "turn.ended"]).await;
        }
    }

    /// A POST without a body to one of a task's commands.
    pub async fn tell(&self, task: &str, command: &str) -> Value {
        self.send(self.request(Method::POST, &of(task, &format!("/{command}")))).await.ok()
    }
}
