//! How domain values stand in columns: ids as bytes, moments as milliseconds, words as on the wire, the rest as JSON.

use crate::domain::{
    DecisionId, InputId, InteractionId, ProjectId, PromptId, QuestionId, Seq, SessionId, Status, TaskId, TestCaseId,
    Timestamp,
};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value as SqlValue, ValueRef};
use serde::{Serialize, de::DeserializeOwned};

macro_rules! id_columns {
    ($($id:ident),*) => {
        $(
            impl ToSql for $id {
                fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                    Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.0.as_bytes())))
                }
            }

            impl FromSql for $id {
                fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                    uuid::Uuid::from_slice(value.as_blob()?).map(Self).map_err(FromSqlError::other)
                }
            }
        )*
    };
}

id_columns!(TaskId, InteractionId, InputId, QuestionId, DecisionId, ProjectId, PromptId, SessionId, TestCaseId);

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(SqlValue::Integer(self.as_millis())))
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self::from_millis)
    }
}

impl ToSql for Seq {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(SqlValue::Integer(self.0)))
    }
}

impl FromSql for Seq {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

impl ToSql for Status {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.as_str().as_bytes())))
    }
}

impl FromSql for Status {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(FromSqlError::other)
    }
}

/// A word of an enum, as serde writes it.
pub(super) struct Word<T>(pub(super) T);

impl<T: Serialize> ToSql for Word<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match serde_json::to_value(&self.0) {
            Ok(serde_json::Value::String(word)) => Ok(ToSqlOutput::Owned(SqlValue::Text(word))),
            Ok(other) => Err(rusqlite::Error::ToSqlConversionFailure(format!("{other} is no word").into())),
            Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(error.into())),
        }
    }
}

impl<T: DeserializeOwned> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        use serde::de::IntoDeserializer as _;
        let word: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = value.as_str()?.into_deserializer();
        T::deserialize(word).map(Self).map_err(FromSqlError::other)
    }
}

/// A value as JSON text.
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        serde_json::to_string(&self.0)
            .map(|text| ToSqlOutput::Owned(SqlValue::Text(text)))
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_slice(value.as_str()?.as_bytes()).map(Self).map_err(FromSqlError::other)
    }
}

/// A count as SQLite's integer; what is too great for it becomes its greatest.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A number as a column that is never NULL: SQLite stores NaN as NULL.
pub(super) fn real(number: f64) -> f64 {
    if number.is_nan() { 0.0 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{chain::ChainKind, input::Priority};

    fn through_sqlite<A: ToSql, B: FromSql>(value: A) -> B {
        let conn = rusqlite::Connection::open_in_memory().expect("memory is there");
        conn.query_row("SELECT ?1", [value], |row| row.get(0)).expect("the value reads back")
    }

    #[test]
    fn values_read_back_as_they_were_written() {
        let id = TaskId::new();
        assert_eq!(through_sqlite::<_, TaskId>(id), id);
        let at = Timestamp::from_millis(1_700_000_000_005);
        assert_eq!(through_sqlite::<_, Timestamp>(at), at);
        for status in Status::ALL {
            assert_eq!(through_sqlite::<_, Status>(status), status);
        }
        assert_eq!(through_sqlite::<_, Word<Priority>>(Word(&Priority::Urgent)).0, Priority::Urgent);
        assert_eq!(through_sqlite::<_, Word<ChainKind>>(Word(&ChainKind::TestRunner)).0, ChainKind::TestRunner);
        let json = serde_json::json!({"a": [1, "ü", null]});
        assert_eq!(through_sqlite::<_, Json<serde_json::Value>>(Json(&json)).0, json);
    }

    #[test]
    fn a_count_too_great_for_sqlite_is_cut_and_a_nan_is_zero() {
        assert_eq!(integer(u64::MAX), i64::MAX);
        assert_eq!(through_sqlite::<_, f64>(real(f64::NAN)), 0.0);
    }
}
