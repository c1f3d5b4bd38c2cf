// SPDX-License-Identifier: Apache-2.0
//! Keys in PEM (RFC 7468). Private keys are refused: who checks a signature needs none.

use super::{der, Key};
use anyhow::{anyhow, bail, Result};
use base64::engine::general_purpose::STANDARD;
use base64::Engine;

/// The octets of the first block and what it is called.
pub fn block(text: &str) -> Result<(&str, Vec<u8>)> {
    let (_, rest) = text.split_once("-----BEGIN ").ok_or_else(|| anyhow!("not PEM"))?;
    let (label, rest) = rest.split_once("-----").ok_or_else(|| anyhow!("not PEM"))?;
    let end = format!("-----END {label}-----");
    let (body, _) = rest.split_once(&end).ok_or_else(|| anyhow!("PEM without an end"))?;
    let digits: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    Ok((label, STANDARD.decode(digits).map_err(|_| anyhow!("PEM that is not base64"))?))
}

pub fn read_pem(text: &str) -> Result<Key> {
    match block(text)? {
        ("PUBLIC KEY", octets) => der::public_key(&octets),
        ("RSA PUBLIC KEY", octets) => Ok(Key::RsaDer(octets)),
        ("CERTIFICATE", octets) => der::key_of_certificate(&octets),
        (label, _) => bail!("a {label} where a public key or a certificate belongs"),
    }
}
