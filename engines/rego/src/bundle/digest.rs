// SPDX-License-Identifier: Apache-2.0
//! The digest of a file as a bundle's signature has it.
//!
//! Of a module it is that of its octets. Of a document it is that of the JSON in one spelling, so that
//! blanks and the order of fields do not matter: names sorted, no blanks.

use super::{base, data};
use crate::fault::{Fault, Outcome};
use ring::digest::{digest, Algorithm, SHA256, SHA384, SHA512};

/// MD5 and SHA-1 are in OPA's list; who can forge a file may not sign with us.
fn algorithm(name: &str) -> Outcome<&'static Algorithm> {
    match name {
        "SHA-256" => Ok(&SHA256),
        "SHA-384" => Ok(&SHA384),
        "SHA-512" => Ok(&SHA512),
        _ => Err(Fault::invalid(format!("digests of the kind \"{name}\" are not accepted"))),
    }
}

/// In hexadecimal digits.
pub fn of_file(name: &str, octets: &[u8], kind: &str) -> Outcome<String> {
    let kind = algorithm(kind)?;
    let hash = match base(name) {
        ".manifest" | "data.json" => digest(kind, spelled(&parse(octets)?)?.as_bytes()),
        _ if data::is_yaml(name) => digest(kind, spelled(&data::parse(name, octets)?)?.as_bytes()),
        _ => digest(kind, octets),
    };
    Ok(hash.as_ref().iter().map(|octet| format!("{octet:02x}")).collect())
}

fn parse(octets: &[u8]) -> Outcome<serde_json::Value> {
    serde_json::from_slice(octets).map_err(|error| Fault::json(&error))
}

/// Both kinds of values sort their names and keep numbers as they were written. Go, in which OPA is
/// written, also escapes the two separators that JavaScript takes for ends of lines.
fn spelled(value: &impl serde::Serialize) -> Outcome<String> {
    let text = serde_json::to_string(value).map_err(|error| Fault::json(&error))?;
    Ok(text.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"))
}
