//! Who is let in: allowed hosts and origins, the token, the browser's cookie, and what happens to those who guess.
//!
//! Everything here is decided from headers and addresses, before anything of the request's body is read. What an admitted
//! user may do is not decided here.

mod code;
mod cookie;
mod failures;
mod host;

pub use code::CODE_LIFETIME;
pub use cookie::{COOKIE, COOKIE_LIFETIME};

use super::problem::{Kind, Problem};
use crate::{domain::Timestamp, engine::Actor};
use code::Codes;
use cookie::CookieKey;
use failures::Failures;
use host::Hosts;
use http::{HeaderMap, HeaderValue, header};
use std::net::SocketAddr;
use subtle::ConstantTimeEq;

/// What the settings tell of the doors.
#[derive(Clone, Debug)]
pub struct DoorsConfig {
    /// Where the server listens, with the port that it got.
    pub address: SocketAddr,
    /// Further names by which it is reached, with a port or for any port.
    pub allowed_hosts: Vec<String>,
    /// Pages of other origins that may use it, such as `https://board.example`.
    pub allowed_origins: Vec<String>,
    /// The token; `None` lets everybody in who reaches the address, which is for loopback alone.
    pub token: Option<String>,
}

/// From where a request came, as the connection knows it.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The client's address.
    pub peer: SocketAddr,
    /// The server's own address on this connection.
    pub local: SocketAddr,
    /// The host of an absolute request target, if there was one.
    pub authority: Option<String>,
    /// The connection itself, when the client wants another protocol on it.
    pub upgrade: Option<hyper::upgrade::OnUpgrade>,
}

/// The doors of the server.
#[derive(Debug)]
pub struct Doors {
    hosts: Hosts,
    token: Option<Token>,
    failures: Failures,
}

#[derive(Debug)]
struct Token {
    hash: [u8; 32],
    cookies: CookieKey,
    codes: Codes,
}

impl Doors {
    /// Keeps hashes of the token, never the token.
    #[must_use]
    pub fn new(config: &DoorsConfig) -> Self {
        Self {
            hosts: Hosts::new(config.address, &config.allowed_hosts, &config.allowed_origins),
            token: config.token.as_ref().map(|token| Token {
                hash: *blake3::hash(token.as_bytes()).as_bytes(),
                cookies: CookieKey::of(token),
                codes: Codes::default(),
            }),
            failures: Failures::default(),
        }
    }

    /// Whether the request names this server, and no page of somebody else's sent it. Answers the origin to which a grant
    /// must be told, if it is one from the settings.
    ///
    /// # Errors
    /// 403.
    pub fn check_source(&self, arrival: &Arrival, headers: &HeaderMap) -> Result<Option<HeaderValue>, Problem> {
        self.hosts.check_host(arrival, headers)?;
        self.hosts.check_origin(arrival.local, headers)
    }

    /// Who sends the request, by token or cookie.
    ///
    /// # Errors
    /// 401, or 429 after too many wrong ones from the same address.
    pub fn admit(&self, arrival: &Arrival, headers: &HeaderMap, now: Timestamp) -> Result<Actor, Problem> {
        let Some(token) = &self.token else {
            return Ok(operator());
        };
        let given = match headers.get(header::AUTHORIZATION) {
            Some(value) => bearer(value).is_some_and(|given| token.is(given)),
            None => cookie::of(headers).is_some_and(|cookie| token.cookies.is_valid(cookie, now)),
        };
        if given {
            return Ok(operator());
        }
        let attempted = headers.contains_key(header::AUTHORIZATION);
        match self.failures.note(arrival.peer.ip(), attempted) {
            Some(wait) => Err(Problem::new(
                Kind::TOO_MANY,
                format!("Too many requests with a wrong token came from {}; wait {wait} seconds.", arrival.peer.ip()),
            )
            .with_header(header::RETRY_AFTER, wait.into())),
            None => Err(no_token(attempted)),
        }
    }

    /// A new code with which a browser gets its cookie; `None` where no token is needed.
    #[must_use]
    pub fn new_code(&self) -> Option<String> {
        self.token.as_ref().map(|token| token.codes.make())
    }

    /// Exchanges a code for the value of the header `Set-Cookie`.
    ///
    /// # Errors
    /// 401 for a code that is used, old or unknown.
    pub fn redeem(&self, code: &str, now: Timestamp) -> Result<Option<HeaderValue>, Problem> {
        let Some(token) = &self.token else {
            return Ok(None);
        };
        if token.codes.redeem(code) {
            return Ok(Some(token.cookies.set_cookie(now)));
        }
        Err(Problem::new(
            Kind::BAD_CODE,
            "The code is used, too old or unknown. `taskwright open` makes another; a code is good once and for ten minutes.",
        ))
    }
}

impl Token {
    fn is(&self, given: &str) -> bool {
        blake3::hash(given.as_bytes()).as_bytes().ct_eq(&self.hash).into()
    }
}

/// The holder of the server's own token.
fn operator() -> Actor {
    Actor { name: "operator".to_owned() }
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn no_token(attempted: bool) -> Problem {
    let detail = if attempted {
        "The token is not the server's. It stands in the file `token` of the data directory, unless TASKWRIGHT_TOKEN gives it."
    } else {
        "Send `Authorization: Bearer TOKEN`; the token stands in the file `token` of the data directory. In a browser, open the link that `taskwright open` prints."
    };
    Problem::new(Kind::NO_TOKEN, detail)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="taskwright""#))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    const NOW: i64 = 1_700_000_000;

    fn doors(token: Option<&str>) -> Doors {
        Doors::new(&DoorsConfig {
            address: ([127, 0, 0, 1], 8000).into(),
            allowed_hosts: vec!["board.example".into()],
            allowed_origins: vec!["https://other.example".into()],
            token: token.map(str::to_owned),
        })
    }

    fn arrival() -> Arrival {
        Arrival {
            peer: ([127, 0, 0, 1], 50_000).into(),
            local: ([127, 0, 0, 1], 8000).into(),
            authority: None,
            upgrade: None,
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    fn admitted(doors: &Doors, pairs: &[(&'static str, &str)], at: i64) -> Result<String, StatusCode> {
        doors
            .admit(&arrival(), &headers(pairs), Timestamp::from_seconds(at))
            .map(|actor| actor.name)
            .map_err(|problem| problem.status())
    }

    #[test]
    fn the_token_lets_in_and_nothing_else_does() {
        let doors = doors(Some("right"));
        assert_eq!(admitted(&doors, &[("authorization", "Bearer right")], NOW), Ok("operator".into()));
        for wrong in ["Bearer wrong", "Basic right", "right", "Bearer ", "Bearer right x"] {
            assert_eq!(admitted(&doors, &[("authorization", wrong)], NOW), Err(StatusCode::UNAUTHORIZED), "{wrong}");
        }
        assert_eq!(admitted(&doors, &[], NOW), Err(StatusCode::UNAUTHORIZED));
    }

    #[test]
    fn without_a_token_in_the_settings_everybody_is_the_operator() {
        assert_eq!(admitted(&doors(None), &[], NOW), Ok("operator".into()));
    }

    #[test]
    fn a_code_becomes_a_cookie_once() {
        let doors = doors(Some("right"));
        let code = doors.new_code().expect("a token is set");
        let set = doors.redeem(&code, Timestamp::from_seconds(NOW)).expect("the code is new").expect("a token is set");
        let set = set.to_str().expect("cookies are text").to_owned();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Path=/"));
        let cookie = set.split(';').next().expect("a cookie").to_owned();
        assert_eq!(admitted(&doors, &[("cookie", &cookie)], NOW), Ok("operator".into()));
        assert_eq!(
            doors.redeem(&code, Timestamp::from_seconds(NOW)).map_err(|problem| problem.status()),
            Err(StatusCode::UNAUTHORIZED)
        );
    }

    #[test]
    fn a_cookie_ends_and_cannot_be_changed_or_carried_to_another_token() {
        let first = doors(Some("right"));
        let code = first.new_code().expect("a token is set");
        let set = first.redeem(&code, Timestamp::from_seconds(NOW)).expect("new").expect("set");
        let cookie = set.to_str().expect("text").split(';').next().expect("a cookie").to_owned();
        let after = NOW + i64::try_from(COOKIE_LIFETIME.as_secs()).expect("it fits") + 1;
        assert_eq!(admitted(&first, &[("cookie", &cookie)], after), Err(StatusCode::UNAUTHORIZED));
        assert_eq!(admitted(&doors(Some("new")), &[("cookie", &cookie)], NOW), Err(StatusCode::UNAUTHORIZED));
        let longer = cookie.replacen("=1.1", "=1.2", 1);
        assert_ne!(longer, cookie);
        assert_eq!(admitted(&first, &[("cookie", &longer)], NOW), Err(StatusCode::UNAUTHORIZED));
    }

    #[test]
    fn guessing_is_slowed_down_and_the_right_token_still_lets_in() {
        let doors = doors(Some("right"));
        let answers: Vec<_> =
            (0..200).map(|i| admitted(&doors, &[("authorization", &format!("Bearer {i}"))], NOW)).collect();
        assert_eq!(answers.first(), Some(&Err(StatusCode::UNAUTHORIZED)));
        assert_eq!(answers.last(), Some(&Err(StatusCode::TOO_MANY_REQUESTS)));
        assert_eq!(admitted(&doors, &[("authorization", "Bearer right")], NOW), Ok("operator".into()));
    }

    #[test]
    fn only_the_servers_own_names_are_hosts() {
        let doors = doors(Some("t"));
        let status = |pairs: &[(&'static str, &str)]| {
            doors.check_source(&arrival(), &headers(pairs)).map(drop).map_err(|problem| problem.status())
        };
        for host in
            ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "[::1]:8000", "board.example", "board.example:1"]
        {
            assert_eq!(status(&[("host", host)]), Ok(()), "{host}");
        }
        for host in
            ["evil.example", "127.0.0.1", "localhost:8001", "localhost.evil.example:8000", "", "a@localhost:8000"]
        {
            assert_eq!(status(&[("host", host)]), Err(StatusCode::FORBIDDEN), "{host}");
        }
        assert_eq!(status(&[]), Err(StatusCode::FORBIDDEN));
        let proxied = Arrival { authority: Some("evil.example".into()), ..arrival() };
        assert!(doors.check_source(&proxied, &headers(&[("host", "localhost:8000")])).is_err());
    }

    #[test]
    fn only_the_servers_own_pages_and_those_of_the_settings_are_origins() {
        let doors = doors(Some("t"));
        let granted = |origin: &str| {
            doors
                .check_source(&arrival(), &headers(&[("host", "localhost:8000"), ("origin", origin)]))
                .map(|grant| grant.is_some())
                .map_err(|problem| problem.status())
        };
        assert_eq!(granted("http://localhost:8000"), Ok(false));
        assert_eq!(granted("https://board.example"), Ok(false));
        assert_eq!(granted("https://other.example"), Ok(true));
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost:3000",
            "https://other.example.evil",
            "ftp://localhost:8000",
        ] {
            assert_eq!(granted(origin), Err(StatusCode::FORBIDDEN), "{origin}");
        }
    }
}
