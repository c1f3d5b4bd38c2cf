// SPDX-License-Identifier: Apache-2.0
//! Rules whose name begins with a keyword, as Rego v1 allows since OPA 1.6: `if.foo := 1`.
//!
//! The interpreter reads a keyword behind a dot, but not in front of one. In package p the rule above is
//! data.p.if.foo, just as the rule `foo := 1` of package p.if would be. So such rules move into modules of
//! such packages, and other mentions of `if.foo` become data.p.if.foo. Lines keep their numbers.
//!
//! In another package a name means something else. A rule that mentions a rule of its own module, or
//! one that moved along, stays where it is, and the interpreter refuses the policy as it always did.

use std::collections::{BTreeMap, BTreeSet};

const KEYWORDS: [&str; 15] = [
    "as", "contains", "default", "else", "every", "false", "if", "import", "in", "not", "null", "package",
    "some", "true", "with",
];

/// The module without those rules, and one of each keyword. None if there are none, or it is not clear.
pub fn split(text: &str) -> Option<Vec<String>> {
    let statements = statements(text);
    if !words(text).iter().any(|word| word.roots_in_keyword()) {
        return None;
    }
    let package = statements.iter().find_map(|part| part.strip_prefix("package "))?;
    let package = package.split('#').next()?.trim();
    let heads: Vec<Option<&str>> = statements.iter().map(|part| head(part)).collect();
    let names: BTreeSet<&str> = heads.iter().copied().flatten().collect();
    let along = moving(&statements, &heads);
    let mut modules = BTreeMap::from([("", String::new())]);
    for keyword in names.iter().copied().filter(|name| KEYWORDS.contains(name)) {
        modules.insert(keyword, String::new());
    }
    for (part, head) in statements.iter().zip(&heads) {
        let home = head.filter(|name| KEYWORDS.contains(name)).unwrap_or("");
        let text = match home {
            "" => qualified(part, package, 0),
            keyword => moved(part, package, keyword, &names, &along[keyword])?,
        };
        let lines = "\n".repeat(part.matches('\n').count());
        for (keyword, module) in &mut modules {
            match *keyword {
                same if same == home => module.push_str(&text),
                inner if part.starts_with("package ") => {
                    module.push_str(&format!("package {package}.{inner}{lines}"));
                }
                inner if part.starts_with("import ") => {
                    let import = part.split('#').next()?.trim_end();
                    let name = words(import).last()?.text;
                    if name == inner {
                        return None; // it is what the keyword stands for
                    }
                    module.push_str(part);
                }
                _ => module.push_str(&lines),
            }
        }
    }
    Some(modules.into_values().collect())
}

pub struct Word<'a> {
    pub text: &'a str,
    pub at: usize,
    pub root: bool, // no dot in front of it
    dotted: bool,   // a dot and a name behind it
}

impl Word<'_> {
    fn roots_in_keyword(&self) -> bool {
        self.root && self.dotted && KEYWORDS.contains(&self.text)
    }
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where a string or comment that begins at `at` ends.
pub fn skipped(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let quote = rest.chars().next()?;
    match quote {
        '#' => Some(at + rest.find('\n').unwrap_or(rest.len())),
        '`' => Some(at + 1 + rest[1..].find('`').map_or(rest.len() - 1, |end| end + 1)),
        '"' => {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find(|(_, c)| {
                let found = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                found
            });
            Some(at + end.map_or(rest.len(), |(end, _)| end + 1))
        }
        _ => None,
    }
}

/// The words outside of strings and comments.
pub fn words(text: &str) -> Vec<Word<'_>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(c) = text[at..].chars().next() {
        if let Some(end) = skipped(text, at) {
            at = end;
        } else if is_word(c) {
            let rest = &text[at..];
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let behind = rest[end..].strip_prefix('.').and_then(|rest| rest.chars().next());
            let dotted = behind.is_some_and(is_word);
            found.push(Word { text: &rest[..end], at, root: !text[..at].ends_with('.'), dotted });
            at += end;
        } else {
            at += c.len_utf8();
        }
    }
    found
}

/// The text in pieces: a new one begins where a line outside of all brackets begins with a word.
pub fn statements(text: &str) -> Vec<&str> {
    let (mut found, mut begun, mut at, mut depth) = (Vec::new(), 0, 0, 0_i32);
    while let Some(c) = text[at..].chars().next() {
        let first = at == 0 || text[..at].ends_with('\n');
        let goes_on = text[at..].starts_with("else ") || text[at..].starts_with("else:");
        if first && depth == 0 && is_word(c) && !goes_on && at > begun {
            found.push(&text[begun..at]);
            begun = at;
        }
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        at = skipped(text, at).unwrap_or(at + c.len_utf8());
    }
    found.push(&text[begun..]);
    found
}

/// The first part of the name of the rule that this is.
fn head(part: &str) -> Option<&str> {
    let words = words(part);
    let name = match words.first()? {
        word if word.at > 0 => return None,
        word if word.dotted => word,
        word if word.text == "default" => words.get(1)?,
        word if matches!(word.text, "package" | "import") => return None,
        word => word,
    };
    Some(name.text)
}

/// With data.p.if.foo instead of if.foo, from `from` on.
fn qualified(part: &str, package: &str, from: usize) -> String {
    let (mut out, mut copied) = (String::new(), 0);
    for word in words(part).iter().filter(|word| word.at >= from && word.roots_in_keyword()) {
        out.push_str(&part[copied..word.at]);
        out.push_str(&format!("data.{package}."));
        copied = word.at;
    }
    out + &part[copied..]
}

/// By keyword, the names of the rules that move into its package.
fn moving<'a>(all: &[&'a str], heads: &[Option<&'a str>]) -> BTreeMap<&'a str, Names<'a>> {
    let mut found: BTreeMap<&str, Names<'_>> = BTreeMap::new();
    for (part, keyword) in all.iter().zip(heads) {
        let Some(keyword) = keyword.filter(|name| KEYWORDS.contains(name)) else { continue };
        let words = words(part);
        let place = words.iter().position(|word| word.root && word.text == keyword);
        let name = place.and_then(|place| words.get(place + 1));
        found.entry(keyword).or_default().extend(name.map(|word| word.text));
    }
    found
}

type Names<'a> = BTreeSet<&'a str>;

/// The rule as it is in the keyword's package.
fn moved(part: &str, package: &str, keyword: &str, names: &Names<'_>, along: &Names<'_>) -> Option<String> {
    let words = words(part);
    let place = words.iter().position(|word| word.roots_in_keyword())?;
    let clash = words[place + 2..].iter().any(|word| {
        let mentions = names.contains(word.text) || along.contains(word.text);
        word.root && !KEYWORDS.contains(&word.text) && mentions
    });
    if clash {
        return None;
    }
    let at = words[place].at;
    let text = qualified(part, package, at + 1);
    Some(format!("{}{}", &text[..at], &text[at + keyword.len() + 1..]))
}
