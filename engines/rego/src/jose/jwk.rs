// SPDX-License-Identifier: Apache-2.0
//! Keys in JSON (RFC 7517, 7518 section 6, 8037).

use super::{from_base64url, Key};
use anyhow::{anyhow, bail, Result};
use serde_json::Value;

const KEYS_MAX: usize = 256; // each is tried

/// One key with its id and algorithm, if it says so.
pub struct Jwk {
    pub id: Option<String>,
    pub algorithm: Option<String>,
    pub key: Key,
}

/// The keys of a JWK, or of a set of them that we can use.
pub fn read_jwks(text: &str) -> Result<Vec<Jwk>> {
    let json: Value = serde_json::from_str(text)?;
    let Some(keys) = json.get("keys") else { return Ok(vec![read_jwk(&json)?]) };
    let keys = keys.as_array().ok_or_else(|| anyhow!("keys: not an array"))?;
    if keys.len() > KEYS_MAX {
        bail!("more than {KEYS_MAX} keys");
    }
    // unknown kinds are to be passed over: RFC 7517 section 5
    Ok(keys.iter().filter_map(|key| read_jwk(key).ok()).collect())
}

fn read_jwk(json: &Value) -> Result<Jwk> {
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let octets = |name: &str| from_base64url(text(name).unwrap_or(""));
    let key = match (text("kty"), text("crv")) {
        (Some("oct"), _) => Key::Secret(octets("k")?),
        (Some("RSA"), _) => Key::RsaParts { modulus: octets("n")?, exponent: octets("e")? },
        (Some("EC"), Some("P-256")) => Key::Curve(point(&octets("x")?, &octets("y")?, 32)?),
        (Some("EC"), Some("P-384")) => Key::Curve(point(&octets("x")?, &octets("y")?, 48)?),
        (Some("OKP"), Some("Ed25519")) => Key::Ed25519(octets("x")?),
        _ => bail!("a key of unknown kind"),
    };
    let owned = |name: &str| text(name).map(str::to_string);
    Ok(Jwk { id: owned("kid"), algorithm: owned("alg"), key })
}

/// An uncompressed point (SEC 1 section 2.3.3) from its coordinates.
fn point(x: &[u8], y: &[u8], octets: usize) -> Result<Vec<u8>> {
    if x.len() > octets || y.len() > octets {
        bail!("a coordinate is too long");
    }
    let mut point = vec![0; 1 + 2 * octets];
    point[0] = 4;
    point[1 + octets - x.len()..1 + octets].copy_from_slice(x);
    point[1 + 2 * octets - y.len()..].copy_from_slice(y);
    Ok(point)
}
