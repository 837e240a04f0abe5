//! Characters to tokens: quotes, escapes, substitutions, operators, here-documents.

use super::{Piece, Script, Word, parse::parse_at};

/// Nesting of substitutions and groups beyond which a script is unclear.
pub(super) const MAX_DEPTH: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word, and whether any of it was quoted or escaped (such a word is never a keyword or an assignment).
    Word { word: Word, quoted: bool },
    /// `;`, `&`, `&&`, `||`, `|`, `|&`, `(`, `)`, a line's end as `;`.
    Operator(&'static str),
    /// A redirection's operator, with the stream number that stood before it dropped.
    Redirect(&'static str),
    /// The text of a here-document, in the order of their `<<`.
    HereDocument(Word),
}

pub(super) struct Lexer {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    /// Here-documents whose text begins on the next line: (end word, expands).
    waiting: Vec<(String, bool, usize)>,
    pub(super) tokens: Vec<Token>,
    pub(super) unclear: bool,
}

/// Longest first.
const OPERATORS: [&str; 10] = ["&&", "||", "|&", ";;", ";", "&", "|", "(", ")", "\n"];
const REDIRECTS: [&str; 12] = ["&>>", "<<<", "<<-", "&>", ">>", ">&", ">|", "<<", "<&", "<>", ">", "<"];

impl Lexer {
    pub(super) fn new(text: &str, depth: usize) -> Lexer {
        Lexer { chars: text.chars().collect(), at: 0, depth, waiting: Vec::new(), tokens: Vec::new(), unclear: false }
    }

    pub(super) fn run(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' => self.at += 1,
                '\\' if self.ahead(1) == Some('\n') => self.at += 2,
                '#' => self.comment(),
                '\n' => {
                    self.at += 1;
                    self.tokens.push(Token::Operator(";"));
                    self.here_documents();
                }
                _ => self.token(),
            }
        }
        if !self.waiting.is_empty() {
            self.unclear = true;
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn ahead(&self, n: usize) -> Option<char> {
        self.chars.get(self.at + n).copied()
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.ahead(i) == Some(c))
    }

    fn comment(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }

    fn token(&mut self) {
        let digits = self.chars[self.at..].iter().take_while(|c| c.is_ascii_digit()).count();
        if digits > 0 && matches!(self.ahead(digits), Some('<' | '>')) {
            self.at += digits;
        }
        let process = self.starts_with("<(") || self.starts_with(">(");
        if !process {
            if let Some(op) = REDIRECTS.iter().find(|op| self.starts_with(op)) {
                self.at += op.len();
                self.redirect(op);
                return;
            }
            if let Some(op) = OPERATORS.iter().find(|op| self.starts_with(op)) {
                self.at += op.len();
                self.tokens.push(Token::Operator(op));
                return;
            }
        }
        let (word, quoted) = self.word();
        self.tokens.push(Token::Word { word, quoted });
    }

    fn redirect(&mut self, op: &'static str) {
        self.tokens.push(Token::Redirect(op));
        if op != "<<" && op != "<<-" {
            return;
        }
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.at += 1;
        }
        let (end, quoted) = self.word();
        match end.literal_or_glob() {
            Some(end) if !end.is_empty() => {
                self.tokens.push(Token::HereDocument(Word::default()));
                self.waiting.push((end, !quoted, self.tokens.len() - 1));
            }
            _ => self.unclear = true,
        }
    }

    /// Takes the lines of the here-documents that were announced on the line just ended.
    fn here_documents(&mut self) {
        for (end, expands, slot) in std::mem::take(&mut self.waiting) {
            let mut body = String::new();
            let mut closed = false;
            while self.at < self.chars.len() {
                let line: String = self.chars[self.at..].iter().take_while(|c| **c != '\n').collect();
                self.at = (self.at + line.chars().count() + 1).min(self.chars.len());
                if line.trim_start_matches('\t').trim_end_matches('\r') == end {
                    closed = true;
                    break;
                }
                body.push_str(&line);
                body.push('\n');
            }
            self.unclear |= !closed;
            let word = if expands { self.expanded(&body) } else { Word::text(body) };
            self.tokens[slot] = Token::HereDocument(word);
        }
    }

    /// The text of an unquoted here-document: variables and substitutions count, quotes do not.
    fn expanded(&mut self, body: &str) -> Word {
        let mut inner = Lexer::new(body, self.depth);
        let mut word = Word::default();
        inner.quoted_until(None, &mut word);
        self.unclear |= inner.unclear;
        word
    }

    fn word(&mut self) -> (Word, bool) {
        let mut word = Word::default();
        let mut quoted = false;
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | ')' => break,
                '(' => {
                    // `name=(…)`, `name()`, an extended glob: not modelled.
                    self.unclear = true;
                    break;
                }
                '<' | '>' if self.ahead(1) == Some('(') => {
                    self.at += 2;
                    self.substitution(&mut word);
                    self.unclear = true;
                }
                '<' | '>' => break,
                '\'' => {
                    self.at += 1;
                    quoted = true;
                    self.single(&mut word);
                }
                '"' => {
                    self.at += 1;
                    quoted = true;
                    self.quoted_until(Some('"'), &mut word);
                }
                '\\' => {
                    quoted = true;
                    self.escape(&mut word);
                }
                '$' => self.dollar(&mut word, false),
                '`' => self.backquote(&mut word),
                '*' | '?' | '[' => {
                    self.at += 1;
                    word.pieces.push(Piece::Glob(c));
                }
                '{' if self.braces() => {
                    // `{a,b}` makes several words: each is text that was written, so a scan sees it, but none is literal.
                    self.at += 1;
                    word.pieces.push(Piece::Opaque("{".into()));
                }
                _ => {
                    self.at += 1;
                    push(&mut word, c);
                }
            }
        }
        if word.pieces.is_empty() && quoted {
            word.pieces.push(Piece::Text(String::new()));
        }
        if word.pieces.is_empty() && !quoted {
            // Nothing was taken: step over the character, so that the loop ends.
            self.unclear = true;
            self.at += 1;
        }
        (word, quoted)
    }

    /// Whether the `{` here opens a list such as `{a,b}` or `{1..3}`.
    fn braces(&self) -> bool {
        let rest: String = self.chars[self.at..].iter().take_while(|c| !c.is_whitespace()).take(200).collect();
        rest.find('}').is_some_and(|end| rest[..end].contains(',') || rest[..end].contains(".."))
    }

    fn escape(&mut self, word: &mut Word) {
        self.at += 1;
        match self.peek() {
            Some('\n') => self.at += 1,
            Some(c) => {
                self.at += 1;
                push(word, c);
            }
            None => self.unclear = true,
        }
    }

    fn single(&mut self, word: &mut Word) {
        let mut text = String::new();
        loop {
            match self.peek() {
                None => {
                    self.unclear = true;
                    break;
                }
                Some('\'') => {
                    self.at += 1;
                    break;
                }
                Some(c) => {
                    self.at += 1;
                    text.push(c);
                }
            }
        }
        word.pieces.push(Piece::Text(text));
    }

    /// Text in double quotes (or to the end, for here-documents).
    fn quoted_until(&mut self, end: Option<char>, word: &mut Word) {
        word.pieces.push(Piece::Text(String::new()));
        loop {
            let Some(c) = self.peek() else {
                self.unclear |= end.is_some();
                return;
            };
            match c {
                _ if Some(c) == end => {
                    self.at += 1;
                    return;
                }
                '\\' if matches!(self.ahead(1), Some('$' | '`' | '"' | '\\')) => {
                    push(word, self.ahead(1).unwrap_or('\\'));
                    self.at += 2;
                }
                '\\' if self.ahead(1) == Some('\n') => self.at += 2,
                '$' => self.dollar(word, true),
                '`' => self.backquote(word),
                _ => {
                    self.at += 1;
                    push(word, c);
                }
            }
        }
    }

    fn dollar(&mut self, word: &mut Word, in_quotes: bool) {
        match self.ahead(1) {
            Some('(') if self.ahead(2) == Some('(') => {
                let text = self.balanced('(', ')', 1);
                self.unclear |= !is_arithmetic(&text);
                self.inner_commands(&text, word);
                word.pieces.push(Piece::Opaque(format!("${text}")));
            }
            Some('(') => {
                self.at += 2;
                self.substitution(word);
            }
            Some('{') => {
                let text = self.balanced('{', '}', 1);
                let name = &text[1..text.len().saturating_sub(1).max(1)];
                if is_name(name) {
                    word.pieces.push(Piece::Variable(name.to_owned()));
                } else {
                    self.inner_commands(&text, word);
                    word.pieces.push(Piece::Opaque(format!("${text}")));
                }
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                self.at += 1;
                let name: String =
                    self.chars[self.at..].iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').collect();
                self.at += name.len();
                word.pieces.push(Piece::Variable(name));
            }
            Some(c) if c.is_ascii_digit() || "?!#$@*-".contains(c) => {
                self.at += 2;
                word.pieces.push(Piece::Variable(c.to_string()));
            }
            Some('\'') if !in_quotes => {
                // `$'\x72m'` spells any text: its value is not worked out.
                self.at += 2;
                let mut text = Word::default();
                self.single(&mut text);
                self.unclear = true;
                word.pieces.push(Piece::Opaque(text.display()));
            }
            _ => {
                self.at += 1;
                push(word, '$');
            }
        }
    }

    /// The text from the bracket that stands `skip` ahead to the one that closes it, both included.
    fn balanced(&mut self, open: char, close: char, skip: usize) -> String {
        self.at += skip;
        let mut text = String::new();
        let mut level = 0usize;
        while let Some(c) = self.peek() {
            self.at += 1;
            text.push(c);
            if c == open {
                level += 1;
            } else if c == close {
                level -= 1;
                if level == 0 {
                    return text;
                }
            }
        }
        self.unclear = true;
        text.push(close);
        text
    }

    /// Command substitutions inside text that is otherwise opaque.
    fn inner_commands(&mut self, text: &str, word: &mut Word) {
        let inside: String = text.chars().skip(1).collect();
        if !inside.contains("$(") && !inside.contains('`') {
            return;
        }
        self.unclear = true;
        if self.depth < MAX_DEPTH {
            let script = parse_at(&inside.replace(['$', '{', '}', '`'], " "), self.depth + 1).0;
            word.pieces.push(Piece::Command(script));
        }
    }

    /// `$(…)`, after its opening bracket.
    fn substitution(&mut self, word: &mut Word) {
        if self.depth >= MAX_DEPTH {
            self.unclear = true;
            self.at = self.chars.len();
            return;
        }
        let rest: String = self.chars[self.at..].iter().collect();
        let (script, used, closed) = parse_until_bracket(&rest, self.depth + 1);
        self.at = (self.at + used).min(self.chars.len());
        self.unclear |= !closed;
        word.pieces.push(Piece::Command(script));
    }

    fn backquote(&mut self, word: &mut Word) {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => {
                    self.unclear = true;
                    break;
                }
                Some('`') => {
                    self.at += 1;
                    break;
                }
                Some('\\') if matches!(self.ahead(1), Some('`' | '\\' | '$')) => {
                    text.push(self.ahead(1).unwrap_or('\\'));
                    self.at += 2;
                }
                Some(c) => {
                    self.at += 1;
                    text.push(c);
                }
            }
        }
        if self.depth >= MAX_DEPTH {
            self.unclear = true;
            return;
        }
        word.pieces.push(Piece::Command(parse_at(&text, self.depth + 1).0));
    }

    /// Lexes up to the bracket that closes a substitution; returns the characters used and whether it was there.
    fn run_until_bracket(&mut self) -> bool {
        let mut level = 0usize;
        while let Some(c) = self.peek() {
            let before = self.tokens.len();
            match c {
                ' ' | '\t' | '\r' => self.at += 1,
                '\\' if self.ahead(1) == Some('\n') => self.at += 2,
                '#' => self.comment(),
                '\n' => {
                    self.at += 1;
                    self.tokens.push(Token::Operator(";"));
                    self.here_documents();
                }
                ')' if level == 0 => {
                    self.at += 1;
                    self.unclear |= !self.waiting.is_empty();
                    return true;
                }
                _ => self.token(),
            }
            for token in &self.tokens[before..] {
                match token {
                    Token::Operator("(") => level += 1,
                    Token::Operator(")") => level = level.saturating_sub(1),
                    _ => {}
                }
            }
        }
        false
    }
}

fn parse_until_bracket(text: &str, depth: usize) -> (Script, usize, bool) {
    let mut lexer = Lexer::new(text, depth);
    let closed = lexer.run_until_bracket();
    let used = lexer.at;
    (super::parse::from_tokens(lexer.tokens, lexer.unclear, depth), used, closed)
}

fn push(word: &mut Word, c: char) {
    if let Some(Piece::Text(text)) = word.pieces.last_mut() {
        text.push(c);
    } else {
        word.pieces.push(Piece::Text(c.to_string()));
    }
}

/// Whether the text between `$(` and `)` can only be arithmetic. The shell takes `$((echo a); b)` as commands; those
/// have words side by side, or separators.
fn is_arithmetic(text: &str) -> bool {
    let operand = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let plain = text.chars().all(|c| operand(c) || " +-*/%<>=!&|^~?:,()$".contains(c));
    let mut words = text.split(' ').filter(|w| !w.is_empty()).peekable();
    let mut apart = true;
    while let Some(word) = words.next() {
        apart &= !(word.ends_with(operand) && words.peek().is_some_and(|next| next.starts_with(operand)));
    }
    plain && apart
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
