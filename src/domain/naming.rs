//! What may be a name of a task, and what may be text at all.

/// Characters that a task's name may have.
pub const MAX_NAME_CHARS: usize = 200;

/// Bytes that a description or an input may have.
pub const MAX_TEXT_BYTES: usize = 512 * 1024;

/// Why a text is no name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// Nothing, or nothing but blanks.
    #[error("a name needs at least one visible character")]
    Blank,
    /// Longer than [`MAX_NAME_CHARS`].
    #[error("a name has at most {MAX_NAME_CHARS} characters")]
    TooLong,
    /// Would be read as an option by a command.
    #[error("a name does not begin with `-`")]
    LeadingDash,
    /// `.` or `..`.
    #[error("`.` and `..` are folders, not names")]
    Dots,
    /// A slash or a backslash.
    #[error("a name has no `/` and no `\\`")]
    Slash,
    /// NUL, a line break or another control character.
    #[error("a name has no control characters, such as NUL or a line break")]
    Control,
}

/// Checks a name of a task.
///
/// # Errors
/// The first rule that the text breaks.
pub fn check_name(name: &str) -> Result<(), NameError> {
    if name.chars().any(char::is_control) {
        return Err(NameError::Control);
    }
    if name.trim().is_empty() {
        return Err(NameError::Blank);
    }
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(NameError::TooLong);
    }
    if name.starts_with('-') {
        return Err(NameError::LeadingDash);
    }
    if name == "." || name == ".." {
        return Err(NameError::Dots);
    }
    if name.contains(['/', '\\']) {
        return Err(NameError::Slash);
    }
    Ok(())
}

/// Why a text is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TextError {
    /// A NUL character, which no program passes on.
    #[error("the text has a NUL character; remove it")]
    Nul,
    /// Longer than [`MAX_TEXT_BYTES`].
    #[error("the text has {0} bytes and at most 524,288 are taken; put the rest into a file of the repository")]
    TooLong(usize),
}

/// Checks a description, an input or another text.
///
/// # Errors
/// [`TextError`] when the text has a NUL or is too long.
pub fn check_text(text: &str) -> Result<(), TextError> {
    if text.contains('\0') {
        return Err(TextError::Nul);
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(TextError::TooLong(text.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        for (name, error) in [
            ("", NameError::Blank),
            ("   ", NameError::Blank),
            ("-rf", NameError::LeadingDash),
            ("..", NameError::Dots),
            ("a/b", NameError::Slash),
            ("a\\b", NameError::Slash),
            ("nul\0", NameError::Control),
            ("two\nlines", NameError::Control),
        ] {
            assert_eq!(check_name(name), Err(error), "{name:?}");
        }
        assert_eq!(check_name(&"x".repeat(201)), Err(NameError::TooLong));
        assert_eq!(check_name(&"名".repeat(200)), Ok(()));
    }

    proptest! {
        #[test]
        fn a_name_that_passes_stays_in_its_folder(name in any::<String>()) {
            if check_name(&name).is_ok() {
                prop_assert_eq!(std::path::Path::new(&name).components().count(), 1);
                prop_assert!(name != "." && name != "..");
            }
        }
    }
}
