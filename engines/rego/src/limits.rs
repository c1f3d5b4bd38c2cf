// SPDX-License-Identifier: Apache-2.0
//! What an engine accepts: `struct rego_limits`, and how deep a value may be.

use crate::fault::{Fault, Outcome, EFBIG};
use crate::numbers::check_json;
use regorus::Value;
use std::io::{self, Write};

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

/// Refuses arrays, sets and objects that are too deep in each other, and more values than are left.
pub fn refuse_deep(what: &str, value: &Value, left: &mut usize) -> Outcome<()> {
    match walk(value, DEPTH_MAX, left) {
        Ok(()) => Ok(()),
        Err(Excess::Depth) => Err(Fault::new(EFBIG, format!("{what} is nested deeper than {DEPTH_MAX}"))),
        Err(Excess::Number) => Err(Fault::new(EFBIG, format!("{what} is too large"))),
    }
}

enum Excess {
    Depth,
    Number,
}

fn walk(value: &Value, depth: usize, left: &mut usize) -> Result<(), Excess> {
    *left = left.checked_sub(1).ok_or(Excess::Number)?;
    let inner = || depth.checked_sub(1).ok_or(Excess::Depth);
    match value {
        Value::Array(items) => {
            let depth = inner()?;
            items.iter().try_for_each(|item| walk(item, depth, left))
        }
        Value::Set(items) => {
            let depth = inner()?;
            items.iter().try_for_each(|item| walk(item, depth, left))
        }
        Value::Object(fields) => {
            let depth = inner()?;
            fields.iter().try_for_each(|(key, item)| {
                walk(key, depth, left)?;
                walk(item, depth, left)
            })
        }
        _ => Ok(()),
    }
}

/// JSON of at most `most` octets: what is longer is never written.
pub fn bounded_json(what: &str, value: &impl serde::Serialize, most: usize) -> Outcome<String> {
    let mut out = Bounded { octets: Vec::new(), most };
    serde_json::to_writer(&mut out, value).map_err(|error| match error.is_io() {
        true => Fault::new(EFBIG, format!("{what} has more than {most} octets")),
        false => Fault::json(&error),
    })?;
    String::from_utf8(out.octets).map_err(|_| Fault::invalid(format!("{what} is not UTF-8")))
}

struct Bounded {
    octets: Vec<u8>,
    most: usize,
}

impl Write for Bounded {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if octets.len() > self.most - self.octets.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.octets.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A value from JSON of bounded depth; `what` names it.
pub fn parse_json(what: &str, text: &str) -> Outcome<Value> {
    check_json(text).map_err(|error| Fault::json(&error))?;
    let value = Value::from_json_str(text)?;
    refuse_deep(what, &value, &mut { usize::MAX })?;
    Ok(value)
}
