//! Reading what clients send, so that every wrong field is told at once.
//!
//! A body or a query is a struct made with [`fields!`]: each field is written once, with its type, its default and its
//! words for people, and that one line feeds both the reading and the OpenAPI document. What a value must be like is
//! its type ([`Field`]); what a request means is not decided here.

mod types;

pub(crate) use types::words;
pub use types::{Amount, Change, Images, Needed, TaskName, Visible, read_word};

use crate::{domain::naming, engine::FieldError};
use serde_json::{Map, Value};
use utoipa::openapi::{Ref, RefOr, schema::Schema};

/// The fields of a request that are wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrongFields {
    /// All of them.
    pub errors: Vec<FieldError>,
    /// Whether each is wrong only by its size.
    pub too_large: bool,
}

/// Every field that was found wrong, in the order of reading.
#[derive(Debug, Default)]
pub struct Wrong {
    errors: Vec<FieldError>,
    oversize: usize,
    /// Whether values are texts of a query, in which numbers and truth values are written out.
    from_text: bool,
}

impl Wrong {
    /// For a JSON body.
    #[must_use]
    pub fn in_body() -> Self {
        Self::default()
    }

    /// For a query string.
    #[must_use]
    pub fn in_query() -> Self {
        Self { from_text: true, ..Self::default() }
    }

    /// Notes a wrong field; its value is unknown then.
    pub fn note<T>(&mut self, field: &str, detail: impl Into<String>) -> Option<T> {
        self.errors.push(FieldError { field: field.to_owned(), detail: detail.into() });
        None
    }

    /// Notes a field that is too large.
    pub fn oversize<T>(&mut self, field: &str, detail: impl Into<String>) -> Option<T> {
        self.oversize += 1;
        self.note(field, detail)
    }

    /// The value, unless any field was wrong.
    ///
    /// # Errors
    /// All wrong fields.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, WrongFields> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(WrongFields { too_large: self.oversize == self.errors.len(), errors: self.errors }),
        }
    }
}

/// The type of a field: what values it takes and how it is documented.
pub trait Field: Sized {
    /// Reads a value that is not null. `at` is the field's name with the way to it.
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self>;

    /// What an absent field means; `None` when it must be given.
    fn absent() -> Option<Self> {
        None
    }

    /// What `null` means; the same as absence, unless a type tells them apart.
    fn null() -> Option<Self> {
        Self::absent()
    }

    /// Its schema.
    fn field_schema() -> RefOr<Schema>;

    /// The named schemas that its schema refers to.
    fn field_schemas(_into: &mut Vec<(String, RefOr<Schema>)>) {}
}

/// A whole body or query.
pub trait Fields: Sized {
    /// Reads all fields and notes those that are unknown.
    fn read_object(object: Map<String, Value>, at: &str, wrong: &mut Wrong) -> Option<Self>;
}

/// Reads a JSON body.
///
/// # Errors
/// All wrong fields; `(body)` names the whole.
pub fn read_body<T: Fields>(value: Value) -> Result<T, WrongFields> {
    let mut wrong = Wrong::in_body();
    let read = match value {
        Value::Object(object) => T::read_object(object, "", &mut wrong),
        other => wrong.note("(body)", format!("must be an object, not {}", kind_of(&other))),
    };
    wrong.finish(read)
}

/// Reads a query string. A parameter that is given several times is a list.
///
/// # Errors
/// All wrong parameters.
pub fn read_query<T: Fields>(query: &str) -> Result<T, WrongFields> {
    let mut object: Map<String, Value> = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = Value::String(value.into_owned());
        match object.get_mut(name.as_ref()) {
            None => {
                object.insert(name.into_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    let mut wrong = Wrong::in_query();
    let read = T::read_object(object, "", &mut wrong);
    wrong.finish(read)
}

/// The name of a field below another.
#[must_use]
pub fn below(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

/// Takes one field out of an object and reads it.
pub fn take<T: Field>(
    object: &mut Map<String, Value>,
    name: &str,
    at: &str,
    default: Option<T>,
    wrong: &mut Wrong,
) -> Option<T> {
    let at = below(at, name);
    match object.swap_remove(name) {
        None => default.or_else(T::absent).or_else(|| wrong.note(&at, "is needed")),
        Some(Value::Null) => default.or_else(T::null).or_else(|| wrong.note(&at, "is needed and must not be null")),
        Some(value) => T::read(value, &at, wrong),
    }
}

/// Notes what is left in an object when every known field was taken out.
pub fn refuse_the_rest(object: &Map<String, Value>, known: &[&str], at: &str, wrong: &mut Wrong) {
    for name in object.keys() {
        let shown: String = name.chars().take(100).collect();
        let near = known.iter().find(|known| looks_like(known, name));
        let detail = match near {
            Some(near) => format!("is no field of this request; is `{near}` meant?"),
            None if wrong.from_text => format!("is no parameter of this request; there are: {}", known.join(", ")),
            None => "is no field of this request".to_owned(),
        };
        wrong.note::<()>(&below(at, &shown), detail);
    }
}

/// Whether two names differ only in case, dashes and a final `s`.
fn looks_like(known: &str, given: &str) -> bool {
    let plain = |name: &str| {
        let letters: String =
            name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        letters.trim_end_matches('s').to_owned()
    };
    plain(known) == plain(given)
}

/// A word for the kind of a JSON value.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Whether a text may be taken at all.
fn check_text(text: &str, at: &str, wrong: &mut Wrong) -> Option<()> {
    match naming::check_text(text) {
        Ok(()) => Some(()),
        Err(error @ naming::TextError::TooLong(_)) => wrong.oversize(at, error.to_string()),
        Err(error) => wrong.note(at, error.to_string()),
    }
}

/// A schema with the words for people and the default of one field.
#[must_use]
pub fn described(schema: RefOr<Schema>, doc: &str, default: Option<Value>) -> RefOr<Schema> {
    let doc = doc.trim();
    match schema {
        RefOr::Ref(mut reference) => {
            doc.clone_into(&mut reference.description);
            reference.default = default;
            RefOr::Ref(reference)
        }
        RefOr::T(mut schema) => {
            let (description, value) = match &mut schema {
                Schema::Array(array) => (&mut array.description, &mut array.default),
                Schema::Object(object) => (&mut object.description, &mut object.default),
                Schema::OneOf(one) => (&mut one.description, &mut one.default),
                Schema::AllOf(all) => (&mut all.description, &mut all.default),
                Schema::AnyOf(any) => (&mut any.description, &mut any.default),
                _ => return RefOr::T(schema),
            };
            if !doc.is_empty() {
                *description = Some(doc.to_owned());
            }
            if default.is_some() {
                *value = default;
            }
            RefOr::T(schema)
        }
    }
}

/// The reference to a named schema.
#[must_use]
pub fn named<T: utoipa::ToSchema>() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(T::name()))
}

/// Makes a struct whose fields are read from a JSON object or a query, and documented, from one line each:
/// `/// words for people`, `name: Type`, and `= default` where absence means a value.
macro_rules! fields {
    ($(#[doc = $about:literal])* $vis:vis struct $name:ident {
        $($(#[doc = $doc:literal])* $field:ident : $type:ty $(= $default:expr)?),* $(,)?
    }) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $($(#[doc = $doc])* pub $field: $type,)*
        }

        impl $crate::api::fields::Fields for $name {
            fn read_object(
                mut object: serde_json::Map<String, serde_json::Value>,
                at: &str,
                wrong: &mut $crate::api::fields::Wrong,
            ) -> Option<Self> {
                $(
                    #[allow(unused_mut, unused_assignments, reason = "only fields with a default set it")]
                    let $field = {
                        let mut default: Option<$type> = None;
                        $(default = Some($default);)?
                        $crate::api::fields::take(&mut object, stringify!($field), at, default, wrong)
                    };
                )*
                $crate::api::fields::refuse_the_rest(&object, &[$(stringify!($field)),*], at, wrong);
                Some(Self { $($field: $field?),* })
            }
        }

        impl $crate::api::fields::Field for $name {
            fn read(value: serde_json::Value, at: &str, wrong: &mut $crate::api::fields::Wrong) -> Option<Self> {
                match value {
                    serde_json::Value::Object(object) => {
                        <Self as $crate::api::fields::Fields>::read_object(object, at, wrong)
                    }
                    other => {
                        wrong.note(at, format!("must be an object, not {}", $crate::api::fields::kind_of(&other)))
                    }
                }
            }

            fn field_schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::api::fields::named::<Self>()
            }

            fn field_schemas(into: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
                into.push((
                    <Self as utoipa::ToSchema>::name().into_owned(),
                    <Self as utoipa::PartialSchema>::schema(),
                ));
                <Self as utoipa::ToSchema>::schemas(into);
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema};
                let mut object = ObjectBuilder::new()
                    .description(Some(concat!($($about),*).trim()))
                    .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
                $(
                    #[allow(unused_mut, unused_assignments, reason = "only fields with a default set it")]
                    {
                        let mut given: Option<serde_json::Value> = None;
                        $(given = $crate::api::fields::shown::<$type>(&$default);)?
                        let optional = given.is_some() || <$type as $crate::api::fields::Field>::absent().is_some();
                        object = object.property(
                            stringify!($field),
                            $crate::api::fields::described(
                                <$type as $crate::api::fields::Field>::field_schema(),
                                concat!($($doc),*),
                                given,
                            ),
                        );
                        if !optional {
                            object = object.required(stringify!($field));
                        }
                    }
                )*
                object.into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schemas(into: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
                $(<$type as $crate::api::fields::Field>::field_schemas(into);)*
                let _ = into;
            }
        }

        impl utoipa::IntoParams for $name {
            fn into_params(
                _place: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                vec![$(
                    {
                        #[allow(unused_mut, unused_assignments, reason = "only fields with a default set it")]
                        let given = {
                            let mut given: Option<serde_json::Value> = None;
                            $(given = $crate::api::fields::shown::<$type>(&$default);)?
                            given
                        };
                        $crate::api::fields::parameter::<$type>(stringify!($field), concat!($($doc),*), given)
                    }
                ),*]
            }
        }
    };
}
pub(crate) use fields;

/// A default as the document shows it.
pub fn shown<T: serde::Serialize>(value: &T) -> Option<Value> {
    serde_json::to_value(value).ok()
}

/// A query parameter, as the document shows it.
pub fn parameter<T: Field>(name: &str, doc: &str, default: Option<Value>) -> utoipa::openapi::path::Parameter {
    use utoipa::openapi::{
        Required,
        path::{ParameterBuilder, ParameterIn},
    };
    let optional = default.is_some() || T::absent().is_some();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .description(Some(doc.trim()))
        .required(if optional { Required::False } else { Required::True })
        .schema(Some(described(T::field_schema(), "", default)))
        .build()
}

#[cfg(test)]
mod tests;
