//! What is kept of a command's output: its head and its tail.

use std::collections::VecDeque;

/// Which stream a piece of output came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Output within a limit: everything, or the beginning and the end of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandOutput {
    /// The text, with wrong UTF-8 replaced and a marker line where something was left out.
    pub text: String,
    /// How many bytes were written in all.
    pub total_bytes: u64,
    /// How many of them are not in `text`.
    pub omitted_bytes: u64,
}

/// Collects output, however much comes, in memory that never exceeds the limit.
#[derive(Debug)]
pub(super) struct Keeper {
    head: Vec<u8>,
    head_limit: usize,
    tail: VecDeque<u8>,
    tail_limit: usize,
    total: u64,
}

impl Keeper {
    /// Keeps `limit` bytes: the first half of them from the beginning, the other from the end.
    pub(super) fn new(limit: usize) -> Self {
        let head_limit = limit / 2;
        Self { head: Vec::new(), head_limit, tail: VecDeque::new(), tail_limit: limit - head_limit, total: 0 }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = (self.head_limit - self.head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(self.tail_limit)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(self.tail_limit);
        self.tail.drain(..excess);
        self.tail.extend(rest);
    }

    pub(super) fn finish(mut self) -> CommandOutput {
        let omitted = self.total - (self.head.len() + self.tail.len()) as u64;
        let text = if omitted == 0 {
            self.head.extend(self.tail);
            String::from_utf8_lossy(&self.head).into_owned()
        } else {
            let head = String::from_utf8_lossy(&self.head).into_owned();
            let tail = String::from_utf8_lossy(self.tail.make_contiguous());
            format!("{head}\n… {omitted} bytes left out …\n{tail}")
        };
        CommandOutput { text, total_bytes: self.total, omitted_bytes: omitted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keep(limit: usize, pieces: &[&str]) -> CommandOutput {
        let mut keeper = Keeper::new(limit);
        for piece in pieces {
            keeper.push(piece.as_bytes());
        }
        keeper.finish()
    }

    #[test]
    fn short_output_is_kept_whole() {
        assert_eq!(keep(10, &["abc", "def"]).text, "abcdef");
    }

    #[test]
    fn long_output_keeps_its_head_and_tail_and_says_what_is_missing() {
        let kept = keep(6, &["abcdef", "ghijkl"]);
        assert_eq!(kept.text, "abc\n… 6 bytes left out …\njkl");
        assert_eq!((kept.total_bytes, kept.omitted_bytes), (12, 6));
    }

    #[test]
    fn wrong_utf8_is_replaced() {
        let mut keeper = Keeper::new(100);
        keeper.push(b"a\xffb");
        assert_eq!(keeper.finish().text, "a\u{fffd}b");
    }

    proptest! {
        #[test]
        fn what_is_kept_is_the_true_head_and_tail(
            pieces in proptest::collection::vec("[a-z]{0,20}", 0..20),
            limit in 0_usize..60,
        ) {
            let whole = pieces.concat();
            let kept = keep(limit, &pieces.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(kept.total_bytes, whole.len() as u64);
            if whole.len() <= limit {
                prop_assert_eq!(kept.text, whole);
            } else {
                let head = &whole[..limit / 2];
                let tail = &whole[whole.len() - (limit - limit / 2)..];
                prop_assert!(kept.text.starts_with(head) && kept.text.ends_with(tail));
                prop_assert_eq!(kept.omitted_bytes, (whole.len() - limit) as u64);
            }
        }
    }
}
