// SPDX-License-Identifier: Apache-2.0
//! As much of DER (X.690) as it takes to find the public key in a certificate or SubjectPublicKeyInfo.

use super::Key;
use anyhow::{bail, Result};

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;
const VERSION: u8 = 0xa0; // of a certificate: [0], explicit

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]; // RFC 8017 appendix C
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]; // RFC 5480 section 2.1.1
const ED25519: &[u8] = &[0x2b, 0x65, 0x70]; // RFC 8410 section 3

/// Takes one value off the front of `rest`: its tag and what is in it.
fn next<'a>(rest: &mut &'a [u8]) -> Result<(u8, &'a [u8])> {
    let [tag, first, tail @ ..] = rest else { bail!("DER ends early") };
    let (len, tail) = match *first {
        short @ 0..=0x7f => (usize::from(short), tail),
        long @ 0x81..=0x84 => {
            let digits = usize::from(long & 0x7f);
            if tail.len() < digits {
                bail!("DER ends early");
            }
            let (len, tail) = tail.split_at(digits);
            (len.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), tail)
        }
        _ => bail!("an odd length in DER"),
    };
    if tail.len() < len {
        bail!("DER ends early");
    }
    let (value, tail) = tail.split_at(len);
    *rest = tail;
    Ok((*tag, value))
}

fn expect<'a>(rest: &mut &'a [u8], wanted: u8) -> Result<&'a [u8]> {
    match next(rest)? {
        (tag, value) if tag == wanted => Ok(value),
        (tag, _) => bail!("DER has {tag:#x} where {wanted:#x} belongs"),
    }
}

/// SubjectPublicKeyInfo, RFC 5280 section 4.1
pub fn public_key(mut der: &[u8]) -> Result<Key> {
    let mut info = expect(&mut der, SEQUENCE)?;
    let mut algorithm = expect(&mut info, SEQUENCE)?;
    let id = expect(&mut algorithm, OBJECT_ID)?;
    let [0, key @ ..] = expect(&mut info, BIT_STRING)? else { bail!("an odd key") };
    match id {
        RSA => Ok(Key::RsaDer(key.to_vec())),
        EC => Ok(Key::Curve(key.to_vec())),
        ED25519 => Ok(Key::Ed25519(key.to_vec())),
        _ => bail!("a key of unknown kind"),
    }
}

/// The key in a certificate; whether the certificate is to be trusted is not asked.
pub fn key_of_certificate(mut der: &[u8]) -> Result<Key> {
    let mut certificate = expect(&mut der, SEQUENCE)?;
    let mut body = expect(&mut certificate, SEQUENCE)?;
    if body.first() == Some(&VERSION) {
        next(&mut body)?;
    }
    for _ in ["serial number", "signature", "issuer", "validity", "subject"] {
        next(&mut body)?;
    }
    public_key(body)
}
