// SPDX-License-Identifier: Apache-2.0
//! io.jwt.verify_* and io.jwt.decode_verify.

use super::args::{field, text, value};
use super::jwt::{object, NESTED_MAX};
use super::Row;
use crate::jose::{read_jwks, read_pem, verify, Jwk, Key, Token};
use anyhow::{anyhow, bail, Result};
use regorus::Value;
use std::time::{SystemTime, UNIX_EPOCH};

pub const TABLE: &[Row] = &[
    ("io.jwt.decode_verify", 2, decode_verify),
    ("io.jwt.verify_eddsa", 2, |args| by_key("EdDSA", args)),
    ("io.jwt.verify_es256", 2, |args| by_key("ES256", args)),
    ("io.jwt.verify_es384", 2, |args| by_key("ES384", args)),
    ("io.jwt.verify_hs256", 2, |args| by_secret("HS256", args)),
    ("io.jwt.verify_hs384", 2, |args| by_secret("HS384", args)),
    ("io.jwt.verify_hs512", 2, |args| by_secret("HS512", args)),
    ("io.jwt.verify_ps256", 2, |args| by_key("PS256", args)),
    ("io.jwt.verify_ps384", 2, |args| by_key("PS384", args)),
    ("io.jwt.verify_ps512", 2, |args| by_key("PS512", args)),
    ("io.jwt.verify_rs256", 2, |args| by_key("RS256", args)),
    ("io.jwt.verify_rs384", 2, |args| by_key("RS384", args)),
    ("io.jwt.verify_rs512", 2, |args| by_key("RS512", args)),
];

fn by_secret(algorithm: &str, args: &[Value]) -> Result<Value> {
    let token = Token::parse(text(&args[0])?)?;
    let key = Key::Secret(text(&args[1])?.into());
    Ok(verify(algorithm, &key, token.signed.as_bytes(), &token.signature)?.into())
}

fn by_key(algorithm: &str, args: &[Value]) -> Result<Value> {
    let token = Token::parse(text(&args[0])?)?;
    let keys = keys_of(text(&args[1])?)?;
    Ok(any_key(&keys, algorithm, &token).into())
}

/// PEM, a JWK or a set of them.
fn keys_of(text: &str) -> Result<Vec<Jwk>> {
    if !text.trim_start().starts_with("-----BEGIN ") {
        return read_jwks(text);
    }
    if text.matches("-----BEGIN ").count() > 1 || !text.trim_end().ends_with("-----") {
        bail!("something follows the first key");
    }
    Ok(vec![Jwk { id: None, algorithm: None, key: read_pem(text)? }])
}

/// The key that the token names must be it; else any may, that is not for another algorithm.
fn any_key(keys: &[Jwk], algorithm: &str, token: &Token<'_>) -> bool {
    let right =
        |key: &Jwk| verify(algorithm, &key.key, token.signed.as_bytes(), &token.signature).unwrap_or(false);
    let named = token.header_text("kid").filter(|id| !id.is_empty());
    if let Some(key) = keys.iter().find(|key| named.is_some() && key.id.as_deref() == named) {
        return right(key);
    }
    keys.iter().any(|key| key.algorithm.as_deref().is_none_or(|alg| alg == algorithm) && right(key))
}

/// [true, header, payload], or [false, {}, {}] if the token is not what the constraints ask for.
fn decode_verify(args: &[Value]) -> Result<Value> {
    let wanted = Constraints::read(&args[1])?;
    let unverified = || vec![false.into(), Value::new_object(), Value::new_object()].into();
    let mut text = text(&args[0])?.to_string();
    for _ in 0..NESTED_MAX {
        let token = Token::parse(&text)?;
        if !wanted.signed(&token)? {
            return Ok(unverified());
        }
        let payload = String::from_utf8(token.payload.clone())?;
        if token.header_text("cty").is_some_and(|kind| kind.eq_ignore_ascii_case("JWT")) {
            text = payload;
            continue;
        }
        let payload = object(&payload)?;
        return Ok(match wanted.claims_hold(&payload)? {
            true => vec![true.into(), value(&token.header)?, payload].into(),
            false => unverified(),
        });
    }
    bail!("too many tokens in each other")
}

struct Constraints<'a> {
    keys: Option<Vec<Jwk>>,
    secret: &'a str,
    algorithm: &'a str,
    issuer: &'a str,
    audience: &'a str,
    seconds: f64, // since 1970
}

impl<'a> Constraints<'a> {
    fn read(object: &'a Value) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        let mut found =
            Constraints { keys: None, secret: "", algorithm: "", issuer: "", audience: "", seconds: now };
        for (name, value) in object.as_object()?.iter() {
            match text(name)? {
                "cert" => found.keys = Some(keys_of(text(value)?)?),
                "secret" => found.secret = text(value)?,
                "alg" => found.algorithm = text(value)?,
                "iss" => found.issuer = text(value)?,
                "aud" => found.audience = text(value)?,
                "time" => found.seconds = seconds(value)? / 1e9,
                other => bail!("unknown token validation constraint: {other}"),
            }
        }
        if found.keys.is_some() == !found.secret.is_empty() {
            bail!("there must be one of cert and secret");
        }
        Ok(found)
    }

    fn signed(&self, token: &Token<'_>) -> Result<bool> {
        for name in ["alg", "kid", "typ", "cty"] {
            if token.header.get(name).is_some_and(|value| !value.is_string()) {
                bail!("{name} of the token's header is no string");
            }
        }
        let algorithm = token.header_text("alg").unwrap_or("");
        // "crit" names what must be understood, and nothing is (RFC 7515 section 4.1.11)
        if algorithm.is_empty() || token.header.get("crit").is_some() {
            return Ok(false);
        }
        if !self.algorithm.is_empty() && self.algorithm != algorithm {
            return Ok(false);
        }
        Ok(match &self.keys {
            Some(keys) => any_key(keys, algorithm, token),
            None => {
                let key = Key::Secret(self.secret.into());
                verify(algorithm, &key, token.signed.as_bytes(), &token.signature).unwrap_or(false)
            }
        })
    }

    fn claims_hold(&self, payload: &Value) -> Result<bool> {
        let issuer = field(payload, "iss");
        let issued = self.issuer.is_empty() || *issuer == Value::from(self.issuer);
        let meant = match field(payload, "aud") {
            Value::Undefined => self.audience.is_empty(),
            Value::Array(list) => list.iter().any(|one| *one == Value::from(self.audience)),
            one => *one == Value::from(self.audience),
        };
        let expired = match field(payload, "exp") {
            Value::Undefined => false,
            end => self.seconds >= seconds(end)?,
        };
        let early = match field(payload, "nbf") {
            Value::Undefined => false,
            start => self.seconds < seconds(start)?,
        };
        Ok(issued && meant && !expired && !early)
    }
}

fn seconds(value: &Value) -> Result<f64> {
    match value {
        Value::Number(_) => Ok(value.to_string().parse()?),
        _ => Err(anyhow!("a time that is no number")),
    }
}
