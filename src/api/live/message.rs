//! What clients say on a WebSocket: read by the same types of fields as the bodies of REST calls.

use crate::{
    api::{
        Kind, Problem,
        dispatch::MAX_BODY,
        fields::{self, Fields, Wrong, fields},
        json,
        resources::{inputs::SetInput, questions::GiveAnswer},
    },
    domain::{QuestionId, Seq},
};
use bytes::Bytes;
use serde_json::{Map, Value};

/// Characters of a message's own id.
const MAX_ID: usize = 200;

/// A message, with the id by which its answer is known.
#[derive(Debug)]
pub struct Message {
    /// What the client calls it.
    pub id: Option<String>,
    /// What it wants, or why that cannot be told.
    pub wish: Result<Wish, Problem>,
}

/// What a client wants.
#[derive(Debug)]
pub enum Wish {
    /// To be told events.
    Subscribe {
        /// Of which tasks.
        tasks: Tasks,
        /// After which; none is what comes next.
        after: Option<Seq>,
        /// Whether text that is being written comes too.
        partial: bool,
    },
    /// Not to be told them any more.
    Unsubscribe {
        /// Of which tasks.
        tasks: Tasks,
    },
    /// Something done with a task.
    Command {
        /// The task's name.
        task: String,
        /// What.
        command: Command,
    },
}

/// Which tasks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tasks {
    /// All of them.
    All,
    /// By their names.
    Named(Vec<String>),
}

/// What is done with a task: each is a call of REST.
#[derive(Debug)]
pub enum Command {
    /// Into the queue.
    Start,
    /// STOPPED.
    Stop,
    /// Back into the queue.
    Resume,
    /// The turn is cut short.
    Interrupt,
    /// Something is said to the agent.
    Input(SetInput),
    /// A question is answered.
    Answer(QuestionId, GiveAnswer),
}

impl fields::Field for Tasks {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        match value {
            Value::String(text) if text == "*" => Some(Self::All),
            Value::Array(_) => {
                let names = Vec::<String>::read(value, at, wrong)?;
                if names.is_empty() { wrong.note(at, "needs at least one name") } else { Some(Self::Named(names)) }
            }
            _ => wrong.note(at, "must be a list of names of tasks, or `*` for all"),
        }
    }

    fn field_schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, ObjectBuilder, Type};
        let all = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["*"]));
        let names = ArrayBuilder::new().items(String::field_schema()).min_items(Some(1));
        AnyOfBuilder::new().item(names).item(all).into()
    }
}

fields! {
    /// `subscribe`: wants events.
    pub struct Subscribe {
        /// Names of tasks, or `*` for all.
        tasks: Tasks,
        /// Begin after this sequence number, not with what comes next.
        after: Option<i64>,
        /// Whether text that agents are writing comes too.
        partial: bool = false,
    }
}

fields! {
    /// `unsubscribe`: wants them no more.
    pub struct Unsubscribe {
        /// Names of tasks, or `*` for what was asked for all.
        tasks: Tasks,
    }
}

/// Reads a message.
#[must_use]
pub fn read(text: &Bytes) -> Message {
    let value = match json::parse(text) {
        Ok(value) => value,
        Err(error) => {
            let detail = format!("The message is not JSON that can be taken: {error}.");
            return Message { id: None, wish: Err(Problem::new(Kind::BAD_JSON, detail)) };
        }
    };
    let Value::Object(mut object) = value else {
        let detail = format!("The message must be an object, not {}.", fields::kind_of(&value));
        return Message { id: None, wish: Err(Problem::new(Kind::BAD_JSON, detail)) };
    };
    let id = match object.swap_remove("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) if id.chars().count() <= MAX_ID => Some(id),
        Some(_) => {
            let detail = format!("must be text of at most {MAX_ID} characters");
            return Message { id: None, wish: Err(Problem::field("id", detail)) };
        }
    };
    Message { id, wish: wish(object, text.len()) }
}

fn wish(mut object: Map<String, Value>, size: usize) -> Result<Wish, Problem> {
    let kind = match object.swap_remove("type") {
        Some(Value::String(kind)) => kind,
        Some(_) => return Err(Problem::field("type", "must be text")),
        None => return Err(Problem::field("type", "is needed")),
    };
    if size > MAX_BODY && kind != "input" {
        let detail = format!("A message may have {} MB at most, but for an input with images.", MAX_BODY / 1024 / 1024);
        return Err(Problem::new(Kind::TOO_LARGE, detail));
    }
    let mut wrong = Wrong::in_body();
    let read = match kind.as_str() {
        "subscribe" => Subscribe::read_object(object, "", &mut wrong)
            .map(|Subscribe { tasks, after, partial }| Wish::Subscribe { tasks, after: after.map(Seq), partial }),
        "unsubscribe" => {
            Unsubscribe::read_object(object, "", &mut wrong).map(|Unsubscribe { tasks }| Wish::Unsubscribe { tasks })
        }
        "start" => command(object, &mut wrong, |object, wrong| nothing_else(&object, wrong, Command::Start)),
        "stop" => command(object, &mut wrong, |object, wrong| nothing_else(&object, wrong, Command::Stop)),
        "resume" => command(object, &mut wrong, |object, wrong| nothing_else(&object, wrong, Command::Resume)),
        "interrupt" => command(object, &mut wrong, |object, wrong| nothing_else(&object, wrong, Command::Interrupt)),
        "input" => {
            command(object, &mut wrong, |object, wrong| SetInput::read_object(object, "", wrong).map(Command::Input))
        }
        "answer" => command(object, &mut wrong, |mut object, wrong| {
            let question = fields::take(&mut object, "question", "", None, wrong);
            let answer = GiveAnswer::read_object(object, "", wrong);
            Some(Command::Answer(question?, answer?))
        }),
        _ => wrong.note("type", "must be one of subscribe, unsubscribe, start, stop, resume, input, interrupt, answer"),
    };
    Ok(wrong.finish(read)?)
}

/// A command: the task's name, and what `rest` reads.
fn command(
    mut object: Map<String, Value>,
    wrong: &mut Wrong,
    rest: impl FnOnce(Map<String, Value>, &mut Wrong) -> Option<Command>,
) -> Option<Wish> {
    let task = fields::take(&mut object, "task", "", None, wrong);
    let command = rest(object, wrong);
    Some(Wish::Command { task: task?, command: command? })
}

fn nothing_else(object: &Map<String, Value>, wrong: &mut Wrong, command: Command) -> Option<Command> {
    fields::refuse_the_rest(object, &["task"], "", wrong);
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wish_of(text: &str) -> Result<Wish, Problem> {
        read(&Bytes::copy_from_slice(text.as_bytes())).wish
    }

    #[test]
    fn every_wrong_field_of_a_command_is_told_at_once() {
        let problem = wish_of(r#"{"type":"input","id":"1","input":5,"priorty":"urgent"}"#).expect_err("it is wrong");
        let told = problem.to_value("r");
        let fields: Vec<_> = told["errors"].as_array().expect("errors").iter().map(|error| &error["field"]).collect();
        assert_eq!(fields, ["task", "input", "priorty"]);
    }

    #[test]
    fn the_id_of_a_wrong_message_is_known() {
        let message = read(&Bytes::from_static(br#"{"type":"nonsense","id":"m1"}"#));
        assert_eq!(message.id.as_deref(), Some("m1"));
        assert!(message.wish.is_err());
    }

    #[test]
    fn tasks_are_names_or_all() {
        assert!(matches!(
            wish_of(r#"{"type":"subscribe","tasks":"*"}"#),
            Ok(Wish::Subscribe { tasks: Tasks::All, after: None, partial: false })
        ));
        for wrong in ["5", "\"a\"", "[]", "[5]", "null"] {
            assert!(wish_of(&format!(r#"{{"type":"subscribe","tasks":{wrong}}}"#)).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_message_is_too_strange_to_be_answered(text in ".{0,200}") {
            drop(read(&Bytes::from(text)));
        }
    }
}
