//! How a password is proved to a server
//! (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_authentication_methods.html>,
//! <https://mariadb.com/kb/en/authentication-plugins/>).

use mysql_common::crypto::der::{PubKeyFileType, parse_pub_key};
use mysql_common::crypto::rsa::{GetRandom, Pkcs1OaepPadding, PublicKey};
use mysql_common::packets::AuthPlugin;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;

/// What asks a server for its public key in `caching_sha2_password`.
pub const KEY_WANTED: u8 = 0x02;
/// What asks a server for its public key in `sha256_password`.
const SHA256_KEY_WANTED: u8 = 0x01;
/// Bytes that the padding of RSA takes: two digests of SHA-1 and two more.
const PADDING_BYTES: usize = 42;
/// The largest keys that are taken, in bytes.
const LONGEST_KEY: usize = 2048;

/// A way to prove a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugin {
    NativePassword,
    CachingSha2Password,
    Sha256Password,
    Ed25519,
    ClearPassword,
    /// The system says who the user is; nothing is sent.
    Socket,
}

impl Plugin {
    /// The plugin of a name, where it is one of those that there are here.
    pub fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"mysql_native_password" => Some(Self::NativePassword),
            b"caching_sha2_password" => Some(Self::CachingSha2Password),
            b"sha256_password" => Some(Self::Sha256Password),
            b"client_ed25519" => Some(Self::Ed25519),
            b"mysql_clear_password" => Some(Self::ClearPassword),
            b"auth_socket" | b"unix_socket" => Some(Self::Socket),
            _ => None,
        }
    }

    /// What is answered to the server's challenge; `private` where nobody can listen. An error is
    /// a reason not to answer.
    pub fn answer(
        self,
        password: &str,
        challenge: &[u8],
        private: bool,
    ) -> Result<Vec<u8>, &'static str> {
        let plugin = match self {
            Self::NativePassword => AuthPlugin::MysqlNativePassword,
            Self::CachingSha2Password => AuthPlugin::CachingSha2Password,
            Self::Ed25519 => AuthPlugin::Ed25519,
            Self::Sha256Password if password.is_empty() => return Ok(vec![0]),
            Self::Sha256Password if !private => return Ok(vec![SHA256_KEY_WANTED]),
            Self::ClearPassword if !private => {
                return Err("the server wants the password in clear, which is sent by TLS alone: \
                            add ssl-mode=required");
            }
            Self::Sha256Password | Self::ClearPassword => return Ok(clear(password)),
            Self::Socket => return Ok(Vec::new()),
        };
        let answer = plugin.gen_data(Some(password), challenge);
        Ok(answer.map_or_else(Vec::new, |answer| answer.to_vec()))
    }
}

/// The password with its end.
pub fn clear(password: &str) -> Vec<u8> {
    [password.as_bytes(), &[0]].concat()
}

/// The password for the owner of a public key in PEM alone: masked with the challenge, and
/// encrypted by RSA with the padding of PKCS #1 OAEP. `None` where it is no such key, or too short
/// a one.
pub fn encrypted(password: &str, challenge: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    let key = SubjectPublicKeyInfoDer::from_pem_slice(key).ok()?;
    if !is_rsa_key(&key) {
        return None;
    }
    let (modulus, exponent) = parse_pub_key(&key, PubKeyFileType::Pkcs8);
    let key = PublicKey::new(modulus, exponent);
    let password = clear(password);
    if challenge.is_empty() || key.num_octets() < password.len() + PADDING_BYTES {
        return None;
    }
    let mask = challenge.iter().cycle();
    let masked: Vec<u8> = password.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    Some(key.encrypt_block(masked, Pkcs1OaepPadding::new(GetRandom)))
}

/// Whether this is the form of an RSA key in a SubjectPublicKeyInfo (RFC 8017, appendix A.1.1),
/// which reading it takes for granted: a sequence of the algorithm and a bit string, in which there
/// is a sequence of modulus and exponent.
fn is_rsa_key(der: &[u8]) -> bool {
    let parts = || {
        let (info, []) = element(der, 0x30)? else { return None };
        let (_algorithm, after) = element(info, 0x30)?;
        let (bits, []) = element(after, 0x03)? else { return None };
        let (numbers, []) = element(bits.strip_prefix(&[0])?, 0x30)? else { return None };
        let (modulus, after) = element(numbers, 0x02)?;
        let (exponent, []) = element(after, 0x02)? else { return None };
        Some((modulus, exponent))
    };
    // A modulus that is zero, which nothing can be divided by, is not odd either.
    parts().is_some_and(|(modulus, exponent)| {
        modulus.len() <= LONGEST_KEY
            && exponent.len() <= 8
            && modulus.last().is_some_and(|last| last % 2 == 1)
    })
}

/// An element of this tag at the beginning, and what comes after it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der.strip_prefix(&[tag])? {
        [0x81, length, rest @ ..] => (usize::from(*length), rest),
        [0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [length @ 0..=0x7F, rest @ ..] => (usize::from(*length), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    const CHALLENGE: &[u8] = b"0123456789abcdefghij";

    /// Made by hand with Python's hashlib from the manual's formulas.
    #[test]
    fn scrambles_are_those_of_the_manual() {
        let answer = |plugin: Plugin| plugin.answer("secret", CHALLENGE, false).unwrap();
        assert_eq!(hex(&answer(Plugin::NativePassword)), NATIVE);
        assert_eq!(hex(&answer(Plugin::CachingSha2Password)), SHA2);
        assert_eq!(answer(Plugin::Ed25519).len(), 64);
        assert_eq!(answer(Plugin::Sha256Password), [1]);
        assert!(answer(Plugin::Socket).is_empty());
        for plugin in [Plugin::NativePassword, Plugin::CachingSha2Password, Plugin::Ed25519] {
            assert!(plugin.answer("", CHALLENGE, false).unwrap().is_empty());
        }
    }

    const NATIVE: &str = "f5cac3f3b3df2133feb57db682c71e6ed433a988";
    const SHA2: &str = "7e4adda2f2d5ef09b4147518becb0cee2939376203650a8c2bb2815959364bd0";

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_password_goes_in_clear_where_nobody_listens_alone() {
        for plugin in [Plugin::ClearPassword, Plugin::Sha256Password] {
            assert_eq!(plugin.answer("pw", CHALLENGE, true).unwrap(), b"pw\0");
            assert!(plugin.answer("pw", CHALLENGE, false).map_or(true, |sent| sent == [1]));
        }
        assert!(Plugin::ClearPassword.answer("pw", CHALLENGE, false).is_err());
    }

    fn openssl(folder: &std::path::Path, args: &str) -> Vec<u8> {
        let output =
            Command::new("openssl").args(args.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    #[test]
    fn the_owner_of_the_key_can_read_the_password() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        openssl(folder, "genrsa -out key.pem 2048");
        let public = openssl(folder, "rsa -in key.pem -pubout");
        let sealed = encrypted("secret", CHALLENGE, &public).unwrap();
        std::fs::write(folder.join("sealed"), sealed).unwrap();
        let opened = openssl(
            folder,
            "pkeyutl -decrypt -inkey key.pem -in sealed -pkeyopt rsa_padding_mode:oaep",
        );
        let opened: Vec<u8> =
            opened.iter().zip(CHALLENGE).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!(opened, b"secret\0");
        assert!(encrypted(&"x".repeat(300), CHALLENGE, &public).is_none());
        assert!(encrypted("secret", CHALLENGE, b"no key").is_none());
        let elliptic = "ecparam -name prime256v1 -genkey -noout -out ec.pem";
        openssl(folder, elliptic);
        let elliptic = openssl(folder, "ec -in ec.pem -pubout");
        assert!(encrypted("secret", CHALLENGE, &elliptic).is_none());
    }

    /// A key of 512 bits.
    const SHORT: &str = "305c300d06092a864886f70d0101010500034b003048024100b61baa9b3fee92b66c2165eb0ed0621b6b7239e9cb5482b36febb67a4d72d6682b3bb238dadf0cbb5a6c79840275d1f77bec52a48f413ec7b445a7db6331bd7d0203010001";

    proptest! {
        #[test]
        fn no_key_is_too_odd(
            at in 0usize..94,
            byte: u8,
            bytes in proptest::collection::vec(any::<u8>(), 0..99),
        ) {
            let mut bent: Vec<u8> =
                (0..SHORT.len() / 2).map(|at| u8::from_str_radix(&SHORT[2 * at..2 * at + 2], 16).unwrap()).collect();
            prop_assert!(is_rsa_key(&bent));
            bent[at] = byte;
            for der in [&bent[..], &bent[..at], &bytes] {
                if is_rsa_key(der) {
                    let (modulus, exponent) = parse_pub_key(der, PubKeyFileType::Pkcs8);
                    let key = PublicKey::new(modulus, exponent);
                    if key.num_octets() > PADDING_BYTES {
                        key.encrypt_block([0], Pkcs1OaepPadding::new(GetRandom));
                    }
                }
            }
        }
    }
}
