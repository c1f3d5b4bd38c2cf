// SPDX-License-Identifier: Apache-2.0
//! A few small functions: some are missing, some panic or answer otherwise than OPA.

use super::args::text;
use super::Row;
use anyhow::{bail, Result};
use regorus::Value;

const RANGE_MAX: i64 = 1 << 20; // of numbers: the clock is not looked at while they are made

pub const TABLE: &[Row] = &[
    ("array.flatten", 1, |args| {
        let list = args[0].as_array()?;
        let mut flat = Vec::new();
        for item in list.iter() {
            match item {
                Value::Array(inner) => flat.extend(inner.iter().cloned()),
                other => flat.push(other.clone()),
            }
        }
        Ok(flat.into())
    }),
    ("http.send", 1, send),
    ("numbers.range", 2, |args| range(&args[0], &args[1], 1)),
    ("numbers.range_step", 3, |args| match args[2].as_i64()? {
        step @ 1.. => range(&args[0], &args[1], step),
        _ => bail!("step must be a positive number above zero"),
    }),
    ("opa.runtime", 0, |_| Ok(Value::new_object())), // nothing of this process
    ("strings.count", 2, count),
];

/// Nothing is sent, so there is no response: undefined. What could never be sent is an error.
fn send(args: &[Value]) -> Result<Value> {
    const KNOWN: [&str; 18] = [
        "method",
        "url",
        "body",
        "raw_body",
        "headers",
        "timeout",
        "cache",
        "raise_error",
        "force_cache",
        "force_cache_duration_seconds",
        "force_json_decode",
        "force_yaml_decode",
        "enable_redirect",
        "caching_mode",
        "max_retry_attempts",
        "cache_ignored_headers",
        "follow_redirects",
        "unix_socket",
    ];
    let request = args[0].as_object()?;
    for (name, _) in request.iter() {
        if !KNOWN.contains(&text(name)?) && !text(name)?.starts_with("tls_") {
            bail!("invalid request parameters(s): {{{name}}}");
        }
    }
    for name in ["method", "url"] {
        if !request.contains_key(&name.into()) {
            bail!("missing required request parameters(s): {{\"{name}\"}}");
        }
    }
    Ok(Value::Undefined)
}

/// An empty text is before each character and at the end; the interpreter's own panics.
fn count(args: &[Value]) -> Result<Value> {
    let (all, part) = (text(&args[0])?, text(&args[1])?);
    Ok(match part {
        "" => all.chars().count() + 1,
        _ => all.matches(part).count(),
    }
    .into())
}

/// Up or down, both ends included if the steps meet the last.
fn range(first: &Value, last: &Value, step: i64) -> Result<Value> {
    let (first, last) = (first.as_i64()?, last.as_i64()?);
    let way = if first <= last { step } else { -step };
    let steps = last.checked_sub(first).map(|distance| distance / way);
    match steps {
        Some(steps @ 0..RANGE_MAX) => {
            Ok((0..=steps).map(|i| Value::from(first + i * way)).collect::<Vec<_>>().into())
        }
        _ => bail!("more than {RANGE_MAX} numbers"),
    }
}
