// SPDX-License-Identifier: Apache-2.0
//! providers.aws.sign_req: a request with AWS Signature Version 4, as AWS's "Create a signed AWS API
//! request" describes it. Nothing is sent.

use super::args::{field, hex, spelled, text};
use super::Row;
use anyhow::{anyhow, bail, Result};
use chrono::DateTime;
use regorus::Value;
use ring::{digest, hmac};
use std::collections::BTreeMap;

pub const TABLE: &[Row] = &[("providers.aws.sign_req", 3, sign_req)];

/// Headers that are not signed, since proxies change them.
const UNSIGNED: [&str; 3] = ["authorization", "user-agent", "x-amzn-trace-id"];

struct Scope<'a> {
    day: String,
    moment: String,
    region: &'a str,
    service: &'a str,
}

fn sign_req(args: &[Value]) -> Result<Value> {
    let (request, config) = (&args[0], &args[1]);
    let at =
        args[2].as_i64().map_err(|_| anyhow!("could not convert time_ns value into a unix timestamp"))?;
    let at = DateTime::from_timestamp_nanos(at);
    let scope = Scope {
        day: at.format("%Y%m%d").to_string(),
        moment: at.format("%Y%m%dT%H%M%SZ").to_string(),
        region: text(field(config, "aws_region"))?,
        service: text(field(config, "aws_service"))?,
    };
    let secret = text(field(config, "aws_secret_access_key"))?;
    let id = text(field(config, "aws_access_key"))?;
    let (method, url) = (text(field(request, "method"))?, text(field(request, "url"))?);
    let hash = match field(config, "disable_payload_signing") {
        Value::Undefined | Value::Bool(false) => digest_hex(body(request)?.as_bytes()),
        Value::Bool(true) => "UNSIGNED-PAYLOAD".into(),
        _ => bail!("invalid value for 'disable_payload_signing' in AWS config"),
    };
    let (host, path, query) = parts_of(url)?;
    let amz = amz_headers(config, &scope, host, &hash)?;
    let mut headers = given_headers(request)?;
    let (list, lines) = canonical_headers(&headers, &amz);
    let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{list}\n{hash}");
    let signature = signature(&scope, secret, &canonical);
    let credential = format!("{id}/{}/{}/{}/aws4_request", scope.day, scope.region, scope.service);
    let line = format!("AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={list},Signature={signature}");
    headers.insert("Authorization".into(), line);
    headers.extend(amz);
    let mut signed = request.clone();
    let headers: BTreeMap<Value, Value> = headers.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
    signed.as_object_mut()?.insert("headers".into(), headers.into());
    Ok(signed)
}

fn digest_hex(octets: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, octets).as_ref())
}

fn body(request: &Value) -> Result<String> {
    match (field(request, "raw_body"), field(request, "body")) {
        (Value::String(raw), _) => Ok(raw.to_string()),
        (Value::Undefined, Value::Undefined) => Ok(String::new()),
        (Value::Undefined, body) => spelled(body),
        _ => bail!("raw_body is no string"),
    }
}

/// Host, path and query of a URL; the path as it is written.
fn parts_of(url: &str) -> Result<(&str, &str, &str)> {
    let (_, rest) = url.split_once("://").ok_or_else(|| anyhow!("a URL without a scheme"))?;
    let rest = rest.split('#').next().unwrap_or(rest);
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let slash = place.find('/').unwrap_or(place.len());
    let host = place[..slash].rsplit('@').next().unwrap_or("");
    Ok((host, &place[slash..], query))
}

fn amz_headers(
    config: &Value,
    scope: &Scope<'_>,
    host: &str,
    hash: &str,
) -> Result<BTreeMap<String, String>> {
    let mut headers = BTreeMap::from([
        ("host".to_string(), host.to_string()),
        ("x-amz-date".to_string(), scope.moment.clone()),
    ]);
    if matches!(scope.service, "s3" | "glacier") {
        headers.insert("x-amz-content-sha256".into(), hash.into());
    }
    if let Value::String(token) = field(config, "aws_session_token") {
        headers.insert("x-amz-security-token".into(), token.to_string());
    }
    Ok(headers)
}

fn given_headers(request: &Value) -> Result<BTreeMap<String, String>> {
    match field(request, "headers") {
        Value::Undefined => Ok(BTreeMap::new()),
        headers => {
            let fields = headers.as_object()?.iter();
            fields.map(|(name, value)| Ok((text(name)?.to_string(), text(value)?.to_string()))).collect()
        }
    }
}

/// The names of what is signed, and a line of each.
fn canonical_headers(given: &BTreeMap<String, String>, amz: &BTreeMap<String, String>) -> (String, String) {
    let mut signed = amz.clone();
    for (name, value) in given {
        let name = name.to_lowercase();
        if !UNSIGNED.contains(&name.as_str()) {
            signed.insert(name, value.clone());
        }
    }
    let names: Vec<&str> = signed.keys().map(String::as_str).collect();
    let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    (names.join(";"), lines)
}

fn signature(scope: &Scope<'_>, secret: &str, canonical: &str) -> String {
    let mut key = format!("AWS4{secret}").into_bytes();
    for step in [&scope.day, scope.region, scope.service, "aws4_request"] {
        key = hmac_of(&key, step);
    }
    let place = format!("{}/{}/{}/aws4_request", scope.day, scope.region, scope.service);
    let digest = digest_hex(canonical.as_bytes());
    hex(&hmac_of(&key, &format!("AWS4-HMAC-SHA256\n{}\n{place}\n{digest}", scope.moment)))
}

fn hmac_of(key: &[u8], message: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes()).as_ref().to_vec()
}
