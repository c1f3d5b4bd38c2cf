// SPDX-License-Identifier: Apache-2.0
//! data.json and data.yaml: each is the document at the folder it lies in.

use super::{base, Files};
use crate::fault::{Fault, Outcome, EFBIG};
use crate::limits::{parse_json, refuse_deep, Limits, DEPTH_MAX};
use crate::numbers::from_yaml;
use regorus::Value;

pub fn is_yaml(name: &str) -> bool {
    matches!(base(name), "data.yaml" | "data.yml")
}

pub fn gather(files: &Files) -> Outcome<Value> {
    let mut all = Value::new_object();
    for (name, octets) in files {
        if base(name) != "data.json" && !is_yaml(name) {
            continue;
        }
        let document = parse(name, octets).map_err(|fault| fault.in_file(name))?;
        merge(&mut all, wrap(name, document)?).map_err(|fault| fault.in_file(name))?;
    }
    Ok(all)
}

pub fn parse(name: &str, octets: &[u8]) -> Outcome<Value> {
    let text = std::str::from_utf8(octets).map_err(|_| Fault::invalid("not UTF-8"))?;
    if !is_yaml(name) {
        return parse_json("the document", text);
    }
    let value = from_yaml(text)?;
    // an alias is written once and there as often as it is named: no more of them than JSON could be
    refuse_deep("the document", &value, &mut Limits::default().data_octets)?;
    Ok(value)
}

/// a/b/data.json holds {"a": {"b": document}}.
fn wrap(name: &str, document: Value) -> Outcome<Value> {
    let folders: Vec<&str> = name.split('/').collect();
    if folders.len() > DEPTH_MAX {
        return Err(Fault::new(EFBIG, "too many folders").in_file(name));
    }
    let mut value = document;
    for folder in folders.iter().rev().skip(1) {
        let mut outer = Value::new_object();
        outer.as_object_mut()?.insert(Value::from(*folder), value);
        value = outer;
    }
    match value {
        Value::Object(_) => Ok(value),
        _ => Err(Fault::invalid("the document at the top must be an object").in_file(name)),
    }
}

/// Adds what is in `more`; both may have an object at a place, nothing else.
fn merge(all: &mut Value, more: Value) -> Outcome<()> {
    let Value::Object(fields) = more else { return Err(Fault::invalid("conflicts with another")) };
    let into = all.as_object_mut().map_err(|_| Fault::invalid("conflicts with another"))?;
    for (name, value) in fields.iter() {
        match into.get_mut(name) {
            Some(there) => merge(there, value.clone())?,
            None => drop(into.insert(name.clone(), value.clone())),
        }
    }
    Ok(())
}
