// SPDX-License-Identifier: Apache-2.0
//! Functions of the interpreter that a short argument keeps busy without end, as the clock is not looked at
//! within one: theirs, once the argument is known to be harmless.

use super::args::text;
use super::{Row, STRICT};
use crate::numbers::{check_json, from_json, from_yaml, refuse_oversized, TOO_LONG};
use anyhow::{anyhow, bail, Result};
use regorus::unstable::{Expr, Ref, Span, BUILTINS};
use regorus::{Source, Value};
use std::cell::Cell;

const SHIFT_MAX: i64 = 1 << 16; // of bits
const WIDTH_MAX: usize = 1000; // in a format

pub const TABLE: &[Row] = &[
    ("json.unmarshal", 1, |args| from_json(text(&args[0])?)),
    ("json.is_valid", 1, |args| Ok(text(&args[0]).is_ok_and(|text| from_json(text).is_ok()).into())),
    ("yaml.unmarshal", 1, |args| from_yaml(text(&args[0])?)),
    ("yaml.is_valid", 1, |args| Ok(text(&args[0]).is_ok_and(|text| from_yaml(text).is_ok()).into())),
    ("to_number", 1, |args| {
        if let Value::String(text) = &args[0] {
            check_json(text)?; // that is what the interpreter reads it as
        }
        theirs("to_number", args)
    }),
    ("units.parse", 1, |args| {
        refuse_oversized(text(&args[0])?)?;
        theirs("units.parse", args)
    }),
    ("units.parse_bytes", 1, |args| {
        refuse_oversized(text(&args[0])?)?;
        theirs("units.parse_bytes", args)
    }),
    ("bits.lsh", 2, |args| match args[1].as_i64()? {
        ..=SHIFT_MAX => theirs("bits.lsh", args),
        _ => bail!("more than {SHIFT_MAX} bits"),
    }),
    ("sprintf", 2, |args| {
        refuse_widths(text(&args[0])?)?;
        theirs("sprintf", args)
    }),
    ("json.filter", 2, |args| {
        refuse_in_paths(&args[1])?;
        theirs("json.filter", args)
    }),
    ("json.remove", 2, |args| {
        refuse_in_paths(&args[1])?;
        theirs("json.remove", args)
    }),
];

/// No number behind a "%" is large. (There may be others, that are not in a verb.)
fn refuse_widths(format: &str) -> Result<()> {
    for verb in format.split('%').skip(1) {
        let width = verb.strip_prefix('.').unwrap_or(verb);
        let end = width.find(|c: char| !c.is_numeric()).unwrap_or(width.len());
        if width[..end].chars().any(|c| !c.is_ascii_digit()) {
            bail!("a width that is no number"); // the interpreter panics
        }
        let digits = width[..end].trim_start_matches('0');
        if !digits.is_empty() && digits.parse().map_or(true, |number: usize| number > WIDTH_MAX) {
            bail!("a width of more than {WIDTH_MAX}");
        }
    }
    Ok(())
}

/// A part of a path may be the index of an array.
fn refuse_in_paths(paths: &Value) -> Result<()> {
    match paths {
        Value::String(path) => path.split('/').try_for_each(check_part),
        Value::Array(list) => list.iter().try_for_each(refuse_in_paths),
        Value::Set(set) => set.iter().try_for_each(refuse_in_paths),
        _ => Ok(()),
    }
}

fn check_part(part: &str) -> Result<()> {
    match check_json(part) {
        Err(error) if error.to_string().starts_with(TOO_LONG) => bail!(TOO_LONG),
        _ => Ok(()), // a name
    }
}

/// Calls the interpreter's own. It wants to know where in the policy it is called, for its errors.
fn theirs(name: &str, args: &[Value]) -> Result<Value> {
    let (function, _) = BUILTINS.get(name).ok_or_else(|| anyhow!("{name} is gone"))?;
    let source = Source::from_contents(String::new(), String::new())?;
    let span = Span { source, line: 1, col: 1, start: 0, end: 0 };
    let given = |_: &Value| Ref::new(Expr::Null { span: span.clone(), value: Value::Null, eidx: 0 });
    let places: Vec<Ref<Expr>> = args.iter().map(given).collect();
    function(&span, &places, args, STRICT.with(Cell::get))
}
