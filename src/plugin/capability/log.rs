//! `log`: always granted. Lines beyond the limit are dropped, and one line says so.

use super::beginning;
use crate::plugin::{
    bindings::interface::log::{Host, Level},
    limits::{LOG_LINE_BYTES, LOG_LINES},
    sandbox::Call,
};

impl Host for Call {
    fn write(&mut self, level: Level, message: String) {
        self.log_lines = self.log_lines.saturating_add(1);
        if self.log_lines > LOG_LINES {
            if self.log_lines == LOG_LINES + 1 {
                let text = format!("further lines are dropped: at most {LOG_LINES} are taken in one call");
                self.caller.around.log(&self.caller.plugin, tracing::Level::WARN, &text);
            }
            return;
        }
        let level = match level {
            Level::Debug => tracing::Level::DEBUG,
            Level::Info => tracing::Level::INFO,
            Level::Warn => tracing::Level::WARN,
            Level::Error => tracing::Level::ERROR,
        };
        self.caller.around.log(&self.caller.plugin, level, beginning(&message, LOG_LINE_BYTES));
    }
}
