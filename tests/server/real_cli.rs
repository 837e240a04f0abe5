//! The real Claude Code command against a scripted Messages API: only the model is not real. Needs the command's path in
//! `REAL_CLI`; `make real-cli` installs the pinned version and runs this.

use crate::support::{
    NODE, Server,
    messages_api::{MessagesApi, Say},
    of, text, unique,
};
use serde_json::{Value, json};

/// Asks a question, writes a file, ends: by what the conversation holds already.
fn model(request: &Value) -> Say {
    let conversation = request["messages"].to_string();
    let answered = |id: &str| conversation.contains(&format!("\"tool_use_id\":\"{id}\""));
    if !request.to_string().contains("AskUserQuestion") {
        return Say::Text("ok");
    }
    if answered("toolu_write") {
        Say::Text("The file `multiply.js` is written and everything that was asked for is done.")
    } else if answered("toolu_ask") {
        let path = regex_cwd(&request.to_string());
        Say::Tool {
            id: "toolu_write",
            name: "Write",
            input: json!({ "file_path": format!("{path}/multiply.js"), "content": "export const multiply = (a, b) => a * b;\n" }),
        }
    } else {
        Say::Tool {
            id: "toolu_ask",
            name: "AskUserQuestion",
            input: json!({ "questions": [{
                "question": "Which kind of module should it be?", "header": "Module", "multiSelect": false,
                "options": [
                    { "label": "CommonJS", "description": "require and module.exports" },
                    { "label": "ES module (Recommended)", "description": "import and export, as the rest of the project" },
                ],
            }] }),
        }
    }
}

/// The working directory that the command tells its model.
fn regex_cwd(request: &str) -> String {
    let mark = "orking directory: ";
    let begin = request.find(mark).map(|at| at + mark.len()).expect("the command tells its working directory");
    request[begin..].split(['\\', '"', '\n', ' ']).next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the agent's real command; `make real-cli` installs it"]
async fn the_real_agent_does_a_task_with_a_question_a_permission_and_tests() {
    let command = std::env::var("REAL_CLI").expect("REAL_CLI names the real command");
    let api = MessagesApi::start(model).await;
    let server = Server::builder()
        .agent(command)
        .variable("ANTHROPIC_API_KEY", "sk-ant-dummy")
        .variable("ANTHROPIC_BASE_URL", &api.address)
        .variable("DISABLE_AUTOUPDATER", "1")
        .variable("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .variable("CLAUDE_CODE_MAX_RETRIES", "1")
        .start()
        .await;
    let repository = server.repository("adder", NODE);
    let name = unique("multiply");
    let body = json!({
        "task_name": name, "description": "Add a function that multiplies, in multiply.js.", "root_folder": repository.root(),
        "generate_tests": false, "auto_start": true,
    });
    server.post("/tasks", &body).await.ok();

    let task = server.until(&name, &["COMPLETED"]).await;

    let questions = server.get(&of(&name, "/questions")).await.ok();
    let choice = questions.as_array().into_iter().flatten().find(|one| one["kind"] == "choice").expect("a question");
    assert_eq!(choice["answer"]["answers"], json!(["ES module (Recommended)"]));
    assert_eq!((text(&choice["answered_by"], "kind"), text(&choice["answered_by"], "name")), ("plugin", "heuristic"));
    let permission =
        questions.as_array().into_iter().flatten().find(|one| one["kind"] == "permission").expect("a permission");
    assert_eq!(permission["answer"]["behavior"], "allow");

    let evidence = server.get(&of(&name, "/evidence")).await.ok();
    let rounds = evidence["tests"]["rounds"].as_array().expect("rounds");
    assert_eq!(rounds.len(), 1);
    assert_eq!(rounds[0]["passed"], true);
    assert!(rounds[0]["cases"].to_string().contains("two and two"));

    let branch = text(&task, "branch_name");
    assert_eq!(repository.git(&["show", &format!("{branch}:multiply.js")]), "export const multiply = (a, b) => a * b;");
    assert!(task["total_tokens_used"].as_u64() > Some(0));
    assert_eq!(repository.git(&["status", "--porcelain"]), "", "the user's own checkout is as it was");
}
