//! A request that was let in, as a handler gets it.

use super::{
    Api,
    fields::{self, Fields},
    json,
    problem::{Kind, Problem},
};
use crate::engine::Actor;
use bytes::Bytes;
use http::HeaderMap;
use std::{str::FromStr, sync::Arc};

/// Bodies larger than this are parsed on a thread that may block.
pub const PARSE_ASIDE: usize = 256 * 1024;

/// A request.
pub struct Call {
    /// The server.
    pub api: Arc<Api>,
    /// Who sends it.
    pub actor: Actor,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its query string, without `?`.
    pub query: String,
    /// Its path, as it came.
    pub path: String,
    /// What stands in the places of the route's parameters, decoded.
    pub params: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
    /// The connection itself, when the client wants another protocol on it.
    pub upgrade: Option<hyper::upgrade::OnUpgrade>,
}

impl Call {
    /// What stands in the place of a parameter of the route's path.
    #[must_use]
    pub fn param(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).expect("a handler asks for the parameters of its own path")
    }

    /// An identifier in the path; what is none names nothing.
    ///
    /// # Errors
    /// 404.
    pub fn id<T: FromStr>(&self, what: &str) -> Result<T, Problem> {
        let text = self.param("id");
        text.parse().map_err(|_| Problem::not_found(what, text))
    }

    /// The JSON body.
    ///
    /// # Errors
    /// 400 when it is no JSON, 422 with every wrong field, 413.
    pub async fn body<T: Fields + Send + 'static>(&mut self) -> Result<T, Problem> {
        if self.body.is_empty() {
            return Err(Problem::new(Kind::BAD_JSON, "The request needs a JSON object as its body."));
        }
        let body = std::mem::take(&mut self.body);
        if body.len() <= PARSE_ASIDE {
            return parse(&body);
        }
        tokio::task::spawn_blocking(move || parse(&body)).await.map_err(Problem::internal)?
    }

    /// The JSON body of a request that may have none.
    ///
    /// # Errors
    /// As [`Call::body`].
    pub async fn body_or_nothing<T: Fields + Send + 'static>(&mut self) -> Result<T, Problem> {
        if self.body.is_empty() {
            self.body = Bytes::from_static(b"{}");
        }
        self.body().await
    }

    /// The query string.
    ///
    /// # Errors
    /// 422 with every wrong parameter.
    pub fn query<T: Fields>(&self) -> Result<T, Problem> {
        Ok(fields::read_query(&self.query)?)
    }

    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

fn parse<T: Fields>(body: &[u8]) -> Result<T, Problem> {
    let value = json::parse(body)
        .map_err(|error| Problem::new(Kind::BAD_JSON, format!("The body is not JSON that can be taken: {error}.")))?;
    Ok(fields::read_body(value)?)
}
