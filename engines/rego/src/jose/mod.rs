// SPDX-License-Identifier: Apache-2.0
//! JSON Web Signatures (RFC 7515, 7518, 8037) and the keys they are checked with.

mod der;
mod jwk;
mod pem;
mod sign;
mod verify;

use anyhow::{anyhow, bail, Result};
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use base64::{alphabet, Engine};
pub use jwk::{read_jwks, Jwk};
pub use pem::read_pem;
use serde_json::Value;
pub use sign::sign;
pub use verify::verify;

/// A key that checks signatures.
#[derive(Debug)]
pub enum Key {
    Secret(Vec<u8>),
    RsaDer(Vec<u8>), // RSAPublicKey of PKCS #1
    RsaParts { modulus: Vec<u8>, exponent: Vec<u8> },
    Curve(Vec<u8>), // the point, uncompressed
    Ed25519(Vec<u8>),
}

const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub fn from_base64url(text: &str) -> Result<Vec<u8>> {
    BASE64URL.decode(text).map_err(|_| anyhow!("not base64url"))
}

pub fn to_base64url(octets: &[u8]) -> String {
    BASE64URL.encode(octets)
}

/// A compact JWS, taken apart; nothing is checked yet.
pub struct Token<'a> {
    pub header: Value,
    pub payload: Vec<u8>,
    pub signature: Vec<u8>,
    pub signed: &'a str,
}

impl<'a> Token<'a> {
    pub fn parse(text: &'a str) -> Result<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        if parts.len() == 5 {
            bail!("JWT is a JWE object, which is not supported");
        }
        let [header, payload, signature] = parts[..] else {
            bail!("a token has three parts, this has {}", parts.len());
        };
        let decoded: Value = serde_json::from_slice(&from_base64url(header)?)?;
        if !decoded.is_object() {
            bail!("the token's header is no object");
        }
        Ok(Token {
            header: decoded,
            payload: from_base64url(payload)?,
            signature: from_base64url(signature)?,
            signed: &text[..header.len() + 1 + payload.len()],
        })
    }

    pub fn header_text(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }
}
