// SPDX-License-Identifier: Apache-2.0
//! `.manifest`: which roots the bundle owns, and in which Rego it is written.

use super::roots;
use crate::fault::{Fault, Outcome};
use serde_json::Value;

const ROOTS_MAX: usize = 1024; // each is compared with each

#[derive(Debug)]
pub struct Manifest {
    pub roots: Vec<String>, // "a/b", without a slash at either end; "" is all
    pub rego_version: u64,
}

impl Default for Manifest {
    fn default() -> Self {
        Manifest { roots: vec![String::new()], rego_version: 1 }
    }
}

impl Manifest {
    pub fn parse(text: &[u8]) -> Outcome<Self> {
        let json: Value = serde_json::from_slice(text).map_err(|error| Fault::json(&error))?;
        let Value::Object(fields) = json else { return Err(Fault::invalid("not an object")) };
        let mut manifest = Manifest::default();
        for (name, value) in fields {
            match name.as_str() {
                "roots" => manifest.roots = read_roots(&value)?,
                "rego_version" => manifest.rego_version = read_version(&value)?,
                "wasm" if value != Value::Array(vec![]) && !value.is_null() => {
                    return Err(Fault::invalid("policies in Wasm are not run here"));
                }
                "file_rego_versions" if value.as_object().map_or(true, |files| !files.is_empty()) => {
                    return Err(Fault::invalid("file_rego_versions: one version for all, please"));
                }
                _ => {} // "revision", "metadata" and what is to come say nothing of what is allowed
            }
        }
        Ok(manifest)
    }
}

fn read_roots(value: &Value) -> Outcome<Vec<String>> {
    let list = value.as_array().ok_or_else(|| Fault::invalid("roots: not an array"))?;
    if list.len() > ROOTS_MAX {
        return Err(Fault::invalid(format!("roots: more than {ROOTS_MAX}")));
    }
    let mut found = Vec::new();
    for root in list {
        let root = root.as_str().ok_or_else(|| Fault::invalid("roots: not all are strings"))?;
        let root = vec![root.trim_matches('/').to_string()];
        roots::refuse_overlap(&found, &root)?;
        found.extend(root);
    }
    Ok(found)
}

fn read_version(value: &Value) -> Outcome<u64> {
    match value.as_u64() {
        Some(version @ (0 | 1)) => Ok(version),
        _ => Err(Fault::invalid("rego_version: neither 0 nor 1")),
    }
}
