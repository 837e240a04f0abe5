//! Small readings of text that more than one plugin needs.

/// The text without ANSI escapes.
pub fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        rest = after_escape(&rest[at + 1..]);
    }
    out.push_str(rest);
    out
}

fn after_escape(rest: &str) -> &str {
    let mut chars = rest.chars();
    match chars.next() {
        Some('[') => {
            let body = chars.as_str();
            body.find(|c: char| ('@'..='~').contains(&c)).map_or("", |end| &body[end + 1..])
        }
        Some(']') => {
            let body = chars.as_str();
            body.find(['\u{7}', '\u{1b}']).map_or("", |end| body[end..].trim_start_matches(['\u{7}', '\u{1b}', '\\']))
        }
        _ => chars.as_str(),
    }
}

/// The end of a text, at most so many bytes, beginning at a line where it can.
pub fn tail(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let mut start = text.len() - bytes;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text[start..].find('\n').map_or(&text[start..], |line| &text[start + line + 1..])
}

/// The beginning of a text, at most so many bytes.
pub fn head(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_titles_are_taken_out() {
        assert_eq!(without_escapes("\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}plain"), "red plain");
        assert_eq!(without_escapes("cut \u{1b}["), "cut ");
    }

    #[test]
    fn a_tail_begins_at_a_line_and_a_head_ends_at_a_character() {
        assert_eq!(tail("one\ntwo\nthree", 8), "three");
        assert_eq!(tail("äöü", 3), "ü");
        assert_eq!(head("äöü", 3), "ä");
    }
}
