// SPDX-License-Identifier: Apache-2.0
//! What functions take and give: values of the interpreter, and JSON.

use crate::numbers::from_json;
use anyhow::{anyhow, Result};
use regorus::Value;

pub fn text(value: &Value) -> Result<&str> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(anyhow!("not a string: {value}")),
    }
}

/// A field of an object; undefined if there is none.
pub fn field<'a>(object: &'a Value, name: &str) -> &'a Value {
    &object[name]
}

pub fn json(value: &Value) -> Result<serde_json::Value> {
    Ok(serde_json::from_str(&spelled(value)?)?)
}

pub fn spelled(value: &Value) -> Result<String> {
    Ok(serde_json::to_string(value)?)
}

pub fn value(json: &serde_json::Value) -> Result<Value> {
    from_json(&json.to_string())
}

pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
