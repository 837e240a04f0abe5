//! The allow-lists of hosts and origins: what keeps a foreign page, or a name that was bound to this address, outside.

use super::Arrival;
use crate::api::problem::{Kind, Problem};
use http::{HeaderMap, HeaderValue, header};
use std::net::SocketAddr;

#[derive(Debug)]
pub(super) struct Hosts {
    /// With their ports, in small letters.
    exact: Vec<String>,
    /// For any port.
    any_port: Vec<String>,
    origins: Vec<String>,
}

impl Hosts {
    pub(super) fn new(address: SocketAddr, allowed_hosts: &[String], allowed_origins: &[String]) -> Self {
        let port = address.port();
        let mut exact = vec![address.to_string()];
        for name in ["localhost", "127.0.0.1", "[::1]"] {
            exact.push(format!("{name}:{port}"));
            if port == 80 {
                exact.push(name.to_owned());
            }
        }
        let mut any_port = vec![];
        for host in allowed_hosts {
            let host = host.trim().to_ascii_lowercase();
            if has_port(&host) { exact.push(host) } else { any_port.push(host) }
        }
        let origins = allowed_origins.iter().map(|origin| plain_origin(origin)).collect();
        Self { exact, any_port, origins }
    }

    pub(super) fn check_host(&self, arrival: &Arrival, headers: &HeaderMap) -> Result<(), Problem> {
        let mut named = headers.get_all(header::HOST).iter();
        let host = named.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
        let all_right = named.next().is_none()
            && self.is_host(host, arrival.local)
            && arrival.authority.as_ref().is_none_or(|authority| self.is_host(authority, arrival.local));
        if all_right {
            return Ok(());
        }
        let shown: String = host.chars().take(100).collect();
        Err(Problem::new(
            Kind::FOREIGN_HOST,
            format!(
                "The request is for the host `{shown}`, and this server does not answer by that name. Use its address, or add the name to `allowed_hosts` in the settings."
            ),
        ))
    }

    /// Answers the origin when a grant must be told to it.
    pub(super) fn check_origin(&self, local: SocketAddr, headers: &HeaderMap) -> Result<Option<HeaderValue>, Problem> {
        let mut named = headers.get_all(header::ORIGIN).iter();
        let Some(value) = named.next() else {
            return Ok(None);
        };
        let origin = value.to_str().map(plain_origin).unwrap_or_default();
        let single = named.next().is_none();
        if single && self.origins.contains(&origin) {
            return Ok(Some(value.clone()));
        }
        let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        if single && own.is_some_and(|host| self.is_host(host, local)) {
            return Ok(None);
        }
        let shown: String = origin.chars().take(100).collect();
        Err(Problem::new(
            Kind::FOREIGN_ORIGIN,
            format!(
                "A page of `{shown}` sent the request, and only pages of this server may. Add the origin to `allowed_origins` in the settings if it is yours."
            ),
        ))
    }

    fn is_host(&self, host: &str, local: SocketAddr) -> bool {
        let host = host.to_ascii_lowercase();
        let name = if has_port(&host) { host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name) } else { &host };
        self.exact.contains(&host)
            || (!name.is_empty() && self.any_port.iter().any(|allowed| allowed == name))
            || host == local.to_string()
    }
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(name, port)| {
        !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']'))
    })
}

fn plain_origin(origin: &str) -> String {
    origin.trim().trim_end_matches('/').to_ascii_lowercase()
}
