//! `settings`: always granted.

use crate::plugin::{bindings::interface::settings::Host, sandbox::Call};

impl Host for Call {
    fn get(&mut self) -> String {
        let settings = self.caller.around.settings(&self.caller.plugin);
        if settings.is_object() { settings.to_string() } else { "{}".into() }
    }
}
