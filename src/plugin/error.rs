//! Why a plugin could not be loaded or called.

use std::time::Duration;

/// Why a component is not a plugin that can be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {file}: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no component.
    #[error("this is no WebAssembly component: {0}")]
    NotAComponent(String),
    /// It imports what no plugin gets.
    #[error("it imports `{import}`, which no plugin gets{remedy}")]
    ForbiddenImport {
        /// The import.
        import: String,
        /// What to do, beginning with `; `.
        remedy: String,
    },
    /// It exports none of the three interfaces.
    #[error(
        "it exports none of `taskwright:plugin/answering`, `judging` and `testing` in a version that is known here: {0}"
    )]
    NoInterface(String),
    /// Plugins cannot run here.
    #[error("plugins cannot run on this machine: {0}")]
    Setup(String),
    /// It has the right interfaces and does not fit them.
    #[error("it does not fit the interface: {0}")]
    Unfit(String),
    /// Its description cannot be had, or is wrong.
    #[error("its description is wrong: {0}")]
    BadDescription(String),
    /// Another file has the same name.
    #[error("`{name}` is also the name of {other}")]
    NameTaken {
        /// The name.
        name: String,
        /// The file, or `a built-in plugin`.
        other: String,
    },
    /// It is larger than allowed.
    #[error("it has {size} bytes and at most {limit} are taken")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
}

/// How a call failed. To a chain it counts as `pass`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CallError {
    /// No plugin of that name and kind is loaded.
    #[error("no {kind} plugin `{name}` is loaded; `taskwright plugin list` shows those that are")]
    NotLoaded {
        /// The kind.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// It used up its computing time.
    #[error("it computed for longer than {0:?} and was ended")]
    TimedOut(Duration),
    /// It wanted more memory than it may have.
    #[error("it wanted more memory than its {0} bytes and was ended")]
    OutOfMemory(u64),
    /// It trapped.
    #[error("it trapped: {0}")]
    Trapped(String),
    /// It answered with an error of its own.
    #[error("it says: {0}")]
    Refused(String),
    /// Its answer is larger than allowed, or does not fit.
    #[error("its answer cannot be used: {0}")]
    BadAnswer(String),
}
