// SPDX-License-Identifier: Apache-2.0
//! What an engine accepts: `struct rego_limits`, and how deep a value may be.

use crate::fault::{Fault, Outcome, EFBIG};
use regorus::Value;

pub const DEPTH_MAX: usize = 100; // REGO_DEPTH_MAX

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Limits {
    pub eval_ms: u32,
    pub modules_max: usize,
    pub module_octets: usize,
    pub data_octets: usize,
    pub input_octets: usize,
    pub query_octets: usize,
    pub result_octets: usize,
    pub print_octets: usize,
    pub bundle_octets: usize,
    pub unpacked_octets: usize,
    pub bundle_files_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            eval_ms: 1000,
            modules_max: 1024,
            module_octets: 1 << 20,
            data_octets: 64 << 20,
            input_octets: 1 << 20,
            query_octets: 64 << 10,
            result_octets: 1 << 20,
            print_octets: 64 << 10,
            bundle_octets: 64 << 20,
            unpacked_octets: 256 << 20,
            bundle_files_max: 10_000,
        }
    }
}

/// Refuses what is longer than it may be; `what` names it.
pub fn at_most(what: &str, octets: usize, limit: usize) -> Outcome<()> {
    if octets > limit {
        return Err(Fault::new(EFBIG, format!("{what} has {octets} octets, more than {limit}")));
    }
    Ok(())
}

/// Are there at most `left` arrays, sets and objects in each other?
pub fn depth_within(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left > 0 && items.iter().all(|item| depth_within(item, left - 1)),
        Value::Set(items) => left > 0 && items.iter().all(|item| depth_within(item, left - 1)),
        Value::Object(fields) => {
            left > 0
                && fields
                    .iter()
                    .all(|(key, item)| depth_within(key, left - 1) && depth_within(item, left - 1))
        }
        _ => true,
    }
}

/// A value from JSON of bounded depth; `what` names it.
pub fn parse_json(what: &str, text: &str) -> Outcome<Value> {
    let value =
        Value::from_json_str(text).map_err(|error| match error.downcast_ref::<serde_json::Error>() {
            Some(error) => Fault::json(error),
            None => Fault::from(error),
        })?;
    if !depth_within(&value, DEPTH_MAX) {
        return Err(Fault::new(EFBIG, format!("{what} is nested deeper than {DEPTH_MAX}")));
    }
    Ok(value)
}
