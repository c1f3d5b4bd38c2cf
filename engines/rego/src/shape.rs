// SPDX-License-Identifier: Apache-2.0
//! Policy text whose shape the interpreter's parser does not survive is refused before it sees it.
//!
//! The parser and what walks its trees call themselves: for each bracket and sign in front of an operand,
//! and for each operator and dot of an expression, as `a + b + c` is a tree of that height. Nothing
//! catches a full stack. The parser also reads the first item of each `[` and `{` twice, as it may be a
//! comprehension: n of them in each other cost 2^n. And it makes a number of any exponent, digit by digit.
//!
//! This counts tokens alone and errs on the side of more: text that it takes for an operator too many is
//! no harm below a thousand of them.

use crate::fault::{Fault, Outcome, EFBIG};
use crate::keyword_rules::{is_word, skipped};
use crate::numbers::oversized;

const BRACKETS_MAX: usize = 16; // in each other
const SIGNS_MAX: usize = 32; // in front of operands, in each other
const HEIGHT_MAX: usize = 1000; // operators, dots and brackets of an expression, along the longest way
const COST_MAX: u64 = 4 << 20; // tokens, each as often as it is read

/// Words that begin something new.
const BREAKS: [&str; 12] =
    ["as", "contains", "default", "else", "every", "if", "import", "not", "null", "package", "some", "with"];

#[derive(Clone, Copy, PartialEq)]
enum Last {
    Nothing,
    Operand,
    Operator,
    Dot,
}

/// What stands between two brackets, or outside of all.
struct Level {
    height: usize,  // of the expression so far
    tallest: usize, // of those before it
    signs: usize,
    cost: u64,     // how often a token here is read
    literal: bool, // and its first item once more
}

impl Level {
    fn new(cost: u64, literal: bool) -> Self {
        Level { height: 0, tallest: 0, signs: 0, cost, literal }
    }

    fn cost(&self) -> u64 {
        self.cost << u32::from(self.literal)
    }

    fn end_expression(&mut self) {
        self.tallest = self.tallest.max(self.height);
        self.height = 0;
        self.signs = 0;
    }
}

/// Says where it is too much.
pub fn refuse(text: &str) -> Outcome<()> {
    let mut shape = Shape { levels: vec![], here: Level::new(1, false), last: Last::Nothing, cost: 0 };
    let (mut at, mut newline) = (0, false);
    while let Some(c) = text[at..].chars().next() {
        let end = token_end(text, at, c);
        if c.is_whitespace() || c == '#' {
            newline |= c == '\n' || c == '#';
        } else {
            let taken = shape.take(&text[at..end], c, newline);
            taken.map_err(|why| at_line(why, &text[..at]))?;
            newline = false;
        }
        at = end;
    }
    Ok(())
}

fn at_line(why: String, before: &str) -> Fault {
    let mut fault = Fault::new(EFBIG, why);
    fault.line = before.matches('\n').count() as u32 + 1;
    fault
}

fn token_end(text: &str, at: usize, c: char) -> usize {
    let rest = &text[at..];
    if let Some(end) = skipped(text, at) {
        end
    } else if c.is_ascii_digit() {
        at + number_octets(rest)
    } else if is_word(c) {
        at + rest.find(|c| !is_word(c)).unwrap_or(rest.len())
    } else if is_operator(c) {
        at + rest.find(|c| !is_operator(c)).unwrap_or(rest.len())
    } else {
        at + c.len_utf8()
    }
}

/// As the interpreter's lexer has it: digits, perhaps a fraction, perhaps an exponent.
fn number_octets(rest: &str) -> usize {
    let digits = |from: usize| {
        let part = rest.get(from..).unwrap_or("");
        from + part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len())
    };
    let mut end = digits(0);
    if rest[end..].starts_with('.') && digits(end + 1) > end + 1 {
        end = digits(end + 1);
    }
    if rest[end..].starts_with(['e', 'E']) {
        let begun = end + 1 + usize::from(rest[end + 1..].starts_with(['+', '-']));
        if digits(begun) > begun {
            end = digits(begun);
        }
    }
    end
}

fn is_operator(c: char) -> bool {
    matches!(c, '+' | '*' | '/' | '%' | '&' | '|' | '<' | '>' | '=' | '!')
}

struct Shape {
    levels: Vec<Level>, // around `here`
    here: Level,
    last: Last,
    cost: u64,
}

impl Shape {
    fn take(&mut self, token: &str, c: char, newline: bool) -> Result<(), String> {
        self.cost += self.here.cost();
        if self.cost > COST_MAX {
            return Err("literals in each other, too many to be read".into());
        }
        match c {
            '(' | '[' | '{' => return self.open(c, newline),
            ')' | ']' | '}' => return self.close(),
            ',' => {
                self.here.literal = false; // the first item is over
                self.separate();
            }
            ';' | ':' => self.separate(),
            '.' => return self.grow(Last::Dot),
            '-' if self.last == Last::Operand => return self.grow(Last::Operator),
            '-' => return self.sign(),
            _ if is_operator(c) => return self.grow(Last::Operator),
            _ if c.is_ascii_digit() && oversized(token) => return Err("the number is too long".into()),
            _ if self.last == Last::Dot => self.last = Last::Operand,
            _ if token == "in" => return self.grow(Last::Operator),
            _ if BREAKS.contains(&token) => self.separate(),
            _ => self.operand(),
        }
        Ok(())
    }

    fn separate(&mut self) {
        self.here.end_expression();
        self.last = Last::Nothing;
    }

    /// Two in a row: the second begins an expression.
    fn operand(&mut self) {
        if self.last == Last::Operand {
            self.here.end_expression();
        }
        self.last = Last::Operand;
    }

    fn grow(&mut self, last: Last) -> Result<(), String> {
        self.last = last;
        self.here.height += 1;
        match self.here.height > HEIGHT_MAX {
            true => Err(format!("more than {HEIGHT_MAX} operators and dots in an expression")),
            false => Ok(()),
        }
    }

    fn sign(&mut self) -> Result<(), String> {
        self.here.signs += 1;
        let signs = self.levels.iter().map(|level| level.signs).sum::<usize>() + self.here.signs;
        match signs > SIGNS_MAX {
            true => Err(format!("more than {SIGNS_MAX} signs in front of operands")),
            false => self.grow(Last::Operator),
        }
    }

    fn open(&mut self, c: char, newline: bool) -> Result<(), String> {
        // a call or an index; else it begins something
        let link = self.last == Last::Operand && (c == '(' || c == '[' && !newline);
        match link {
            true => self.grow(Last::Operand)?,
            false => self.operand(),
        }
        if self.levels.len() >= BRACKETS_MAX {
            return Err(format!("brackets nested deeper than {BRACKETS_MAX}"));
        }
        let inner = Level::new(self.here.cost(), c != '(' && !link);
        self.levels.push(std::mem::replace(&mut self.here, inner));
        self.last = Last::Nothing;
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(outer) = self.levels.pop() else { return Ok(()) }; // the parser will say so
        let inner = std::mem::replace(&mut self.here, outer);
        self.here.height = self.here.height.max(inner.height.max(inner.tallest));
        self.grow(Last::Operand)
    }
}
