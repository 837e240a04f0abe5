//! The plugins that come with the server: every component in `plugins/components/`, embedded when it is built.

use bytes::Bytes;
use std::borrow::Cow;

#[derive(rust_embed::RustEmbed)]
#[folder = "plugins/components"]
struct Components;

/// The file names and components, sorted by name.
pub(super) fn components() -> Vec<(String, Bytes)> {
    let mut components: Vec<_> = Components::iter()
        .filter(|name| name.ends_with(".wasm"))
        .filter_map(|name| Some((name.to_string(), Components::get(&name)?.data)))
        .map(|(name, content)| match content {
            Cow::Borrowed(content) => (name, Bytes::from_static(content)),
            Cow::Owned(content) => (name, Bytes::from(content)),
        })
        .collect();
    components.sort_by(|(one, _), (other, _)| one.cmp(other));
    components
}
