use super::{Amount, Change, TaskName, Visible, read_body, read_query};
use crate::domain::{Status, task::Access};
use serde_json::{Value, json};

fields! {
    /// A place.
    pub struct Place {
        /// Where.
        path: Visible,
        /// What for.
        access: Access = Access::Write,
    }
}

fields! {
    /// A request.
    pub struct Request {
        /// A name.
        name: TaskName,
        /// Text.
        text: String,
        /// A truth.
        quick: bool = true,
        /// A limit.
        limit: u32 = 20,
        /// Money.
        cost: Option<Amount>,
        /// What changes.
        note: Change<String>,
        /// Places.
        places: Vec<Place>,
    }
}

fields! {
    /// Parameters.
    pub struct Parameters {
        /// Statuses.
        status: Vec<Status>,
        /// A limit.
        limit: u32 = 100,
        /// A truth.
        deep: bool = false,
    }
}

fn wrong(body: Value) -> Vec<String> {
    let errors = read_body::<Request>(body).expect_err("something is wrong");
    errors.errors.into_iter().map(|error| format!("{}: {}", error.field, error.detail)).collect()
}

#[test]
fn what_is_absent_has_its_default() {
    let read = read_body::<Request>(json!({"name": "n", "text": ""})).expect("it is complete");
    assert!(read.quick && read.limit == 20 && read.cost.is_none() && read.places.is_empty());
    assert_eq!(read.note, Change::Keep);
}

#[test]
fn null_clears_what_may_be_cleared_and_is_absence_elsewhere() {
    let body = json!({"name": "n", "text": "", "note": null, "limit": null, "cost": null, "places": null});
    let read = read_body::<Request>(body).expect("it is complete");
    assert_eq!((read.note, read.limit), (Change::Clear, 20));
}

#[test]
fn what_is_given_is_read_also_in_what_is_nested() {
    let body = json!({"name": "n", "text": "t", "places": [{"path": "/a", "access": "read"}]});
    let read = read_body::<Request>(body).expect("it is complete");
    assert_eq!((read.name.0.as_str(), read.text.as_str()), ("n", "t"));
    assert_eq!((read.places[0].path.0.as_str(), read.places[0].access), ("/a", Access::Read));
}

#[test]
fn all_wrong_fields_are_told_at_once() {
    let body = json!({
        "name": "-rf", "text": 5, "quick": "perhaps", "limit": -1, "cost": "much", "Place": 1, "other": 1,
        "places": [{"access": "own"}, 7],
    });
    insta::assert_snapshot!(wrong(body).join("\n"), @r"
    name: a name does not begin with `-`
    text: must be text, not a number
    quick: must be true or false, not text
    limit: must be a whole number that is not negative
    cost: must be a number, not text
    places[0].path: is needed
    places[0].access: must be one of write, read
    places[1]: must be an object, not a number
    Place: is no field of this request; is `places` meant?
    other: is no field of this request
    ");
}

#[test]
fn a_nul_is_refused_wherever_it_stands() {
    assert_eq!(wrong(json!({"name": "n", "text": "a\u{0}b"})), ["text: the text has a NUL character; remove it"]);
}

#[test]
fn a_body_that_is_no_object_is_told_as_a_whole() {
    assert_eq!(wrong(json!([])), ["(body): must be an object, not a list"]);
}

#[test]
fn a_query_reads_lists_numbers_and_truths_from_text() {
    let read =
        read_query::<Parameters>("status=PENDING,RUNNING&status=PAUSED&limit=7&deep=true").expect("all is right");
    assert_eq!(read.status, [Status::Pending, Status::Running, Status::Paused]);
    assert!(read.limit == 7 && read.deep);
}

#[test]
fn a_wrong_query_names_its_parameters() {
    let errors = read_query::<Parameters>("status=bogus&limit=abc&deep=x&limt=5").expect_err("all is wrong");
    let names: Vec<_> = errors.errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(names, ["status", "limit", "deep", "limt"]);
}

#[test]
fn the_same_line_makes_the_schema() {
    let schema = serde_json::to_value(<Place as utoipa::PartialSchema>::schema()).expect("schemas are plain values");
    insta::assert_json_snapshot!(schema, @r#"
        {
          "type": "object",
          "description": "A place.",
          "required": [
            "path"
          ],
          "properties": {
            "path": {
              "type": "string",
              "description": "Where.",
              "maxLength": 524288,
              "minLength": 1,
              "pattern": "\\S"
            },
            "access": {
              "type": "string",
              "description": "What for.",
              "default": "write",
              "enum": [
                "write",
                "read"
              ]
            }
          },
          "additionalProperties": false
        }
        "#);
}

#[test]
fn a_text_that_is_too_long_is_told_as_too_large_only_if_nothing_else_is_wrong() {
    let long = "x".repeat(600 * 1024);
    let too_large =
        |name: &str| read_body::<Request>(json!({"name": name, "text": long})).map(drop).map_err(|e| e.too_large);
    assert_eq!(too_large("n"), Err(true));
    assert_eq!(too_large("-n"), Err(false));
}
