// SPDX-License-Identifier: Apache-2.0
//! Who calls whom: functions that call themselves are refused, as OPA refuses them.
//!
//! The interpreter would go on until the stack is full, which nothing catches. (Rules it watches itself.)
//! Only calls by name are seen, not `data.a["f"](x)`: this is against mistakes.

use crate::fault::{Fault, Outcome};
use crate::keyword_rules::{statements, words};
use std::collections::BTreeMap;

const DEPTH_MAX: usize = 500; // calls in each other; 2,000 fit into a stack of 8 MiB

/// By name without "data.": the functions it may call.
pub type Calls = BTreeMap<String, Vec<String>>;

/// Adds the functions of a module.
pub fn gather(calls: &mut Calls, text: &str) {
    let (mut package, mut imports) = (String::new(), BTreeMap::new());
    for part in statements(text) {
        let paths = paths(part);
        let first = paths.first().map_or("", |path| path.0.as_str());
        match (first, paths.get(1)) {
            ("package", Some((path, _))) => package = path.clone(),
            ("import", Some((path, _))) => {
                let name = paths.get(3).map_or(path.rsplit('.').next().unwrap_or(""), |path| path.0.as_str());
                imports.insert(name.to_string(), path.clone());
            }
            _ => {
                let skip = usize::from(first == "default");
                let Some((name, true)) = paths.get(skip) else { continue };
                let called = paths[skip + 1..].iter().filter(|path| path.1);
                let called = called.map(|path| resolved(&path.0, &package, &imports));
                calls.entry(format!("{package}.{name}")).or_default().extend(called);
            }
        }
    }
}

/// The dotted names, and whether each is called.
fn paths(part: &str) -> Vec<(String, bool)> {
    let mut found: Vec<(String, bool)> = Vec::new();
    for word in words(part) {
        let end = word.at + word.text.len();
        let called = part[end..].starts_with('(');
        match found.last_mut() {
            Some(path) if !word.root => {
                path.0.extend([".", word.text]);
                path.1 = called;
            }
            _ => found.push((word.text.to_string(), called)),
        }
    }
    found
}

fn resolved(path: &str, package: &str, imports: &BTreeMap<String, String>) -> String {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let whole = match imports.get(first) {
        Some(target) if rest.is_empty() => target.clone(),
        Some(target) => format!("{target}.{rest}"),
        None if first == "data" => path.to_string(),
        None => format!("{package}.{path}"),
    };
    whole.strip_prefix("data.").unwrap_or(&whole).to_string()
}

pub fn refuse_recursion(calls: &Calls) -> Outcome<()> {
    let mut heights = BTreeMap::new();
    calls.keys().try_for_each(|name| height(name, calls, &mut heights, 0).map(|_| ()))
}

/// How deep the calls below a function go.
fn height<'a>(
    name: &'a str,
    calls: &'a Calls,
    heights: &mut BTreeMap<&'a str, Option<usize>>,
    depth: usize,
) -> Outcome<usize> {
    match heights.get(name) {
        Some(Some(known)) => return Ok(*known),
        Some(None) => return Err(Fault::invalid(format!("recursion: the function {name} calls itself"))),
        None => {}
    }
    heights.insert(name, None);
    let mut highest = 0;
    for callee in calls.get(name).into_iter().flatten() {
        if let Some((callee, _)) = calls.get_key_value(callee) {
            if depth >= DEPTH_MAX {
                return Err(Fault::invalid(format!("more than {DEPTH_MAX} functions call each other")));
            }
            highest = highest.max(1 + height(callee, calls, heights, depth + 1)?);
        }
    }
    if highest > DEPTH_MAX {
        return Err(Fault::invalid(format!("more than {DEPTH_MAX} functions call each other")));
    }
    heights.insert(name, Some(highest));
    Ok(highest)
}
