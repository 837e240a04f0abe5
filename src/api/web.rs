//! The web interface: the files that `make web` built, as they are in the binary. A binary without them shows a plain page
//! that says how to build them. What the pages may do is told by `pages`.

use super::{Call, Problem, Reply, Route, page, pages};
use http::{HeaderMap, HeaderValue, header};
use rust_embed::{EmbeddedFile, RustEmbed};

/// Addresses of the interface; the browser finds out itself what to show there.
const ADDRESSES: [&str; 9] =
    ["/", "/inbox", "/new", "/tasks/{name}", "/projects", "/prompts", "/plugins", "/usage", "/settings"];

/// Files whose names stay, and which are asked for again therefore.
const NAMED: [&str; 2] = ["icon.svg", "theme.js"];

/// Files below `assets/` have a hash of their content in their name.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Built;

/// The routes of the interface.
#[must_use]
pub fn routes() -> Vec<Route> {
    let addresses = ADDRESSES.into_iter().map(|address| page(address, |call| async move { index(&call) }));
    let named = NAMED.into_iter().map(|name| {
        page(
            &format!("/{name}"),
            move |call| async move { Ok(file(&call, name)?.header(header::CACHE_CONTROL, NO_CACHE)) },
        )
    });
    let assets = page("/assets/{file}", |call| async move {
        let name = format!("assets/{}", call.param("file"));
        Ok(file(&call, &name)?.header(header::CACHE_CONTROL, FOR_EVER))
    });
    addresses.chain(named).chain([assets]).collect()
}

const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

fn index(call: &Call) -> Result<Reply, Problem> {
    if Built::get("index.html").is_none() {
        return pages::file("index.html");
    }
    Ok(file(call, "index.html")?.header(header::CACHE_CONTROL, NO_CACHE))
}

fn file(call: &Call, name: &str) -> Result<Reply, Problem> {
    let packed = takes_brotli(&call.headers).then(|| Built::get(&format!("{name}.br"))).flatten();
    let packs = packed.is_some();
    let EmbeddedFile { data, .. } =
        packed.or_else(|| Built::get(name)).ok_or_else(|| Problem::not_found("file", name))?;
    let reply = pages::page_of(media_type(name), data.into_owned())
        .header(header::CONTENT_SECURITY_POLICY, pages::INTERFACE_POLICY)
        .header(header::VARY, HeaderValue::from_static("accept-encoding"));
    Ok(if packs { reply.header(header::CONTENT_ENCODING, HeaderValue::from_static("br")) } else { reply })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}

/// Whether a client takes brotli: it names it, and not with the weight zero.
fn takes_brotli(headers: &HeaderMap) -> bool {
    let texts = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|part| {
        let (coding, weight) = part.split_once(';').unwrap_or((part, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        coding.trim().eq_ignore_ascii_case("br") && weight.is_none_or(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_is_sent_to_those_who_ask_for_it() {
        let takes = |text: &'static str| {
            takes_brotli(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(text))]))
        };
        assert!(takes("gzip, deflate, br"));
        assert!(takes("gzip;q=0.5, BR;q=0.1"));
        assert!(!takes("gzip, br;q=0"));
        assert!(!takes("brx"));
        assert!(!takes_brotli(&HeaderMap::new()));
    }
}
