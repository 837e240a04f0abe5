//! Repeats of a POST: the header `Idempotency-Key` makes a repeat answer what the first did, for a day.
//!
//! What was refused had no effect and is not kept: a repeat of it is tried anew.

use super::{Call, Kind, Problem, Reply, router::Handler};
use crate::domain::Timestamp;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The header.
pub const HEADER: &str = "idempotency-key";

/// For how long an answer is kept.
const KEPT: Duration = Duration::from_hours(24);

/// Characters of a key.
const MAX_KEY: usize = 255;

/// Keys whose first request is under way: a repeat waits for it.
#[derive(Default)]
pub struct Keys {
    running: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Keys {
    fn turn(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, turn| Arc::strong_count(turn) > 1);
        running.entry(key.to_owned()).or_default().clone()
    }
}

/// The key of a request.
///
/// # Errors
/// 400 for a key that is empty, too long or no plain text.
pub fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if !key.trim().is_empty() && key.len() <= MAX_KEY => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(
            Kind::BAD_REQUEST,
            format!("`Idempotency-Key` must have 1 to {MAX_KEY} visible ASCII characters, such as a UUID."),
        )),
    }
}

/// Carries a request out, unless one with its key was carried out before: then answers what that did.
///
/// # Errors
/// 422 when the key was used for another request; else what the handler answers.
pub async fn once(key: String, call: Call, handler: &Handler) -> Result<Reply, Problem> {
    let api = call.api.clone();
    let key = format!("{}\n{key}", call.actor.name);
    let request = fingerprint(&call);
    let turn = api.keys.turn(&key);
    let _mine = turn.lock().await;
    let since = before((api.now)());
    let kept = api.store.read({
        let key = key.clone();
        move |q| q.idempotent(&key, since)
    });
    if let Some((first, status, body)) = kept.await? {
        if first != request {
            return Err(Problem::new(
                Kind::KEY_REUSED,
                "A request with this `Idempotency-Key` and another content was carried out before; make a new key.",
            ));
        }
        return Ok(repeated(status, body));
    }
    let response = handler(call).await?.into_response();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(Problem::internal)?.to_bytes();
    let (status, copy) = (parts.status.as_u16(), body.to_vec());
    api.store
        .write::<_, crate::store::StoreError, _>(move |tx| {
            let before = before(tx.now());
            tx.keep_idempotent(&key, &request, status, &copy, before)
        })
        .await?;
    Ok(Reply::from_parts(parts, body))
}

fn before(now: Timestamp) -> Timestamp {
    Timestamp::from_millis(now.as_millis().saturating_sub(i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX)))
}

/// What must be the same for a request to be a repeat: path, query and body.
fn fingerprint(call: &Call) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [call.path.as_bytes(), call.query.as_bytes(), &call.body] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex().to_string()
}

fn repeated(status: u16, body: Vec<u8>) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let reply =
        if body.is_empty() { Reply::empty(status) } else { Reply::json_bytes(Bytes::from(body)).status(status) };
    reply.header(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"))
}
