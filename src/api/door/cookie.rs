//! The browser's cookie: until when it holds, signed with a key that comes from the token, so that it outlives a restart
//! of the server and ends with the token.

use crate::domain::Timestamp;
use http::{HeaderMap, HeaderValue, header};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// The cookie's name.
pub const COOKIE: &str = "taskwright_session";

/// For how long a cookie holds.
pub const COOKIE_LIFETIME: Duration = Duration::from_hours(30 * 24);

pub(super) struct CookieKey([u8; 32]);

impl std::fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CookieKey")
    }
}

impl CookieKey {
    pub(super) fn of(token: &str) -> Self {
        Self(blake3::derive_key("taskwright browser session 1", token.as_bytes()))
    }

    /// The value of `Set-Cookie` for a new session.
    pub(super) fn set_cookie(&self, now: Timestamp) -> HeaderValue {
        let until = now.plus(COOKIE_LIFETIME).as_millis() / 1000;
        let content = format!("1.{until}.{}", uuid::Uuid::new_v4().simple());
        let signature = self.sign(&content);
        let cookie = format!(
            "{COOKIE}={content}.{}; HttpOnly; SameSite=Strict; Path=/; Max-Age={}",
            signature.to_hex(),
            COOKIE_LIFETIME.as_secs()
        );
        HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    pub(super) fn is_valid(&self, cookie: &str, now: Timestamp) -> bool {
        let Some((content, signature)) = cookie.rsplit_once('.') else {
            return false;
        };
        if !bool::from(self.sign(content).to_hex().as_bytes().ct_eq(signature.as_bytes())) {
            return false;
        }
        let until = content.split('.').nth(1).and_then(|until| until.parse::<i64>().ok());
        until.is_some_and(|until| now < Timestamp::from_seconds(until))
    }

    fn sign(&self, content: &str) -> blake3::Hash {
        blake3::keyed_hash(&self.0, content.as_bytes())
    }
}

/// The session's cookie among those of a request.
pub(super) fn of(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}
