// SPDX-License-Identifier: Apache-2.0
//! internal.template_string(): what becomes of $"...{x}...", see `dialect`.

use super::Row;
use anyhow::{bail, Result};
use regorus::Value;

pub const TABLE: &[Row] = &[("internal.template_string", 1, template_string)];

/// Each part is a text or a set: of the one value of an expression, or empty if that is undefined.
fn template_string(args: &[Value]) -> Result<Value> {
    let mut text = String::new();
    for part in args[0].as_array()?.iter() {
        match part {
            Value::Set(set) => match set.iter().collect::<Vec<_>>()[..] {
                [] => text.push_str("<undefined>"),
                [Value::String(one)] => text.push_str(one),
                [one] => spell(&mut text, one),
                _ => bail!("template-strings must not produce multiple outputs"),
            },
            Value::String(literal) => text.push_str(literal),
            _ => bail!("an odd part of a template"),
        }
    }
    Ok(text.into())
}

/// As a Rego term.
fn spell(out: &mut String, value: &Value) {
    match value {
        Value::Array(list) => bracketed(out, "[]", list.iter().map(|item| (None, item))),
        Value::Set(set) if set.is_empty() => out.push_str("set()"),
        Value::Set(set) => bracketed(out, "{}", set.iter().map(|item| (None, item))),
        Value::Object(object) => {
            let mut fields: Vec<_> = object.iter().collect();
            fields.sort();
            bracketed(out, "{}", fields.into_iter().map(|(key, item)| (Some(key), item)));
        }
        other => out.push_str(&other.to_string()),
    }
}

fn bracketed<'a>(
    out: &mut String,
    brackets: &str,
    items: impl Iterator<Item = (Option<&'a Value>, &'a Value)>,
) {
    out.push_str(&brackets[..1]);
    for (i, (key, item)) in items.enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        if let Some(key) = key {
            spell(out, key);
            out.push_str(": ");
        }
        spell(out, item);
    }
    out.push_str(&brackets[1..]);
}
