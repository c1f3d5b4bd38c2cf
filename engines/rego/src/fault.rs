// SPDX-License-Identifier: Apache-2.0
//! Why something failed: an errno for the program, a place and a reason for people.

use crate::numbers::TOO_LONG;
use regorus::LimitError;

pub const EINVAL: i32 = 22;
pub const EEXIST: i32 = 17;
pub const EFBIG: i32 = 27;
pub const ENODATA: i32 = 61;
pub const EBADMSG: i32 = 74;
pub const ETIMEDOUT: i32 = 110;
pub const ENOTRECOVERABLE: i32 = 131;

#[derive(Debug)]
pub struct Fault {
    pub errno: i32,
    pub file: String,
    pub line: u32,
    pub column: u32,
    pub why: String,
}

pub type Outcome<T> = Result<T, Fault>;

impl Fault {
    pub fn new(errno: i32, why: impl Into<String>) -> Self {
        Fault { errno, file: String::new(), line: 0, column: 0, why: why.into() }
    }

    pub fn invalid(why: impl Into<String>) -> Self {
        Fault::new(EINVAL, why)
    }

    /// The same, about `file`, unless it is about one already.
    pub fn in_file(mut self, file: &str) -> Self {
        if self.file.is_empty() {
            self.file = file.to_string();
        }
        self
    }

    /// What the JSON parser says: it appends " at line L column C".
    pub fn json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let why = text.rsplit_once(" at line ").map_or(text.as_str(), |(why, _)| why);
        let errno = if matches!(why, "recursion limit exceeded" | TOO_LONG) { EFBIG } else { EINVAL };
        let mut fault = Fault::new(errno, why);
        fault.line = error.line() as u32;
        fault.column = error.column() as u32;
        fault
    }
}

/// The interpreter's message is "\n--> file:line:column\n", some lines that quote the text, and
/// "error: why". Only the first place counts: others are about who called.
impl From<anyhow::Error> for Fault {
    fn from(error: anyhow::Error) -> Self {
        let text = error.to_string();
        let mut fault = Fault::new(errno_of(&error, &text), reason(&text));
        let Some((_, rest)) = text.split_once("--> ") else { return fault };
        let place = rest.lines().next().unwrap_or("");
        let mut parts = place.rsplitn(3, ':');
        fault.column = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
        fault.line = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
        fault.file = parts.next().unwrap_or("").to_string();
        fault
    }
}

fn errno_of(error: &anyhow::Error, text: &str) -> i32 {
    match error.downcast_ref::<LimitError>() {
        Some(LimitError::TimeLimitExceeded { .. }) => ETIMEDOUT,
        Some(_) => EFBIG,
        // an error that was wrapped on its way has become text
        None if text.contains("execution exceeded time limit") => ETIMEDOUT,
        None if text.contains(TOO_LONG) => EFBIG,
        None => EINVAL,
    }
}

fn reason(text: &str) -> String {
    let why = text.rsplit_once("\nerror: ").map_or(text, |(_, why)| why).trim();
    let why = why.strip_prefix("error: ").unwrap_or(why);
    why.split('\n').next().unwrap_or("").to_string()
}
