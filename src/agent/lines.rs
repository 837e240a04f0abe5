//! Cuts a stream of bytes into lines of bounded length.

/// What a stream holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A line without its end.
    Whole(&'a [u8]),
    /// A line that was longer than allowed; it was skipped.
    Capped {
        /// Its length without its end, in bytes.
        bytes: u64,
    },
}

/// Cuts lines, holding at most one line's allowed length.
#[derive(Debug)]
pub(super) struct LineSplitter {
    cap: usize,
    held: Vec<u8>,
    /// Length of the line so far, also of what is not held.
    length: u64,
}

/// A held buffer larger than this is given back after its line.
const KEPT_CAPACITY: usize = 256 * 1024;

impl LineSplitter {
    pub(super) fn new(cap: usize) -> Self {
        Self { cap, held: Vec::new(), length: 0 }
    }

    /// Takes bytes up to and including the first line end in them and tells how many these were. Calls `on_line` if a
    /// line was completed.
    pub(super) fn take(&mut self, bytes: &[u8], on_line: impl FnOnce(Line<'_>)) -> usize {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        self.length += piece.len() as u64;
        let fits = self.length <= self.cap as u64;
        let Some(end) = end else {
            if fits {
                self.held.extend_from_slice(piece);
            } else {
                self.held = Vec::new();
            }
            return bytes.len();
        };
        if !fits {
            on_line(Line::Capped { bytes: self.length });
        } else if self.held.is_empty() {
            on_line(Line::Whole(piece));
        } else {
            self.held.extend_from_slice(piece);
            on_line(Line::Whole(&self.held));
        }
        self.length = 0;
        if self.held.capacity() > KEPT_CAPACITY {
            self.held = Vec::new();
        } else {
            self.held.clear();
        }
        end + 1
    }

    /// Length of the line that has begun and not ended.
    pub(super) fn unfinished(&self) -> u64 {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(cap: usize, chunks: &[&[u8]]) -> (Vec<String>, u64) {
        let mut splitter = LineSplitter::new(cap);
        let mut lines = Vec::new();
        for chunk in chunks {
            let mut rest = *chunk;
            while !rest.is_empty() {
                let used = splitter.take(rest, |line| {
                    lines.push(match line {
                        Line::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                        Line::Capped { bytes } => format!("<{bytes}>"),
                    });
                });
                rest = &rest[used..];
            }
        }
        (lines, splitter.unfinished())
    }

    #[test]
    fn a_line_over_the_cap_is_told_by_its_length_and_the_next_one_is_whole() {
        assert_eq!(split(4, &[b"abc", b"de\nfghi\nx"]).0, ["<5>", "fghi"]);
    }

    #[test]
    fn a_long_line_is_not_held() {
        let mut splitter = LineSplitter::new(10);
        for _ in 0..1000 {
            splitter.take(&[b'x'; 1000], |_| panic!("no line has ended"));
        }
        assert!(splitter.held.capacity() <= 10);
        assert_eq!(splitter.unfinished(), 1_000_000);
    }

    proptest! {
        #[test]
        fn where_the_stream_is_cut_makes_no_difference(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..300),
            size in 1_usize..50,
            cap in 0_usize..20,
        ) {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(split(cap, &chunks), split(cap, &[&bytes]));
        }
    }
}
