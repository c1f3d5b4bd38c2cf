// SPDX-License-Identifier: Apache-2.0
//! Signatures with a secret. Those with private keys are not made: no policy has business with one.

use anyhow::{bail, Result};
use ring::hmac;

pub fn sign(algorithm: &str, secret: &[u8], message: &[u8]) -> Result<Vec<u8>> {
    let hash = match algorithm {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => bail!("{algorithm} is no algorithm that signs here"),
    };
    Ok(hmac::sign(&hmac::Key::new(hash, secret), message).as_ref().to_vec())
}
