//! A source file as the tokens that count: no comments, no documentation, nothing under `#[cfg(test)]`.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};

/// What the rules ask of a file.
pub(super) struct Source {
    /// Paths with all of their segments, use trees unrolled; inside the crate they begin with `crate`.
    paths: BTreeSet<Vec<String>>,
    /// Of these, what is only handed on: `pub use`.
    handed_on: BTreeSet<Vec<String>>,
    /// What each name stands for that a `use` brings in.
    names: BTreeMap<String, Vec<String>>,
    /// Every identifier and keyword.
    pub(super) words: BTreeSet<String>,
    /// The names of the macros that are called.
    pub(super) macros: BTreeSet<String>,
    /// Lines that hold at least a piece of a token.
    pub(super) code_lines: usize,
    /// Whether some attribute says `allow(…)`.
    pub(super) allows: bool,
}

impl Source {
    /// Reads a file which is the module of this path.
    pub(super) fn parse(module: &[String], text: &str) -> Self {
        let mut flat = Flat::default();
        flat.add(text.parse().unwrap());
        let words = flat.tokens.iter().filter_map(Token::word).map(str::to_owned).collect();
        let macros = flat.tokens.windows(2).filter_map(|pair| match pair {
            [Token::Word(name), Token::Punct('!')] => Some(name.clone()),
            _ => None,
        });
        let Paths { found, handed_on, names, .. } = Paths::new(module, &flat.tokens).collected();
        Self {
            words,
            macros: macros.collect(),
            code_lines: flat.lines.len(),
            allows: flat.allows,
            paths: found,
            handed_on,
            names,
        }
    }

    /// Every path that the code goes, without those that it only hands on.
    pub(super) fn paths_gone(&self) -> impl Iterator<Item = &[String]> {
        self.paths.difference(&self.handed_on).map(Vec::as_slice)
    }

    /// What a name stands for that a `use` brings in.
    pub(super) fn imported(&self, name: &str) -> Option<&[String]> {
        self.names.get(name).map(Vec::as_slice)
    }

    /// Paths into the crate, from the name of the top-level module on.
    pub(super) fn crate_paths(&self) -> impl Iterator<Item = &[String]> {
        self.paths.iter().filter(|path| path[0] == "crate").map(|path| &path[1..])
    }

    /// All other paths.
    pub(super) fn external_paths(&self) -> impl Iterator<Item = &[String]> {
        self.paths.iter().filter(|path| path[0] != "crate").map(Vec::as_slice)
    }
}

#[derive(PartialEq)]
enum Token {
    Word(String),
    Punct(char),
    PathSeparator,
    Literal,
    Open,
    Close,
}

impl Token {
    fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// A token stream without its nesting.
#[derive(Default)]
struct Flat {
    tokens: Vec<Token>,
    lines: BTreeSet<usize>,
    allows: bool,
}

impl Flat {
    fn add(&mut self, stream: TokenStream) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            let attribute = attribute(&trees[at..]);
            self.allows |= attribute.as_ref().is_some_and(|(content, _)| mentions_allow(content.clone()));
            match attribute {
                Some((content, length)) if content.to_string().starts_with("doc") => at += length,
                Some((content, length)) if content.to_string() == "cfg (test)" => {
                    at += length + item_length(&trees[at + length..]);
                }
                _ => {
                    self.add_tree(tree);
                    at += 1;
                }
            }
        }
    }

    fn add_tree(&mut self, tree: &TokenTree) {
        match tree {
            TokenTree::Ident(word) => self.push(Token::Word(word.to_string()), word.span()),
            TokenTree::Literal(literal) => self.push(Token::Literal, literal.span()),
            TokenTree::Punct(mark) => self.add_punct(mark.as_char(), mark.spacing(), mark.span()),
            // Groups without delimiters come from macro expansion only.
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => self.add(group.stream()),
            TokenTree::Group(group) => {
                self.push(Token::Open, group.span_open());
                self.add(group.stream());
                self.push(Token::Close, group.span_close());
            }
        }
    }

    fn add_punct(&mut self, mark: char, spacing: Spacing, span: Span) {
        match (mark, self.tokens.last()) {
            (':', Some(Token::PathSeparator)) => {}
            (':', _) if spacing == Spacing::Joint => self.push(Token::PathSeparator, span),
            _ => self.push(Token::Punct(mark), span),
        }
    }

    fn push(&mut self, token: Token, span: Span) {
        self.tokens.push(token);
        self.lines.extend(span.start().line..=span.end().line);
    }
}

/// The content of the attribute at the front, and how many trees it takes.
fn attribute(trees: &[TokenTree]) -> Option<(TokenStream, usize)> {
    let is_mark =
        |tree: &TokenTree, wanted| matches!(tree, TokenTree::Punct(mark) if mark.as_char() == wanted);
    let (group, length) = match trees {
        [hash, bang, TokenTree::Group(group), ..] if is_mark(hash, '#') && is_mark(bang, '!') => (group, 3),
        [hash, TokenTree::Group(group), ..] if is_mark(hash, '#') => (group, 2),
        _ => return None,
    };
    (group.delimiter() == Delimiter::Bracket).then(|| (group.stream(), length))
}

fn mentions_allow(content: TokenStream) -> bool {
    content.into_iter().any(|tree| match tree {
        TokenTree::Ident(word) => word == "allow",
        TokenTree::Group(group) => mentions_allow(group.stream()),
        _ => false,
    })
}

/// How many trees the item at the front takes: up to its body or its semicolon.
fn item_length(trees: &[TokenTree]) -> usize {
    let is_use = trees.iter().take(3).any(|tree| matches!(tree, TokenTree::Ident(word) if word == "use"));
    let ends = |tree: &TokenTree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !is_use,
        TokenTree::Punct(mark) => mark.as_char() == ';',
        _ => false,
    };
    trees.iter().position(ends).map_or(trees.len(), |last| last + 1)
}

/// Finds the paths in flat tokens.
struct Paths<'t> {
    tokens: &'t [Token],
    at: usize,
    /// The module that the tokens stand in, crate first.
    module: Vec<String>,
    /// For each open delimiter, whether it opened an inline module.
    opened: Vec<bool>,
    found: BTreeSet<Vec<String>>,
    handed_on: BTreeSet<Vec<String>>,
    names: BTreeMap<String, Vec<String>>,
}

/// Where a path stands.
#[derive(Clone, Copy, PartialEq)]
enum Stands {
    Code,
    Import,
    /// `pub use`, or `pub(…) use`.
    HandedOn,
}

/// Whether what begins after these tokens, the last of which is `use`, is handed on.
fn is_handed_on(before: &[Token]) -> bool {
    let visibility = before.split_last().map_or(&[][..], |(_, visibility)| visibility);
    match visibility {
        [.., Token::Word(word)] => word == "pub",
        [.., Token::Close] => {
            let open = visibility.iter().rposition(|token| *token == Token::Open).unwrap_or_default();
            open > 0 && visibility[open - 1].word() == Some("pub")
        }
        _ => false,
    }
}

impl<'t> Paths<'t> {
    fn new(module: &[String], tokens: &'t [Token]) -> Self {
        let module = [&["crate".to_owned()], module].concat();
        Self {
            tokens,
            at: 0,
            module,
            opened: Vec::new(),
            found: BTreeSet::new(),
            handed_on: BTreeSet::new(),
            names: BTreeMap::new(),
        }
    }

    fn collected(mut self) -> Self {
        while let Some(token) = self.tokens.get(self.at) {
            let before = &self.tokens[..self.at];
            let is_use = before.last().and_then(Token::word) == Some("use");
            let is_path = self.tokens.get(self.at + 1) == Some(&Token::PathSeparator);
            let stands = if !is_use {
                Stands::Code
            } else if is_handed_on(before) {
                Stands::HandedOn
            } else {
                Stands::Import
            };
            match token {
                Token::Word(_) if is_use || is_path => self.take_tree(Vec::new(), stands),
                Token::Open if is_use => self.take_tree(Vec::new(), stands),
                Token::Open => self.open(before),
                Token::Close => self.close(),
                _ => self.at += 1,
            }
        }
        self
    }

    fn open(&mut self, before: &[Token]) {
        let inline = match before {
            [.., Token::Word(keyword), Token::Word(name)] if keyword == "mod" => Some(name.clone()),
            _ => None,
        };
        self.opened.push(inline.is_some());
        self.module.extend(inline);
        self.at += 1;
    }

    fn close(&mut self) {
        if self.opened.pop() == Some(true) {
            self.module.pop();
        }
        self.at += 1;
    }

    /// Takes a path, or a use tree, that continues a path.
    fn take_tree(&mut self, mut path: Vec<String>, stands: Stands) {
        loop {
            match self.tokens.get(self.at) {
                Some(Token::PathSeparator) => {}
                Some(Token::Word(word)) => path.push(word.clone()),
                Some(Token::Open) => return self.take_branches(&path, stands),
                _ => break,
            }
            self.at += 1;
            let goes_on = matches!(self.tokens.get(self.at), Some(Token::PathSeparator))
                || matches!(self.tokens.get(self.at - 1), Some(Token::PathSeparator));
            if !goes_on {
                break;
            }
        }
        let path = self.resolve(path);
        if path.is_empty() {
            return;
        }
        if stands != Stands::Code {
            let renamed = match self.tokens.get(self.at..) {
                Some([Token::Word(keyword), Token::Word(name), ..]) if keyword == "as" => Some(name),
                _ => None,
            };
            let name = renamed.or(path.last()).cloned();
            // `a::{self}` brings in `a`.
            let target: Vec<String> = path.iter().filter(|part| *part != "self").cloned().collect();
            let name = name.filter(|name| name != "self").or_else(|| target.last().cloned());
            self.names.extend(name.map(|name| (name, target)));
        }
        if stands == Stands::HandedOn {
            self.handed_on.insert(path.clone());
        }
        self.found.insert(path);
    }

    fn take_branches(&mut self, path: &[String], stands: Stands) {
        self.at += 1;
        while let Some(token) = self.tokens.get(self.at) {
            match token {
                Token::Close => {
                    self.at += 1;
                    return;
                }
                Token::Word(word) if word == "as" => self.at += 2,
                Token::Word(_) | Token::Open => self.take_tree(path.to_vec(), stands),
                _ => self.at += 1,
            }
        }
    }

    /// The path from the crate's root, where it leads into the crate.
    fn resolve(&self, mut path: Vec<String>) -> Vec<String> {
        let supers =
            path.iter().skip_while(|part| *part == "self").take_while(|part| *part == "super").count();
        let relative = path.first().is_some_and(|part| part == "self" || part == "super");
        if path.first().is_some_and(|part| part == "keymend") {
            path[0] = "crate".to_owned();
        }
        if !relative {
            return path;
        }
        let base = &self.module[..self.module.len().saturating_sub(supers).max(1)];
        let rest = path.into_iter().skip_while(|part| part == "self" || part == "super");
        base.iter().cloned().chain(rest).collect()
    }
}
