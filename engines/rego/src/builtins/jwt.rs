// SPDX-License-Identifier: Apache-2.0
//! io.jwt.decode and io.jwt.encode_sign: tokens taken apart and, with a secret alone, made.

use super::args::{hex, json, spelled, text, value};
use super::Row;
use crate::jose::{read_jwks, sign, to_base64url, Key, Token};
use crate::numbers::from_json;
use anyhow::{anyhow, bail, Result};
use regorus::Value;

pub const TABLE: &[Row] = &[
    ("io.jwt.decode", 1, |args| decode(text(&args[0])?, NESTED_MAX)),
    ("io.jwt.encode_sign", 3, |args| encode(&spelled(&args[0])?, &spelled(&args[1])?, &spelled(&args[2])?)),
    ("io.jwt.encode_sign_raw", 3, |args| encode(text(&args[0])?, text(&args[1])?, text(&args[2])?)),
];

pub const NESTED_MAX: usize = 8; // tokens in tokens

/// [header, payload, signature]; nothing is checked.
fn decode(token: &str, left: usize) -> Result<Value> {
    let token = Token::parse(token)?;
    let payload = std::str::from_utf8(&token.payload)?;
    if token.header_text("cty") == Some("JWT") {
        let left = left.checked_sub(1).ok_or_else(|| anyhow!("too many tokens in each other"))?;
        return decode(payload.trim_matches(['"', '\'']), left);
    }
    let payload = object(payload)?;
    Ok(vec![value(&token.header)?, payload, hex(&token.signature).into()].into())
}

pub fn object(text: &str) -> Result<Value> {
    match from_json(text)? {
        object @ Value::Object(_) => Ok(object),
        _ => bail!("the token's payload is no object"),
    }
}

fn encode(header: &str, payload: &str, key: &str) -> Result<Value> {
    let fields = json(&from_json(header)?)?;
    let algorithm = fields.get("alg").and_then(|alg| alg.as_str()).ok_or_else(|| anyhow!("no alg"))?;
    if fields.get("typ").is_none_or(|typ| typ == "JWT") {
        from_json(payload)?; // it must be JSON then
    }
    let [Key::Secret(secret)] = &read_jwks(key)?.into_iter().map(|jwk| jwk.key).collect::<Vec<_>>()[..]
    else {
        bail!("not a secret");
    };
    let signed = format!("{}.{}", to_base64url(header.as_bytes()), to_base64url(payload.as_bytes()));
    let signature = sign(algorithm, secret, signed.as_bytes())?;
    Ok(format!("{signed}.{}", to_base64url(&signature)).into())
}
