//! Answers on their way out: JSON, pages, streams.

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
};

/// An answer as warp takes it.
pub type Response = warp::reply::Response;

/// The body of [`Response`]: made from bytes or text.
pub type Body = <warp::reply::Response as BodyOf>::Body;

/// Names the body type of a response.
pub trait BodyOf {
    /// The body.
    type Body;
}

impl<B> BodyOf for http::Response<B> {
    type Body = B;
}

/// What a handler answers when all is well.
#[derive(Debug)]
pub struct Reply(Response);

impl Reply {
    /// A value as JSON, with status 200.
    pub fn json<T: Serialize>(value: &T) -> Result<Self, super::Problem> {
        let body = serde_json::to_vec(value).map_err(super::Problem::internal)?;
        Ok(Self::json_bytes(body.into()))
    }

    /// JSON that is serialised already.
    #[must_use]
    pub fn json_bytes(body: Bytes) -> Self {
        Self::of("application/json", body)
    }

    /// A body of a media type.
    pub fn of(media_type: &'static str, body: impl Into<Body>) -> Self {
        let mut response = http::Response::new(body.into());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        Self(response)
    }

    /// A stream of shared pieces, such as events; it is dropped when the client goes away.
    pub fn stream(
        media_type: &'static str,
        pieces: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static,
    ) -> Self {
        use warp::Reply as _;
        let mut response = warp::reply::stream(Exclusive(Mutex::new(Box::pin(pieces)))).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        Self(response)
    }

    /// A status and nothing else, such as 204.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        let mut response = http::Response::new(Body::default());
        *response.status_mut() = status;
        Self(response)
    }

    /// An answer that was taken apart.
    pub fn from_parts(parts: http::response::Parts, body: Bytes) -> Self {
        Self(http::Response::from_parts(parts, body.into()))
    }

    /// With another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        *self.0.status_mut() = status;
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers_mut().insert(name, value);
        self
    }

    /// As warp takes it.
    #[must_use]
    pub fn into_response(self) -> Response {
        self.0
    }
}

/// A stream that only its owner polls, and may therefore be shared as warp asks of a body.
struct Exclusive<S>(Mutex<S>);

impl<S: Stream + Unpin> Stream for Exclusive<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let stream = self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        Pin::new(stream).poll_next(cx)
    }
}
