//! Certificates, made by openssl.
#![allow(clippy::expect_used, reason = "a test without a certificate has nothing to test")]

use std::path::Path;
use std::process::Command;

/// Makes a certificate of `name` that is signed by its own key, in two files of a folder: `files.key` and `files.crt`.
///
/// # Panics
/// There is no openssl, or it refuses an extension.
pub fn certificate(folder: &Path, name: &str, files: &str, extensions: &[&str]) {
    let args = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    let names = format!("{args} -subj /CN={name} -keyout {files}.key -out {files}.crt");
    let mut openssl = Command::new("openssl");
    openssl.args(names.split_whitespace()).current_dir(folder);
    for extension in extensions {
        openssl.args(["-addext", extension]);
    }
    let made = openssl.output().expect("openssl makes the certificates of this test; install it");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
