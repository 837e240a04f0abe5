//! The types of fields: each says what values it takes, and why another is refused.

use super::{Field, Wrong, check_text, kind_of};
use crate::{
    api::images,
    domain::{
        Chains, InputId, ProjectId, QuestionId, SessionId, Status, TaskId, Timestamp,
        input::{Image, Priority},
        naming,
        question::{Behavior, QuestionState, Remember},
        task::Access,
    },
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::str::FromStr;
use utoipa::{
    PartialSchema,
    openapi::{
        RefOr, SchemaFormat,
        schema::{AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type},
    },
};

/// Entries that a list may have.
const MAX_LIST: usize = 1_000;

/// The name of a task, by the rules of [`naming::check_name`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskName(pub String);

/// Text with at least one visible character.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Visible(pub String);

/// A number that is not negative, such as dollars.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Amount(pub f64);

/// What a change does to a field that may be empty.
#[derive(Clone, PartialEq, Debug)]
pub enum Change<T> {
    /// The field was not named.
    Keep,
    /// It was given as null.
    Clear,
    /// It was given.
    To(T),
}

impl<T> Change<T> {
    /// As a patch tells it: nothing, or the new value, which may be nothing.
    pub fn into_patch<U>(self, make: impl FnOnce(T) -> U) -> Option<Option<U>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::To(value) => Some(Some(make(value))),
        }
    }
}

fn object_of(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

impl Field for String {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        match value {
            Value::String(text) => check_text(&text, at, wrong).map(|()| text),
            Value::Array(_) if wrong.from_text => wrong.note(at, "is given more than once"),
            other => wrong.note(at, format!("must be text, not {}", kind_of(&other))),
        }
    }

    fn field_schema() -> RefOr<Schema> {
        object_of(Type::String).max_length(Some(naming::MAX_TEXT_BYTES)).into()
    }
}

impl Field for TaskName {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        let name = String::read(value, at, wrong)?;
        match naming::check_name(&name) {
            Ok(()) => Some(Self(name)),
            Err(error) => wrong.note(at, error.to_string()),
        }
    }

    fn field_schema() -> RefOr<Schema> {
        object_of(Type::String)
            .min_length(Some(1))
            .max_length(Some(naming::MAX_NAME_CHARS))
            .pattern(Some(r"^(?!-)(?!\.{1,2}$)(?=.*\S)[^/\\\u0000-\u001f\u007f-\u009f]+$"))
            .into()
    }
}

impl Field for Visible {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        let text = String::read(value, at, wrong)?;
        if text.trim().is_empty() {
            return wrong.note(at, "needs at least one visible character");
        }
        Some(Self(text))
    }

    fn field_schema() -> RefOr<Schema> {
        object_of(Type::String).min_length(Some(1)).max_length(Some(naming::MAX_TEXT_BYTES)).pattern(Some(r"\S")).into()
    }
}

impl Field for bool {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        match &value {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) if wrong.from_text => match text.as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => wrong.note(at, "must be true or false"),
            },
            other => wrong.note(at, format!("must be true or false, not {}", kind_of(other))),
        }
    }

    fn field_schema() -> RefOr<Schema> {
        object_of(Type::Boolean).into()
    }
}

/// A whole number from zero up to a bound.
fn read_whole(value: &Value, max: u64, at: &str, wrong: &mut Wrong) -> Option<u64> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if wrong.from_text => text.parse().ok(),
        other => return wrong.note(at, format!("must be a whole number, not {}", kind_of(other))),
    };
    match number {
        Some(number) if number <= max => Some(number),
        Some(_) => wrong.note(at, format!("must be at most {max}")),
        None => wrong.note(at, "must be a whole number that is not negative"),
    }
}

macro_rules! whole_numbers {
    ($($type:ty: $max:expr),*) => {
        $(impl Field for $type {
            fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
                read_whole(&value, $max, at, wrong).and_then(|number| Self::try_from(number).ok())
            }

            fn field_schema() -> RefOr<Schema> {
                object_of(Type::Integer).minimum(Some(0)).maximum(Some($max as f64)).into()
            }
        })*
    };
}
/// JavaScript keeps whole numbers of 53 bits: nothing greater is of use as a limit.
const MAX_SAFE: u64 = (1 << 53) - 1;

whole_numbers!(u16: u64::from(u16::MAX), u32: u64::from(u32::MAX), u64: MAX_SAFE);

impl Field for i64 {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        u64::read(value, at, wrong).and_then(|number| Self::try_from(number).ok())
    }

    fn field_schema() -> RefOr<Schema> {
        u64::field_schema()
    }
}

impl Field for Amount {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        let number = match &value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if wrong.from_text => text.parse().ok(),
            other => return wrong.note(at, format!("must be a number, not {}", kind_of(other))),
        };
        match number {
            Some(number) if number.is_finite() && number >= 0.0 => Some(Self(number)),
            _ => wrong.note(at, "must be a number that is not negative"),
        }
    }

    fn field_schema() -> RefOr<Schema> {
        object_of(Type::Number).minimum(Some(0)).into()
    }
}

impl<T: Field> Field for Option<T> {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        T::read(value, at, wrong).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn field_schema() -> RefOr<Schema> {
        nullable(T::field_schema())
    }

    fn field_schemas(into: &mut Vec<(String, RefOr<Schema>)>) {
        T::field_schemas(into);
    }
}

impl<T: Field> Field for Change<T> {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        T::read(value, at, wrong).map(Self::To)
    }

    fn absent() -> Option<Self> {
        Some(Self::Keep)
    }

    fn null() -> Option<Self> {
        Some(Self::Clear)
    }

    fn field_schema() -> RefOr<Schema> {
        nullable(T::field_schema())
    }

    fn field_schemas(into: &mut Vec<(String, RefOr<Schema>)>) {
        T::field_schemas(into);
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        let values = match value {
            Value::Array(values) => values,
            text @ Value::String(_) if wrong.from_text => vec![text],
            other => return wrong.note(at, format!("must be a list, not {}", kind_of(&other))),
        };
        let values = if wrong.from_text { split_at_commas(values) } else { values };
        if values.len() > MAX_LIST {
            return wrong.note(at, format!("has {} entries, and at most {MAX_LIST} are taken", values.len()));
        }
        let read: Vec<Option<T>> = values
            .into_iter()
            .enumerate()
            .map(|(i, value)| {
                let at = if wrong.from_text { at.to_owned() } else { format!("{at}[{i}]") };
                T::read(value, &at, wrong)
            })
            .collect();
        read.into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn field_schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(T::field_schema()).max_items(Some(MAX_LIST)).into()
    }

    fn field_schemas(into: &mut Vec<(String, RefOr<Schema>)>) {
        T::field_schemas(into);
    }
}

fn split_at_commas(values: Vec<Value>) -> Vec<Value> {
    values
        .iter()
        .filter_map(Value::as_str)
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(Value::from)
        .collect()
}

/// Whether a NUL stands anywhere in a value.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(object) => object.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

impl Field for Value {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        if has_nul(&value) { wrong.note(at, naming::TextError::Nul.to_string()) } else { Some(value) }
    }

    fn field_schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
    }
}

impl Field for Map<String, Value> {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        match Value::read(value, at, wrong)? {
            Value::Object(object) => Some(object),
            other => wrong.note(at, format!("must be an object, not {}", kind_of(&other))),
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn field_schema() -> RefOr<Schema> {
        object_of(Type::Object).into()
    }
}

impl Field for Timestamp {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        let text = String::read(value, at, wrong)?;
        text.parse().ok().or_else(|| wrong.note(at, "must be a time by RFC 3339, such as 2026-01-31T12:00:00Z"))
    }

    fn field_schema() -> RefOr<Schema> {
        <Self as PartialSchema>::schema()
    }
}

macro_rules! ids {
    ($($type:ty),*) => {
        $(impl Field for $type {
            fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
                let text = String::read(value, at, wrong)?;
                Self::from_str(&text).ok().or_else(|| wrong.note(at, "is no identifier (a UUID)"))
            }

            fn field_schema() -> RefOr<Schema> {
                object_of(Type::String).format(Some(SchemaFormat::Custom("uuid".to_owned()))).into()
            }
        })*
    };
}
ids!(TaskId, InputId, ProjectId, QuestionId, SessionId);

/// Reads one of an enum's words; the words are those of its schema.
pub fn read_word<T: DeserializeOwned + PartialSchema>(value: Value, at: &str, wrong: &mut Wrong) -> Option<T> {
    if !value.is_string() {
        return wrong.note(at, format!("must be one word, not {}", kind_of(&value)));
    }
    serde_json::from_value(value).ok().or_else(|| {
        let words = match T::schema() {
            RefOr::T(Schema::Object(object)) => object.enum_values.unwrap_or_default(),
            _ => vec![],
        };
        let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
        wrong.note(at, format!("must be one of {}", words.join(", ")))
    })
}

/// Makes enums fields whose values are their words on the wire.
macro_rules! words {
    ($($type:ty),*) => {
        $(impl $crate::api::fields::Field for $type {
            fn read(
                value: serde_json::Value,
                at: &str,
                wrong: &mut $crate::api::fields::Wrong,
            ) -> Option<Self> {
                $crate::api::fields::read_word(value, at, wrong)
            }

            fn field_schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                <Self as utoipa::PartialSchema>::schema()
            }
        })*
    };
}
pub(crate) use words;
words!(Status, Access, Priority, Behavior, Remember, QuestionState);

super::fields! {
    /// Plugin names by chain. A chain that is absent is inherited; one that is empty is empty.
    pub struct NewChains {
        /// How to answer the agent.
        responder: Option<Vec<String>>,
        /// Whether the work is done.
        criteria: Option<Vec<String>>,
        /// How to test it.
        test_runner: Option<Vec<String>>,
    }
}

/// A field that must be given although its type has an empty value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Needed<T>(pub T);

impl<T: Field> Field for Needed<T> {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        T::read(value, at, wrong).map(Self)
    }

    fn field_schema() -> RefOr<Schema> {
        T::field_schema()
    }

    fn field_schemas(into: &mut Vec<(String, RefOr<Schema>)>) {
        T::field_schemas(into);
    }
}

impl Field for Chains {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        let NewChains { responder, criteria, test_runner } = NewChains::read(value, at, wrong)?;
        Some(Self { responder, criteria, test_runner })
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn field_schema() -> RefOr<Schema> {
        NewChains::field_schema()
    }

    fn field_schemas(into: &mut Vec<(String, RefOr<Schema>)>) {
        NewChains::field_schemas(into);
    }
}

/// Content by base64, of any size.
#[derive(Clone, Debug)]
pub struct Base64(String);

impl Field for Base64 {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self(text)),
            other => wrong.note(at, format!("must be text by base64, not {}", kind_of(&other))),
        }
    }

    fn field_schema() -> RefOr<Schema> {
        object_of(Type::String).content_encoding("base64").into()
    }
}

super::fields! {
    /// An image of a message: PNG, JPEG, GIF or WebP, at most 10 MB and 8,000 × 8,000 pixels.
    pub struct NewImage {
        /// The content, by base64.
        base64: Base64,
        /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`; the content must be of this type.
        media_type: String,
    }
}

impl Field for Image {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        let NewImage { base64: Base64(base64), media_type } = NewImage::read(value, at, wrong)?;
        match images::check(&base64, &media_type) {
            Ok(()) => Some(Self { base64, media_type }),
            Err(error) if error.is_size() => wrong.oversize(&super::below(at, error.field()), error.to_string()),
            Err(error) => wrong.note(&super::below(at, error.field()), error.to_string()),
        }
    }

    fn field_schema() -> RefOr<Schema> {
        NewImage::field_schema()
    }

    fn field_schemas(into: &mut Vec<(String, RefOr<Schema>)>) {
        NewImage::field_schemas(into);
    }
}

/// The images of one message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Images(pub Vec<Image>);

impl Field for Images {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        match &value {
            Value::Array(list) if list.len() > images::MAX_IMAGES => wrong
                .oversize(at, format!("has {} images, and a message has at most {}", list.len(), images::MAX_IMAGES)),
            _ => Vec::read(value, at, wrong).map(Self),
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn field_schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(Image::field_schema()).max_items(Some(images::MAX_IMAGES)).into()
    }

    fn field_schemas(into: &mut Vec<(String, RefOr<Schema>)>) {
        Image::field_schemas(into);
    }
}

/// A schema that takes null too.
fn nullable(schema: RefOr<Schema>) -> RefOr<Schema> {
    let null = || ObjectBuilder::new().schema_type(Type::Null);
    match schema {
        RefOr::T(Schema::Object(mut object)) if object.enum_values.is_none() => {
            object.schema_type = with_null(object.schema_type);
            RefOr::T(Schema::Object(object))
        }
        RefOr::T(Schema::Array(mut array)) => {
            array.schema_type = with_null(array.schema_type);
            RefOr::T(Schema::Array(array))
        }
        other => AnyOfBuilder::new().item(other).item(null()).into(),
    }
}

fn with_null(kind: SchemaType) -> SchemaType {
    match kind {
        SchemaType::Type(kind) => SchemaType::Array(vec![kind, Type::Null]),
        other => other,
    }
}
