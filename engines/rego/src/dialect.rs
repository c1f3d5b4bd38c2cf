// SPDX-License-Identifier: Apache-2.0
//! Two spellings of Rego v1 that the interpreter does not read, put into ones that it does.
//!
//!   $"of {x} and {y}"   internal.template_string(["of ", {t | t := x}, " and ", {t | t := y}]),
//!                       which is what OPA's compiler makes of it
//!   f(a, b, x)          a call of one of our functions that takes the result as its last argument:
//!                       x = f(a, b)
//!
//! None of them means anything else to the interpreter: it refuses both. So a policy that it reads
//! is never changed. Lines keep their numbers; columns behind a change move.

use crate::builtins;

const NESTING_MAX: usize = 32; // the interpreter's own limit of expressions

/// None if there is nothing to change, or it cannot be understood: then let the interpreter say why.
pub fn translate(text: &str) -> Option<String> {
    let mut reader = Reader { text, at: 0, templates: 0, changed: false };
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    reader.until(&mut out, &[], NESTING_MAX)?;
    reader.changed.then_some(out)
}

struct Reader<'a> {
    text: &'a str,
    at: usize, // octets read
    templates: usize,
    changed: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, octets: usize) -> &'a str {
        let taken = &self.text[self.at..self.at + octets];
        self.at += octets;
        taken
    }

    /// Copies up to one of `ends`, which stays, or to the end of the text if there are none.
    fn until(&mut self, out: &mut String, ends: &[char], depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        while let Some(next) = self.peek() {
            if ends.contains(&next) {
                return Some(());
            }
            match next {
                '#' => out.push_str(self.take(self.rest().find('\n').unwrap_or(self.rest().len()))),
                '"' | '`' => self.plain_string(out, next)?,
                '$' => self.template(out, depth)?,
                '(' => self.bracketed(out, ')', depth)?,
                '[' => self.bracketed(out, ']', depth)?,
                '{' => self.bracketed(out, '}', depth)?,
                c if c.is_alphabetic() || c == '_' => self.path(out, depth)?,
                c if c.is_ascii_digit() => self.number(out),
                c => out.push_str(self.take(c.len_utf8())),
            }
        }
        ends.is_empty().then_some(())
    }

    fn bracketed(&mut self, out: &mut String, end: char, depth: usize) -> Option<()> {
        out.push_str(self.take(1));
        self.until(out, &[end], depth)?;
        out.push_str(self.take(1));
        Some(())
    }

    fn plain_string(&mut self, out: &mut String, quote: char) -> Option<()> {
        let mut escaped = false;
        for (i, c) in self.rest().char_indices().skip(1) {
            if c == quote && !escaped {
                out.push_str(self.take(i + 1));
                return Some(());
            }
            escaped = quote == '"' && c == '\\' && !escaped;
        }
        None
    }

    /// So that "1.in" is no path.
    fn number(&mut self, out: &mut String) {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '.').unwrap_or(rest.len());
        out.push_str(self.take(end));
    }

    fn word(&self, from: usize) -> &'a str {
        let rest = &self.text[from..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    }

    /// A name, with what follows it in dots, and perhaps the call of one of our functions.
    fn path(&mut self, out: &mut String, depth: usize) -> Option<()> {
        let begun = self.at;
        let mut path = String::from(self.take(self.word(begun).len()));
        while self.rest().starts_with('.') {
            let octets = 1 + self.word(self.at + 1).len();
            path.push_str(self.take(octets));
        }
        match builtins::arguments_of(&path) {
            Some(arguments) if self.rest().starts_with('(') => self.call(out, &path, arguments, depth),
            _ => {
                out.push_str(&path);
                Some(())
            }
        }
    }

    fn call(&mut self, out: &mut String, path: &str, arguments: usize, depth: usize) -> Option<()> {
        let (mut given, begun) = (Vec::new(), self.at);
        self.take(1);
        loop {
            let mut argument = String::new();
            self.until(&mut argument, &[',', ')'], depth)?;
            given.push(argument);
            if self.take(1) == ")" {
                break;
            }
        }
        // a comma may follow the last
        if given.len() > 1 && given.last().is_some_and(|last| last.trim().is_empty()) {
            given.pop();
        }
        if given.len() == arguments + 1 && arguments > 0 {
            let result = given.pop()?;
            self.changed = true;
            let call = format!("{} = {path}({}", result.trim(), given.join(","));
            let lines = self.text[begun..self.at].matches('\n').count() - call.matches('\n').count();
            out.push_str(&call);
            out.push_str(&"\n".repeat(lines)); // so that the next keeps its number
            out.push(')');
            return Some(());
        }
        out.push_str(&format!("{path}({})", given.join(",")));
        Some(())
    }

    /// What stands behind the "$".
    fn template(&mut self, out: &mut String, depth: usize) -> Option<()> {
        let raw = match self.text[self.at..].as_bytes() {
            [b'$', b'"', ..] => false,
            [b'$', b'`', ..] => true,
            _ => return None,
        };
        let begun = self.at;
        self.take(2);
        let mut parts = Vec::new();
        loop {
            let text = self.template_text(raw)?;
            if !text.is_empty() {
                parts.push(format!("\"{text}\""));
            }
            if self.take(1) != "{" {
                break;
            }
            let mut inner = String::new();
            self.until(&mut inner, &['}'], depth)?;
            self.take(1);
            self.templates += 1;
            let name = format!("template_{}__", self.templates);
            let lone = inner.trim().replace('\n', " ");
            parts.push(format!("{{{name} | {name} := {lone}}}"));
        }
        self.changed = true;
        let lines = self.text[begun..self.at].matches('\n').count();
        out.push_str(&format!("internal.template_string([{}]{})", parts.join(", "), "\n".repeat(lines)));
        Some(())
    }

    /// Up to the "{" or the end of the template, which stay, as the inside of a plain string.
    fn template_text(&mut self, raw: bool) -> Option<String> {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            match c {
                '{' => return Some(text),
                '`' if raw => return Some(text),
                '"' if !raw => return Some(text),
                '\\' if self.rest().starts_with("\\{") => text.push_str(&self.take(2)[1..]),
                '\\' if !raw => {
                    let escaped = self.rest().chars().nth(1)?;
                    text.push_str(self.take(1 + escaped.len_utf8()));
                }
                '\n' if raw => text.push_str(self.newline()),
                '"' | '\\' => {
                    text.push('\\');
                    text.push_str(self.take(1));
                }
                '\t' if raw => {
                    self.take(1);
                    text.push_str("\\t");
                }
                '\r' if raw => {
                    self.take(1);
                    text.push_str("\\r");
                }
                other => text.push_str(self.take(other.len_utf8())),
            }
        }
        None
    }

    fn newline(&mut self) -> &'static str {
        self.take(1);
        "\\n"
    }
}
