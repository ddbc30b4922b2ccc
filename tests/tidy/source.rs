//! One source file as tokens, each with its line and whether it is test code.

use proc_macro2::{Delimiter, Punct, Spacing, TokenStream, TokenTree};

/// A source file.
#[derive(Debug)]
pub struct Source {
    /// Its path under `src/` or `tests/`, with `/`.
    pub path: String,
    /// Its lines.
    pub lines: Vec<String>,
    /// Its tokens in order: words, `::`, single signs, brackets; no comments, literals as `""`.
    pub tokens: Vec<Token>,
    /// How many lines are test code.
    pub test_lines: usize,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
    /// Inside an item under `#[cfg(test)]`.
    pub is_test: bool,
}

impl Source {
    /// Reads a file.
    pub fn parse(path: &str, text: &str) -> Source {
        let path = path.replace('\\', "/");
        let stream: TokenStream =
            text.parse().unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        let is_test = path.ends_with("tests.rs") || path.contains("tests/");
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let test_lines = if is_test { lines.len() } else { 0 };
        let mut source = Source { path, lines, tokens: Vec::new(), test_lines };
        source.flatten(stream, is_test);
        source
    }

    /// The module under the crate root that the file belongs to.
    pub fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or(&self.path);
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How many modules deep the file lies: 0 for `lib.rs`, 1 for `sip/mod.rs`, 2 for `sip/sdp.rs`.
    pub fn depth(&self) -> usize {
        let own = ["lib.rs", "main.rs", "mod.rs"];
        let steps: Vec<&str> = self.path.split('/').collect();
        steps.len() - usize::from(steps.last().is_some_and(|last| own.contains(last)))
    }

    fn flatten(&mut self, stream: TokenStream, is_test: bool) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut index = 0;
        while index < trees.len() {
            if !is_test && is_cfg_test(&trees[index..]) {
                let length = item_length(&trees[index..]);
                let item = &trees[index..index + length];
                let first = item[0].span().start().line;
                let last = item[length - 1].span().end().line;
                self.test_lines += last - first + 1;
                self.flatten(item.iter().cloned().collect(), true);
                index += length;
            } else {
                self.push(&trees[index], is_test);
                index += 1;
            }
        }
    }

    fn push(&mut self, tree: &TokenTree, is_test: bool) {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Ident(word) => self.token(&word.to_string(), line, is_test),
            TokenTree::Literal(_) => self.token("\"\"", line, is_test),
            TokenTree::Punct(sign) => self.sign(sign, line, is_test),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::None => ("", ""),
                };
                self.token(open, line, is_test);
                self.flatten(group.stream(), is_test);
                self.token(close, group.span_close().start().line, is_test);
            }
        }
    }

    /// A sign of its own, except that two colons in a row are one token.
    fn sign(&mut self, sign: &Punct, line: usize, is_test: bool) {
        let is_colon = sign.as_char() == ':';
        match self.tokens.last_mut() {
            Some(last) if is_colon && last.text == HALF_PATH_SIGN => last.text = "::".to_owned(),
            _ if is_colon && sign.spacing() == Spacing::Joint => {
                self.token(HALF_PATH_SIGN, line, is_test);
            }
            _ => self.token(&sign.to_string(), line, is_test),
        }
    }

    fn token(&mut self, text: &str, line: usize, is_test: bool) {
        self.tokens.push(Token { text: text.to_owned(), line, is_test });
    }
}

/// Stands for the first colon of `::` until the second comes.
const HALF_PATH_SIGN: &str = ": ";

fn is_cfg_test(trees: &[TokenTree]) -> bool {
    let [TokenTree::Punct(sign), TokenTree::Group(group), ..] = trees else { return false };
    sign.as_char() == '#' && group.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// How many trees an item with its attributes has: up to a `;` or a block.
fn item_length(trees: &[TokenTree]) -> usize {
    let ends = |tree: &TokenTree| match tree {
        TokenTree::Punct(sign) => sign.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    };
    trees.iter().position(ends).map_or(trees.len(), |index| index + 1)
}

#[test]
fn comments_and_texts_are_no_tokens_and_test_modules_are_known() {
    let text = "// crate::sip\nlet a = \"crate::sip\"; b::c('x');\n\
                #[cfg(test)]\nmod tests {\n  fn f() {}\n}\nfn g() {}\n";
    let source = Source::parse("call/engine.rs", text);
    let words: Vec<&str> = source.tokens.iter().map(|token| token.text.as_str()).collect();
    assert_eq!(words[..9], ["let", "a", "=", "\"\"", ";", "b", "::", "c", "("]);
    let at = |word: &str| source.tokens.iter().find(|token| token.text == word).expect(word);
    assert!(at("tests").is_test && at("f").is_test && !at("g").is_test && !at("c").is_test);
    assert_eq!((at("c").line, at("g").line, source.test_lines), (2, 7, 4));
    assert_eq!((source.module(), source.depth()), ("call", 2));
    assert_eq!(Source::parse("lib.rs", "").depth(), 0);
    assert_eq!(Source::parse("number.rs", "").depth(), 1);
    assert_eq!(Source::parse("sip/wire/mod.rs", "").depth(), 2);
}
