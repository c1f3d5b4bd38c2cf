// SPDX-License-Identifier: Apache-2.0
//! The files of a .tar.gz from anybody. Nothing touches a disk; sums of sizes and numbers are bounded.

use super::Files;
use crate::fault::{Fault, Outcome, EFBIG};
use crate::limits::Limits;
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};
use std::path::{Component, Path};
use tar::{Archive, Entry, EntryType};

const NAME_OCTETS_MAX: usize = 1024; // a path may have 4096 (PATH_MAX), nobody's bundle does
const TAR_BLOCK: u64 = 512;

pub fn unpack(octets: &[u8], limits: &Limits) -> Outcome<Files> {
    let mut files = Files::new();
    let mut left = limits.unpacked_octets as u64;
    // names and headers count as well, or a tar of nothing but long names would not be bounded
    let headers = (limits.bundle_files_max as u64).saturating_add(2).saturating_mul(4 * TAR_BLOCK);
    let stream = Bounded { inner: MultiGzDecoder::new(octets), left: left.saturating_add(headers) };
    let mut archive = Archive::new(stream);
    let entries = archive.entries().map_err(unreadable)?;
    for (number, entry) in entries.enumerate() {
        if number >= limits.bundle_files_max {
            let most = limits.bundle_files_max;
            return Err(Fault::new(EFBIG, format!("more than {most} files in the bundle")));
        }
        take(&mut files, &mut left, entry.map_err(unreadable)?)?;
    }
    Ok(files)
}

fn take<R: Read>(files: &mut Files, left: &mut u64, mut entry: Entry<'_, R>) -> Outcome<()> {
    let name = clean_name(&entry)?;
    match entry.header().entry_type() {
        EntryType::Directory | EntryType::XGlobalHeader => return Ok(()),
        EntryType::Regular | EntryType::Continuous => {}
        _ => return Err(Fault::invalid("neither a file nor a folder").in_file(&name)),
    }
    let mut octets = Vec::new(); // grows as octets come: the size in the header is but a claim
    let read = (&mut entry).take(left.saturating_add(1)).read_to_end(&mut octets).map_err(unreadable)?;
    if read as u64 > *left {
        return Err(Fault::new(EFBIG, "the files of the bundle are too large").in_file(&name));
    }
    *left -= read as u64;
    if files.contains_key(&name) {
        return Err(Fault::invalid("twice in the bundle").in_file(&name));
    }
    files.insert(name, octets);
    Ok(())
}

/// "./a//b" and "/a/b" are "a/b"; ".." leads nowhere and is refused.
fn clean_name<R: Read>(entry: &Entry<'_, R>) -> Outcome<String> {
    let octets = entry.path_bytes();
    let text = std::str::from_utf8(&octets).map_err(|_| Fault::invalid("a name is not UTF-8"))?;
    if text.len() > NAME_OCTETS_MAX {
        return Err(Fault::new(EFBIG, format!("a name has more than {NAME_OCTETS_MAX} octets")));
    }
    let mut parts = Vec::new();
    for part in Path::new(text).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str().unwrap_or("")),
            Component::CurDir | Component::RootDir => {}
            _ => return Err(Fault::invalid("a name with \"..\"").in_file(text)),
        }
    }
    if text.contains(['\0', '\\']) || text.chars().any(char::is_control) {
        return Err(Fault::invalid("an odd character in a name").in_file(&text.escape_debug().to_string()));
    }
    Ok(parts.join("/"))
}

fn unreadable(error: io::Error) -> Fault {
    if error.kind() == io::ErrorKind::FileTooLarge {
        return Fault::new(EFBIG, "the bundle is too large when unpacked");
    }
    Fault::invalid(format!("not a tar in gzip: {error}"))
}

/// Fails instead of giving more than `left` octets.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left =
            self.left.checked_sub(read as u64).ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        Ok(read)
    }
}
