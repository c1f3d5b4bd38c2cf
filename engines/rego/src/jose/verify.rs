// SPDX-License-Identifier: Apache-2.0
//! Is this signature that key's? Algorithm and kind of key must fit: a public key is never a secret.

use super::Key;
use anyhow::{bail, Result};
use ring::hmac;
use ring::signature::{self as known, RsaPublicKeyComponents, UnparsedPublicKey};

/// Of each algorithm of RFC 7518 that there is: ES512 is not.
enum Scheme {
    Hmac(hmac::Algorithm),
    Rsa(&'static known::RsaParameters),
    Curve(&'static known::EcdsaVerificationAlgorithm),
    Ed25519,
}

fn scheme(algorithm: &str) -> Result<Scheme> {
    Ok(match algorithm {
        "HS256" => Scheme::Hmac(hmac::HMAC_SHA256),
        "HS384" => Scheme::Hmac(hmac::HMAC_SHA384),
        "HS512" => Scheme::Hmac(hmac::HMAC_SHA512),
        "RS256" => Scheme::Rsa(&known::RSA_PKCS1_2048_8192_SHA256),
        "RS384" => Scheme::Rsa(&known::RSA_PKCS1_2048_8192_SHA384),
        "RS512" => Scheme::Rsa(&known::RSA_PKCS1_2048_8192_SHA512),
        "PS256" => Scheme::Rsa(&known::RSA_PSS_2048_8192_SHA256),
        "PS384" => Scheme::Rsa(&known::RSA_PSS_2048_8192_SHA384),
        "PS512" => Scheme::Rsa(&known::RSA_PSS_2048_8192_SHA512),
        "ES256" => Scheme::Curve(&known::ECDSA_P256_SHA256_FIXED),
        "ES384" => Scheme::Curve(&known::ECDSA_P384_SHA384_FIXED),
        "EdDSA" => Scheme::Ed25519,
        _ => bail!("{algorithm} is no algorithm that is known here"),
    })
}

pub fn verify(algorithm: &str, key: &Key, message: &[u8], signature: &[u8]) -> Result<bool> {
    let right = match (scheme(algorithm)?, key) {
        (Scheme::Hmac(_), Key::Secret(secret)) if secret.is_empty() => bail!("the secret is empty"),
        (Scheme::Hmac(hash), Key::Secret(secret)) => {
            hmac::verify(&hmac::Key::new(hash, secret), message, signature).is_ok()
        }
        (Scheme::Rsa(scheme), Key::RsaDer(der)) => {
            UnparsedPublicKey::new(scheme, der).verify(message, signature).is_ok()
        }
        (Scheme::Rsa(scheme), Key::RsaParts { modulus, exponent }) => {
            RsaPublicKeyComponents { n: modulus, e: exponent }.verify(scheme, message, signature).is_ok()
        }
        (Scheme::Curve(scheme), Key::Curve(point)) => {
            UnparsedPublicKey::new(scheme, point).verify(message, signature).is_ok()
        }
        (Scheme::Ed25519, Key::Ed25519(point)) => {
            UnparsedPublicKey::new(&known::ED25519, point).verify(message, signature).is_ok()
        }
        _ => bail!("the key is not of the kind that {algorithm} needs"),
    };
    Ok(right)
}
