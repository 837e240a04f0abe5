//! A plugin's own settings.

use serde::de::DeserializeOwned;

/// The settings in force for this task. Give the type `#[serde(default)]`: what the operator leaves out then has its
/// default.
///
/// # Errors
/// When they do not fit the type, in a sentence for the operator.
pub fn settings<T: DeserializeOwned>() -> Result<T, String> {
    parse_settings(&crate::bindings::responder::taskwright::plugin::settings::get())
}

/// Reads settings from their JSON text; an empty one counts as `{}`.
///
/// # Errors
/// When they do not fit the type.
pub fn parse_settings<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    let json = if json.trim().is_empty() { "{}" } else { json };
    serde_json::from_str(json).map_err(|e| format!("The settings do not fit: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize, Default, PartialEq, Debug)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        rounds: u32,
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        assert_eq!(parse_settings::<Sample>(""), Ok(Sample { rounds: 0 }));
        assert_eq!(parse_settings::<Sample>(r#"{"rounds": 3}"#), Ok(Sample { rounds: 3 }));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        assert!(parse_settings::<Sample>(r#"{"round": 3}"#).is_err_and(|e| e.contains("round")));
    }
}
