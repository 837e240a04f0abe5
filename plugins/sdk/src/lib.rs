//! What a plugin of Taskwright is written against: a trait for each kind of plugin ([`Responder`], [`Criteria`],
//! [`TestRunner`]), the values they are given and answer, and the capabilities. A whole responder:
//!
//! ```
//! use taskwright_plugin::answering::{Happening, Response, Situation};
//! use taskwright_plugin::{Description, Responder};
//!
//! struct Polite;
//!
//! impl Responder for Polite {
//!     fn describe() -> Description {
//!         Description::new("polite", "0.1.0", "Says thank you when a turn is over.")
//!     }
//!
//!     fn respond(situation: Situation) -> Result<Response, String> {
//!         Ok(match situation.happening {
//!             Happening::TurnEnded(_) => Response::reply("Thank you. Please go on.", "A kind word helps."),
//!             _ => Response::pass("No turn has ended."),
//!         })
//!     }
//! }
//!
//! taskwright_plugin::export!(responder Polite);
//! # fn main() {}
//! ```
//!
//! Keep what decides in plain functions of values, and call capabilities only from the trait's functions: then `cargo
//! test` tests the plugin without WebAssembly. Outside a component a capability panics.

#[doc(hidden)]
pub mod bindings;
pub mod criteria;
mod settings;
mod shapes;
pub mod words;

pub use bindings::criteria::exports::taskwright::plugin::judging;
pub use bindings::responder::exports::taskwright::plugin::answering;
pub use bindings::responder::taskwright::plugin::{log, model, state, types, workspace};
pub use bindings::test_runner::exports::taskwright::plugin::testing;
pub use settings::{parse_settings, settings};
pub use types::{Capability, Description};

/// A plugin that answers the agent.
pub use answering::Guest as Responder;
/// A plugin that tells whether the work is done.
pub use judging::Guest as Criteria;
/// A plugin that knows how to test a project.
pub use testing::Guest as TestRunner;

/// Makes a type the plugin of this crate: `export!(responder T)`, `export!(criteria T)` or `export!(test_runner T)`.
/// Once in a crate. Outside WebAssembly it only checks that the trait is there.
#[macro_export]
macro_rules! export {
    (responder $plugin:ident) => {
        $crate::export!(@check Responder $plugin);
        #[cfg(target_family = "wasm")]
        $crate::bindings::responder::export_responder!($plugin with_types_in $crate::bindings::responder);
    };
    (criteria $plugin:ident) => {
        $crate::export!(@check Criteria $plugin);
        #[cfg(target_family = "wasm")]
        $crate::bindings::criteria::export_criteria!($plugin with_types_in $crate::bindings::criteria);
    };
    (test_runner $plugin:ident) => {
        $crate::export!(@check TestRunner $plugin);
        #[cfg(target_family = "wasm")]
        $crate::bindings::test_runner::export_test_runner!($plugin with_types_in $crate::bindings::test_runner);
    };
    (@check $kind:ident $plugin:ident) => {
        const _: () = {
            const fn is_plugin<T: $crate::$kind>() {}
            is_plugin::<$plugin>();
        };
    };
}
