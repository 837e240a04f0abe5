//! How a text ends: its blocks, its closing sentences, what is asked there and which choices are offered. What to answer
//! is not decided here.

use crate::phrases::{self, says, says_any};

/// A part of a text between blank lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Sentences, with single blanks between the words.
    Prose(String),
    /// A list, with its lead-in in the block before.
    List(Vec<Item>),
    /// The lines of a fenced code block.
    Code(String),
}

/// One item of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// `1`, `B`, `Option 2`; empty for a plain bullet.
    pub mark: String,
    /// What it says.
    pub text: String,
}

/// What is asked at the end of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The sentence that asks.
    pub sentence: String,
    /// The same in lower case, without emphasis.
    pub lower: String,
    /// The block in which it stands.
    pub at: usize,
    /// The choices that are put to the user, if it is a choice.
    pub options: Vec<Item>,
}

/// A text that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Its blocks.
    pub blocks: Vec<Block>,
}

/// Lower case, plain apostrophes, no emphasis.
pub fn plain(text: &str) -> String {
    text.to_lowercase().replace(['’', '‘'], "'").replace(['*', '`', '"', '“', '”'], "")
}

/// Sentences with their ends.
pub fn sentences(prose: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut chars = prose.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let ends = matches!(c, '.' | '?' | '!')
            && chars.peek().is_none_or(|(_, next)| next.is_whitespace() || "\"')*”`_".contains(*next));
        if ends {
            let mut end = at + c.len_utf8();
            while let Some((next, c)) = chars.next_if(|(_, c)| "\"')*”`_?!".contains(*c)) {
                end = next + c.len_utf8();
            }
            push_trimmed(&mut out, &prose[start..end]);
            start = end;
        }
    }
    push_trimmed(&mut out, &prose[start..]);
    out
}

fn push_trimmed(out: &mut Vec<String>, sentence: &str) {
    let sentence = sentence.trim();
    if !sentence.is_empty() {
        out.push(sentence.to_owned());
    }
}

/// Reads a text.
pub fn read(text: &str) -> Reading {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let bare = line.trim();
        if let Some(fence) = ["```", "~~~"].into_iter().find(|fence| bare.starts_with(fence)) {
            let code: Vec<&str> = lines.by_ref().take_while(|line| !line.trim().starts_with(fence)).collect();
            blocks.push(Block::Code(code.join("\n")));
        } else if bare.is_empty() || bare.chars().all(|c| "-=_*".contains(c)) {
            blocks.push(Block::Prose(String::new()));
        } else if let Some(item) = item(line) {
            match blocks.iter_mut().rev().find(|b| !is_blank(b)) {
                Some(Block::List(items)) => items.push(item),
                _ => blocks.push(Block::List(vec![item])),
            }
        } else if line.starts_with([' ', '\t']) && matches!(blocks.last(), Some(Block::List(_))) {
            if let Some(Block::List(items)) = blocks.last_mut() {
                extend(items, bare);
            }
        } else {
            prose(&mut blocks, bare);
        }
    }
    blocks.retain(|b| !is_blank(b));
    Reading { blocks }
}

fn is_blank(block: &Block) -> bool {
    matches!(block, Block::Prose(text) if text.is_empty())
}

fn extend(items: &mut [Item], line: &str) {
    if let Some(last) = items.last_mut() {
        last.text.push(' ');
        last.text.push_str(line);
    }
}

fn prose(blocks: &mut Vec<Block>, line: &str) {
    let line = line.trim_start_matches(['#', '>', ' ']);
    match blocks.last_mut() {
        Some(Block::Prose(text)) if !text.is_empty() => {
            text.push(' ');
            text.push_str(line);
        }
        _ => blocks.push(Block::Prose(line.to_owned())),
    }
}

/// A list's item, if a line is one. Deeply indented items belong to the one above them.
fn item(line: &str) -> Option<Item> {
    let indent = line.len() - line.trim_start().len();
    let bare = line.trim();
    let (bullet, bare) = match bare.strip_prefix(['-', '*', '•', '+']).filter(|rest| rest.starts_with(' ')) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, bare),
    };
    if indent > 3 {
        return None;
    }
    let open = bare.trim_start_matches(['*', '_', '(', '[', '#']).trim_start();
    match mark(open) {
        Some((mark, text)) => Some(Item { mark, text: unemphasised(text) }),
        None if bullet && indent < 2 => Some(Item { mark: String::new(), text: unemphasised(bare) }),
        None => None,
    }
}

/// The mark of a numbered or lettered item, and what follows it.
fn mark(text: &str) -> Option<(String, &str)> {
    let (word, rest) = match text.split_once(' ') {
        Some((word, rest))
            if ["option", "choice", "variant", "approach", "alternative"].contains(&word.to_lowercase().as_str()) =>
        {
            let end = rest.find([' ', '.', ')', ':', '*', '-']).unwrap_or(rest.len());
            (format!("{word} {}", &rest[..end]), &rest[end..])
        }
        _ => {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric())?;
            (text[..end].to_owned(), &text[end..])
        }
    };
    let name = word.rsplit(' ').next().unwrap_or_default();
    let short = name.len() == 1 && name.chars().all(|c| c.is_ascii_alphabetic())
        || (1..=2).contains(&name.len()) && name.chars().all(|c| c.is_ascii_digit());
    let closed = rest.trim_start_matches(['*', '_', ' ']).starts_with(['.', ')', ':', ']', '-', '–', '—']);
    let text = rest.trim_start_matches(['.', ')', ':', '*', '_', ']', '-', '–', '—', ' ']);
    let spaced = rest.len() != text.len() && (rest.contains(' ') || text.is_empty());
    (short && closed && spaced && !text.is_empty()).then_some((word, text))
}

fn unemphasised(text: &str) -> String {
    text.replace("**", "").trim().to_owned()
}

impl Reading {
    /// The text of the last blocks, code between backquotes.
    pub fn from(&self, at: usize) -> String {
        let part = |block: &Block| match block {
            Block::Prose(text) => text.clone(),
            Block::List(items) => items.iter().map(|i| i.text.as_str()).collect::<Vec<_>>().join("\n"),
            Block::Code(code) => code.lines().map(|line| format!("`{line}`")).collect::<Vec<_>>().join("\n"),
        };
        self.blocks[at.min(self.blocks.len())..].iter().map(part).collect::<Vec<_>>().join("\n")
    }

    /// The sentences of the last prose blocks, at most `count` of those, in lower case.
    pub fn closing(&self, count: usize) -> Vec<String> {
        let mut prose: Vec<&str> = self.prose().rev().take(count).collect();
        prose.reverse();
        prose.into_iter().flat_map(sentences).map(|s| plain(&s)).collect()
    }

    /// The sentences of the first prose block, in lower case.
    pub fn opening(&self) -> Vec<String> {
        self.prose().next().map(sentences).unwrap_or_default().iter().map(|s| plain(s)).collect()
    }

    fn prose(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.blocks.iter().filter_map(|b| match b {
            Block::Prose(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// What is asked at the end. A question further up is part of the report.
    pub fn ask(&self) -> Option<Ask> {
        let last = self.blocks.iter().rposition(|b| !matches!(b, Block::Code(_)))?;
        match &self.blocks[last] {
            Block::Prose(text) => {
                let sentence = asking(text, 2)?;
                Some(self.with_options(sentence, last))
            }
            Block::List(items) => {
                let Some(Block::Prose(lead)) = last.checked_sub(1).map(|before| &self.blocks[before]) else {
                    return None;
                };
                let sentence =
                    asking(lead, if lead.ends_with(':') { 2 } else { 1 }).or_else(|| questions(lead, items))?;
                let lower = plain(&sentence);
                let choice = items.len() > 1 && !items.iter().all(|i| i.text.ends_with('?'));
                let options =
                    if choice && says_any(&lower, phrases::CHOOSE).is_some() { items.clone() } else { Vec::new() };
                Some(Ask { sentence, lower, at: last - 1, options })
            }
            Block::Code(_) => None,
        }
    }

    fn with_options(&self, sentence: String, at: usize) -> Ask {
        let lower = plain(&sentence);
        let asks_to_choose = says_any(&lower, phrases::CHOOSE).is_some();
        let near = self.blocks[at.saturating_sub(2)..at].iter().rev().find_map(|b| match b {
            Block::List(items) if items.len() > 1 => Some(items.clone()),
            _ => None,
        });
        let options = match near {
            Some(items) if asks_to_choose && items.iter().all(|i| !i.text.ends_with('?')) => items,
            _ => inline_options(&sentence),
        };
        Ask { sentence, lower, at, options }
    }
}

/// The sentence among a block's last ones that asks, courtesies left out.
fn asking(prose: &str, last: usize) -> Option<String> {
    let all = sentences(prose);
    let serious: Vec<&String> =
        all.iter().filter(|s| says_any(&plain(s), phrases::COURTESY).is_none() && !is_aside(s)).collect();
    serious.iter().rev().take(last).find(|s| asks(s)).map(|s| (*s).clone())
}

fn asks(sentence: &str) -> bool {
    let bare = sentence.trim_end_matches(['"', '\'', ')', '*', '`', '_', '”', ' ', '.']);
    bare.ends_with('?') || says_any(&plain(sentence), phrases::ASKS).is_some()
}

/// `(yes/no)` and the like.
fn is_aside(sentence: &str) -> bool {
    let bare = sentence.trim();
    bare.len() < 40 && bare.starts_with(['(', '[']) && bare.ends_with([')', ']'])
}

/// A list of questions, with its lead-in.
fn questions(lead: &str, items: &[Item]) -> Option<String> {
    let all = items.len() > 1 && items.iter().all(|i| i.text.ends_with('?'));
    (all && says(&plain(lead), "questions"))
        .then(|| items.iter().map(|i| i.text.as_str()).collect::<Vec<_>>().join(" "))
}

/// Choices within a sentence: `(a) keep it or (b) drop it`.
fn inline_options(sentence: &str) -> Vec<Item> {
    for marks in [["(a)", "(b)", "(c)", "(d)"], ["(A)", "(B)", "(C)", "(D)"], ["(1)", "(2)", "(3)", "(4)"]] {
        let found: Vec<(usize, &str)> = marks.iter().map_while(|m| sentence.find(m).map(|at| (at, *m))).collect();
        if found.len() < 2 || !found.is_sorted() {
            continue;
        }
        let ends = found.iter().skip(1).map(|(at, _)| *at).chain([sentence.len()]);
        return found
            .iter()
            .zip(ends)
            .map(|((at, mark), end)| {
                let text =
                    sentence[at + mark.len()..end].trim_matches(|c: char| c.is_whitespace() || ",;?".contains(c));
                let text = text.strip_suffix(" or").unwrap_or(text).trim_end_matches([',', ';']);
                Item { mark: mark.trim_matches(['(', ')']).to_owned(), text: text.to_owned() }
            })
            .collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn options(text: &str) -> Vec<String> {
        read(text)
            .ask()
            .map(|a| a.options.into_iter().map(|i| format!("{}|{}", i.mark, i.text)).collect())
            .unwrap_or_default()
    }

    #[test]
    fn a_list_before_a_question_that_asks_to_choose_is_a_choice() {
        assert_eq!(
            options("Two ways:\n1. keep it\n2. write a new one\nWhich option should I take?"),
            ["1|keep it", "2|write a new one"]
        );
        assert_eq!(options("Which do you prefer?\n\nA) fast\nB) small"), ["A|fast", "B|small"]);
        assert_eq!(
            options("**Option A**: fast\n**Option B**: small\n\nWhich approach do you want?"),
            ["Option A|fast", "Option B|small"]
        );
        assert_eq!(
            options("Should I (a) keep the old name, or (b) rename it?"),
            ["a|keep the old name", "b|rename it"]
        );
    }

    #[test]
    fn a_list_that_reports_is_no_choice() {
        for text in [
            "Done:\n1. found the issue\n2. fixed the problem\n\nNo problem is left.",
            "The plan:\n1. add a parser\n2. test it\n\nShall I proceed?",
            "Which one was it? It was the parser.\n1. found it\n2. fixed it",
        ] {
            assert_eq!(options(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn only_a_question_at_the_end_is_asked() {
        assert!(read("Should I go on with it?").ask().is_some());
        assert!(read("Shall I drop it? (yes/no)").ask().is_some());
        assert!(read("Why did it fail? The parser dropped a byte. I mended that. It passes now.").ask().is_none());
        assert!(read("The task is complete. Is there anything else I can do for you?").ask().is_none());
        assert!(read("Let me know which of the two you want.").ask().is_some());
    }

    #[test]
    fn what_stands_in_code_asks_nothing() {
        assert!(read("I added this:\n```\n// which option?\n```").ask().is_none());
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "(?s).{0,400}") {
            let reading = read(&text);
            let _ = reading.ask();
            let _ = reading.from(0);
        }

        #[test]
        fn texts_made_of_marks_can_be_read(text in "[-*0-9a-cA-C.):?! \n`(]{0,200}") {
            let _ = read(&text).ask();
        }
    }
}
