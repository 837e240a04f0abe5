//! Speaking REST to a running server: where it listens, which token it takes, and what its refusals say.

use super::{
    Failure,
    settings::{self, SettingsArgs},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::path::PathBuf;

/// Which server a client command speaks to.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServerArgs {
    /// The server's address [default: that of the server that runs on the data directory]
    #[arg(long, env = "TASKWRIGHT_URL", global = true, value_name = "URL")]
    url: Option<String>,
    /// The data directory of the server, for its address and token
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Prints the server's JSON instead of a table
    #[arg(long, global = true)]
    pub json: bool,
}

/// A client of one server.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

/// An answer with what its headers tell about a list.
pub struct Reply {
    /// The body; null for none.
    pub body: Value,
    /// How many there are in all.
    pub total: Option<u64>,
}

impl Client {
    /// Finds the server and its token.
    ///
    /// # Errors
    /// When no server runs on the data directory, or its files cannot be read.
    pub fn find(args: &ServerArgs) -> Result<Self, Failure> {
        let dir = data_dir(args)?;
        let base = match &args.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => address(&dir)?,
        };
        let token = std::env::var("TASKWRIGHT_TOKEN")
            .ok()
            .filter(|token| !token.is_empty())
            .or_else(|| std::fs::read_to_string(dir.join("token")).ok().map(|token| token.trim().to_owned()));
        // The server is on this machine or was named: a proxy between would only see the token.
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .map_err(|error| Failure::error(format!("cannot make an HTTP client: {error}")))?;
        Ok(Self { http, base, token })
    }

    /// Reads.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        Ok(self.get_list(path, &[]).await?.body)
    }

    /// Reads a list.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn get_list(&self, path: &str, query: &[(&str, String)]) -> Result<Reply, Failure> {
        self.call(Method::GET, path, query, None).await
    }

    /// Sends a body.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        Ok(self.call(Method::POST, path, &[], Some(body)).await?.body)
    }

    /// Sends a query without a body.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn command(&self, method: Method, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        Ok(self.call(method, path, query, None).await?.body)
    }

    /// Changes.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        Ok(self.call(Method::PUT, path, &[], Some(body)).await?.body)
    }

    /// Opens an event stream after an event.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn stream(&self, path: &str, query: &[(&str, String)]) -> Result<reqwest::Response, Failure> {
        let request = self.request(Method::GET, path).query(query).header("Accept", "text/event-stream");
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }

    /// The address of a page of the server.
    #[must_use]
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Reply, Failure> {
        let mut request = self.request(method, path).query(query);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let total = response.headers().get("X-Total-Count").and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Ok(Reply { body, total })
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let reason = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        Failure::no_server(format!("the server at {} cannot be reached: {reason}", self.base))
            .hint("start it with `taskwright serve`, or name another with `--url`")
    }
}

/// A task's path, its name escaped.
#[must_use]
pub fn task_path(name: &str, rest: &str) -> String {
    format!("/tasks/by-name/{}{rest}", escape(name))
}

/// What must be escaped in a segment of a path: all but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text as one segment of a path.
#[must_use]
pub fn escape(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn data_dir(args: &ServerArgs) -> Result<PathBuf, Failure> {
    if let Some(dir) = &args.data_dir {
        return Ok(dir.clone());
    }
    let in_force = settings::read(&SettingsArgs::default())?;
    Ok(settings::Settings::data_dir(&in_force)?)
}

fn address(dir: &std::path::Path) -> Result<String, Failure> {
    let file = dir.join("server.json");
    let text = std::fs::read_to_string(&file).map_err(|_| {
        Failure::no_server(format!("no server runs on {}", dir.display()))
            .hint("start it with `taskwright serve`, or name another with `--url` or `--data-dir`")
    })?;
    serde_json::from_str::<Value>(&text)
        .ok()
        .and_then(|value| Some(value.get("address")?.as_str()?.trim_end_matches('/').to_owned()))
        .map(|address| if address.contains("://") { address } else { format!("http://{address}") })
        .ok_or_else(|| Failure::error(format!("{} is damaged; start the server again", file.display())))
}

async fn refusal(response: reqwest::Response) -> Failure {
    let status = response.status();
    let problem: Value = response.json().await.unwrap_or(Value::Null);
    let text = |key: &str| problem.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut message =
        text("detail").or_else(|| text("title")).map_or_else(|| format!("the server answered {status}"), str::to_owned);
    for error in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let part = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
        message.push_str(&format!("\n  {}: {}", part("field"), part("detail")));
    }
    let failure = Failure::refused(status.as_u16(), message);
    match status {
        StatusCode::UNAUTHORIZED => {
            failure.hint("give the server's token in TASKWRIGHT_TOKEN, or its data directory with `--data-dir`")
        }
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_of_a_path_whatever_it_holds() {
        assert_eq!(task_path("a b/ü?", "/start"), "/tasks/by-name/a%20b%2F%C3%BC%3F/start");
    }
}
