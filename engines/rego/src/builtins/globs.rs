// SPDX-License-Identifier: Apache-2.0
//! regex.globs_match: is there a text that both patterns match? The patterns have characters, "." and
//! sets like [a-z], each with "+" or "*" behind it, and "\" in front of what is meant as it is.

use super::args::text;
use super::Row;
use anyhow::{bail, Result};

pub const TABLE: &[Row] = &[("regex.globs_match", 2, |args| {
    let (left, right) = (parse(text(&args[0])?)?, parse(text(&args[1])?)?);
    Ok(meet(&left, &right).into())
})];

const PARTS_MAX: usize = 1000; // of one pattern: each is compared with each of the other

struct Part {
    ranges: Vec<(char, char)>,
    repeated: bool, // any number of times, none as well
}

impl Part {
    fn overlaps(&self, other: &Part) -> bool {
        self.ranges.iter().any(|a| other.ranges.iter().any(|b| a.0 <= b.1 && b.0 <= a.1))
    }
}

fn parse(pattern: &str) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        let ranges = match c {
            '.' => vec![('\0', char::MAX)],
            '[' => set(&mut rest)?,
            ']' => bail!("set-close ']' with no preceding '['"),
            '+' | '*' => bail!("'{c}' with nothing in front of it"),
            '\\' => match rest.next() {
                Some(escaped) => vec![(escaped, escaped)],
                None => bail!("'\\' at the end"),
            },
            plain => vec![(plain, plain)],
        };
        match rest.next_if(|c| matches!(c, '+' | '*')) {
            None => parts.push(Part { ranges, repeated: false }),
            Some('*') => parts.push(Part { ranges, repeated: true }),
            Some(_) => {
                parts.push(Part { ranges: ranges.clone(), repeated: false });
                parts.push(Part { ranges, repeated: true });
            }
        }
    }
    if parts.len() > PARTS_MAX {
        bail!("a pattern of more than {PARTS_MAX} parts");
    }
    Ok(parts)
}

/// What is in the brackets, with the closing one.
fn set(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Vec<(char, char)>> {
    let mut ranges = Vec::new();
    while let Some(c) = rest.next() {
        let first = match c {
            ']' if !ranges.is_empty() => return Ok(ranges),
            ']' => bail!("an empty set"),
            '\\' => rest.next().unwrap_or('\\'),
            plain => plain,
        };
        if rest.next_if_eq(&'-').is_none() {
            ranges.push((first, first));
            continue;
        }
        match rest.next() {
            Some(last) if last != ']' && first <= last => ranges.push((first, last)),
            _ => bail!("a range without an end"),
        }
    }
    bail!("a set without an end")
}

/// Walks both at once: a state is a place in each.
fn meet(left: &[Part], right: &[Part]) -> bool {
    let width = right.len() + 1;
    let mut seen = vec![false; (left.len() + 1) * width];
    let mut open = vec![(0, 0)];
    while let Some((i, j)) = open.pop() {
        if std::mem::replace(&mut seen[i * width + j], true) {
            continue;
        }
        match (left.get(i), right.get(j)) {
            (None, None) => return true,
            (a, b) => {
                if a.is_some_and(|part| part.repeated) {
                    open.push((i + 1, j));
                }
                if b.is_some_and(|part| part.repeated) {
                    open.push((i, j + 1));
                }
                if let (Some(a), Some(b)) = (a, b) {
                    if a.overlaps(b) {
                        open.push((i + usize::from(!a.repeated), j + usize::from(!b.repeated)));
                    }
                }
            }
        }
    }
    false
}
