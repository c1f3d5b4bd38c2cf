// SPDX-License-Identifier: Apache-2.0
//! json.match_schema. The interpreter has it, but says null where OPA says that there are no errors.

use super::args::{json, value};
use super::Row;
use crate::numbers::check_json;
use anyhow::Result;
use regorus::Value;
use serde_json::json;

pub const TABLE: &[Row] = &[("json.match_schema", 2, match_schema)];

/// [matches, errors]
fn match_schema(args: &[Value]) -> Result<Value> {
    let (document, schema) = (given(&args[0])?, given(&args[1])?);
    let schema = jsonschema::validator_for(&schema).map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut errors = Vec::new();
    for error in schema.iter_errors(&document) {
        let place = error.instance_path().to_string();
        let place = if place.is_empty() { "(root)".into() } else { place[1..].replace('/', ".") };
        errors.push(json!({"desc": error.to_string(), "error": format!("{place}: {error}"), "field": place}));
    }
    value(&json!([errors.is_empty(), errors]))
}

/// JSON, or a text of it.
fn given(value: &Value) -> Result<serde_json::Value> {
    match value {
        Value::String(text) => {
            check_json(text)?;
            Ok(serde_json::from_str(text)?)
        }
        other => json(other),
    }
}
