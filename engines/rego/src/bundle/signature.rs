// SPDX-License-Identifier: Apache-2.0
//! `.signatures.json`: a JWS whose payload has the digest of each file of the bundle.

use super::{digest, Files, Key};
use crate::fault::{Fault, Outcome, EBADMSG};
use crate::jose::{self, Token};
use serde_json::Value;

const NAME: &str = ".signatures.json";

/// All files are signed, all that is signed is there, and a key of ours signed it.
pub fn verify(files: &Files, keys: &[Key]) -> Outcome<()> {
    check(files, keys).map_err(|why| Fault::new(EBADMSG, why).in_file(NAME))
}

fn check(files: &Files, keys: &[Key]) -> Result<(), String> {
    let text = files.get(NAME).ok_or("the bundle is not signed, and it must be")?;
    let json: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let token = match json.get("signatures").and_then(Value::as_array).map(Vec::as_slice) {
        Some([Value::String(token)]) => token,
        _ => return Err("there must be one signature, no more and no less".into()),
    };
    if json.get("plugin").is_some() {
        return Err("signatures of a plugin are not known here".into());
    }
    let payload = signed_payload(token, keys).map_err(|error| error.to_string())?;
    check_files(files, &payload)
}

fn signed_payload(token: &str, keys: &[Key]) -> anyhow::Result<Value> {
    let token = Token::parse(token)?;
    let payload: Value = serde_json::from_slice(&token.payload)?; // not trusted yet
    let claimed = token.header_text("kid").or(payload.get("keyid").and_then(Value::as_str));
    let mut failed = anyhow::anyhow!("signed with the key \"{}\", which is not known", claimed.unwrap_or(""));
    for key in keys.iter().filter(|key| key.id.is_empty() || Some(&*key.id) == claimed) {
        match check_key(key, &token, &payload) {
            Ok(()) => return Ok(payload),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn check_key(key: &Key, token: &Token<'_>, payload: &Value) -> anyhow::Result<()> {
    let octets = match key.algorithm.starts_with("HS") {
        true => jose::Key::Secret(key.key.clone().into_bytes()),
        false => jose::read_pem(&key.key)?,
    };
    if !jose::verify(&key.algorithm, &octets, token.signed.as_bytes(), &token.signature)? {
        anyhow::bail!("the signature is wrong");
    }
    if payload.get("scope").and_then(Value::as_str).unwrap_or("") != key.scope {
        anyhow::bail!("the signature's scope is not \"{}\"", key.scope);
    }
    Ok(())
}

fn check_files(files: &Files, payload: &Value) -> Result<(), String> {
    let listed = payload.get("files").and_then(Value::as_array).ok_or("the signature names no files")?;
    let mut left: Vec<&str> = files.keys().map(String::as_str).filter(|name| *name != NAME).collect();
    for file in listed {
        let text = |name: &str| file.get(name).and_then(Value::as_str).unwrap_or("");
        let name = text("name").trim_start_matches('/');
        let octets = files.get(name).ok_or(format!("{name} is signed but missing"))?;
        let found = digest::of_file(name, octets, text("algorithm")).map_err(|fault| fault.why)?;
        if !found.eq_ignore_ascii_case(text("hash")) {
            return Err(format!("{name} is not what was signed"));
        }
        left.retain(|other| *other != name);
    }
    match left.first() {
        Some(name) => Err(format!("{name} is not signed")),
        None => Ok(()),
    }
}
