//! Patterns with `*` and `**`.

/// Whether a text fits a pattern in which `*` stands for any characters.
pub fn fits(pattern: &str, text: &str) -> bool {
    matches(pattern.as_bytes(), text.as_bytes(), false)
}

/// Whether a path fits a pattern in which `*` stops at `/` and `**` does not. A pattern without `/` is one for the last
/// part.
pub fn fits_path(pattern: &str, path: &str) -> bool {
    let path = path.trim_start_matches("./");
    if !pattern.contains('/') {
        return matches(pattern.as_bytes(), path.rsplit('/').next().unwrap_or(path).as_bytes(), true);
    }
    let pattern = pattern.trim_start_matches("./");
    matches(pattern.as_bytes(), path.as_bytes(), true)
        || pattern.strip_prefix("**/").is_some_and(|rest| matches(rest.as_bytes(), path.as_bytes(), true))
}

/// Goes back to the last star when the texts part, as often as the text is long: never more than quadratic. A star that
/// may not pass `/` gives way to the last double one before it.
fn matches(pattern: &[u8], text: &[u8], segments: bool) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    let mut double: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            let twice = pattern.get(p + 1) == Some(&b'*');
            if segments && twice {
                p += 2;
                double = Some((p, t));
                star = None;
            } else {
                p += 1;
                star = Some((p, t));
            }
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((after, from)) = star.filter(|(_, from)| !segments || text[*from] != b'/') {
            star = Some((after, from + 1));
            (p, t) = (after, from + 1);
        } else if let Some((after, from)) = double {
            double = Some((after, from + 1));
            star = None;
            (p, t) = (after, from + 1);
        } else {
            return false;
        }
    }
    pattern[p.min(pattern.len())..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_stands_for_anything_in_a_text() {
        assert!(fits("docker *", "docker run -v /a:/b"));
        assert!(fits("mcp__docs__*", "mcp__docs__find"));
        assert!(!fits("docker *", "dockerd"));
        assert!(fits("*a*b", "xxaxxb"));
    }

    #[test]
    fn a_star_in_a_path_stops_at_a_slash_and_two_do_not() {
        assert!(fits_path("migrations/**", "migrations/2026/a.sql"));
        assert!(!fits_path("migrations/*", "migrations/2026/a.sql"));
        assert!(fits_path("**/*.sql", "a.sql") && fits_path("**/*.sql", "a/b/c.sql"));
        assert!(fits_path("*.lock", "sub/Cargo.lock"));
        assert!(fits_path("src/**/test/*.rs", "src/a/b/test/c.rs"));
        assert!(!fits_path("src/*.rs", "src/a/b.rs"));
    }

    proptest! {
        #[test]
        fn a_text_fits_itself_and_a_star(text in "[a-z/. ]{0,20}") {
            prop_assert!(fits(&text, &text) && fits("*", &text) && fits_path("**", &text));
        }

        #[test]
        fn what_begins_so_fits_with_a_star(start in "[a-z ]{0,8}", rest in "[a-z/* ]{0,12}") {
            let pattern = format!("{start}*");
            let text = format!("{start}{rest}");
            prop_assert!(fits(&pattern, &text));
        }

        #[test]
        fn any_pattern_ends(pattern in "[a*/]{0,40}", text in "[a/]{0,60}") {
            let _ = (fits(&pattern, &text), fits_path(&pattern, &text));
        }
    }
}
