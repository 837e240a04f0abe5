//! What plugins may touch, one capability a module: its grant, its limits, and how it reaches the surroundings of the
//! call. Adding a capability means adding its interface to `wit/` and its module here.

mod log;
mod model;
mod settings;
mod state;
mod workspace;

use super::{
    Capability, CapabilityError,
    bindings::interface::types::{self, CapabilityError as Answered},
    limits,
    sandbox::Call,
};

impl types::Host for Call {}

/// Characters of a refusal's text.
const TEXT_CHARS: usize = 1_000;

impl From<CapabilityError> for Answered {
    fn from(error: CapabilityError) -> Self {
        let short = |text: String| text.chars().take(TEXT_CHARS).collect();
        match error {
            CapabilityError::Denied => Self::Denied,
            CapabilityError::NotFound => Self::NotFound,
            CapabilityError::Invalid(text) => Self::Invalid(short(text)),
            CapabilityError::Limited(text) => Self::Limited(short(text)),
            CapabilityError::Failed(text) => Self::Failed(short(text)),
        }
    }
}

impl Call {
    /// Lets one call of a capability through, if it is granted and the call has not made too many.
    fn admit(&mut self, capability: Capability) -> Result<(), CapabilityError> {
        if !self.caller.granted.contains(&capability) {
            return Err(CapabilityError::Denied);
        }
        if self.calls >= limits::CAPABILITY_CALLS {
            let text = format!("at most {} calls of capabilities are made in one call", limits::CAPABILITY_CALLS);
            return Err(CapabilityError::Limited(text));
        }
        self.calls += 1;
        Ok(())
    }

    /// Counts bytes that a capability is about to hand over.
    fn hand_over(&mut self, bytes: usize) -> Result<(), CapabilityError> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.bytes > limits::CAPABILITY_BYTES {
            let text = format!("at most {} bytes are handed over in one call", limits::CAPABILITY_BYTES);
            return Err(CapabilityError::Limited(text));
        }
        Ok(())
    }
}

fn at_most(what: &str, bytes: usize, limit: usize) -> Result<(), CapabilityError> {
    if bytes > limit {
        return Err(CapabilityError::Invalid(format!("{what} has {bytes} bytes and at most {limit} are taken")));
    }
    Ok(())
}

/// The longest beginning of a text that has at most so many bytes.
fn beginning(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
