// SPDX-License-Identifier: Apache-2.0
//! OPA's bundles: a tar in gzip of modules and data, a manifest and perhaps a signature.
//!
//! In steps, each bounded: `archive` gives named files, `signature` checks them all against what was
//! signed, `manifest` says which roots they may fill, `data` puts the documents in their places. See
//! the chapter "Bundles" of OPA's documentation.

mod archive;
mod data;
mod digest;
mod manifest;
pub mod roots;
mod signature;

use crate::fault::{Fault, Outcome};
use crate::limits::{at_most, Limits};
pub use manifest::Manifest;
use regorus::Value;
use std::collections::BTreeMap;

/// By name, without a leading "/" or "./".
pub type Files = BTreeMap<String, Vec<u8>>;

pub struct Key {
    pub id: String,
    pub algorithm: String,
    pub key: String,
    pub scope: String,
}

pub struct Bundle {
    pub manifest: Manifest,
    pub modules: Vec<(String, String)>, // name, text
    pub data: Value,
}

/// What OPA would run and we do not: better refused than half loaded.
const UNKNOWN: [&str; 5] = ["patch.json", "plan.json", "plan.pb", "policy.wasm", ".manifest.pb"];

pub fn read(octets: &[u8], keys: &[Key], limits: &Limits) -> Outcome<Bundle> {
    at_most("the bundle", octets.len(), limits.bundle_octets)?;
    let files = archive::unpack(octets, limits)?;
    if !keys.is_empty() {
        signature::verify(&files, keys)?;
    }
    refuse_unknown(&files)?;
    let manifest = match files.get(".manifest") {
        Some(text) => Manifest::parse(text).map_err(|fault| fault.in_file(".manifest"))?,
        None => Manifest::default(),
    };
    let data = data::gather(&files)?;
    roots::refuse_data_outside(&manifest.roots, &data)?;
    Ok(Bundle { manifest, modules: modules(files)?, data })
}

/// The last part of a name.
pub fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn refuse_unknown(files: &Files) -> Outcome<()> {
    match files.keys().find(|name| UNKNOWN.contains(&base(name)) || name.ends_with(".wasm")) {
        Some(name) => Err(Fault::invalid("bundles with such a file are not run here").in_file(name)),
        None => Ok(()),
    }
}

fn modules(files: Files) -> Outcome<Vec<(String, String)>> {
    let rego = files.into_iter().filter(|(name, _)| name.ends_with(".rego"));
    rego.map(|(name, octets)| match String::from_utf8(octets) {
        Ok(text) => Ok((name, text)),
        Err(_) => Err(Fault::invalid("not UTF-8").in_file(&name)),
    })
    .collect()
}
