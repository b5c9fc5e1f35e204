//! The keys that secrets are encrypted with at rest (AES-256-GCM), and that what customers hold for a
//! while is signed with (HMAC-SHA-256).

use std::sync::Arc;

use base64::Engine as _;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use store::Proof;

use crate::{
    error::{Error, Result},
    keys::{
        Secret,
        words::{random, sha256},
    },
};

/// Why a text is no list of master keys; the text itself is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a master key must be 32 bytes in base64 (make one with `openssl rand -base64 32`)")]
pub struct BadMasterKey;

/// The master keys of an installation: the first encrypts and signs, all decrypt and verify.
#[derive(Clone)]
pub struct MasterKeys {
    keys: Arc<Vec<MasterKey>>,
}

struct MasterKey {
    /// Tells nothing of the key.
    id: String,
    seals: LessSafeKey,
    signs: hmac::Key,
}

impl MasterKey {
    fn of(bytes: &[u8]) -> Result<Self, BadMasterKey> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| BadMasterKey)?;
        let word = base64::engine::general_purpose::STANDARD.encode(bytes);
        let id = sha256(&format!("weir master key {word}"));
        // A key of its own for each use.
        let root = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let derived = hmac::sign(&root, b"weir signatures");
        Ok(Self {
            id: id.iter().take(6).map(|byte| format!("{byte:02x}")).collect(),
            seals: LessSafeKey::new(key),
            signs: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
        })
    }
}

impl std::fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<&String> = self.keys.iter().map(|key| &key.id).collect();
        f.debug_struct("MasterKeys").field("ids", &ids).finish_non_exhaustive()
    }
}

impl MasterKeys {
    /// Reads keys in base64, separated by commas or white space.
    ///
    /// # Errors
    /// There is none, or one is not 32 bytes in base64.
    pub fn parse(text: &str) -> Result<Self, BadMasterKey> {
        let words = text.split(|c: char| c == ',' || c.is_whitespace());
        let keys: Result<Vec<_>, _> = words.filter(|it| !it.is_empty()).map(read).collect();
        let keys = keys?;
        if keys.is_empty() {
            return Err(BadMasterKey);
        }
        Ok(Self { keys: Arc::new(keys) })
    }

    /// A key that nobody else has and that ends with the process.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn random() -> Result<Self> {
        let bytes: [u8; 32] = random()?;
        let key = MasterKey::of(&bytes).expect("32 bytes");
        Ok(Self { keys: Arc::new(vec![key]) })
    }

    /// Signs a message for one purpose: 32 bytes.
    pub fn sign(&self, purpose: &'static str, message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.keys[0].signs, &signed(purpose, message)).as_ref().to_vec()
    }

    /// Whether one of the keys signed a message for a purpose; takes as long whatever the signature is.
    pub fn verify(&self, purpose: &'static str, message: &[u8], signature: &[u8]) -> bool {
        let signed = signed(purpose, message);
        self.keys.iter().any(|key| hmac::verify(&key.signs, &signed, signature).is_ok())
    }

    /// Encrypts the secret of a key, bound to the key's id.
    pub(crate) fn seal(&self, id: &str, secret: &Secret) -> Result<Proof> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| Error::NoRandom)?;
        let MasterKey { id: with, seals: key, .. } = &self.keys[0];
        let mut sealed = secret.reveal().as_bytes().to_vec();
        let aad = Aad::from(id.as_bytes());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .expect("a secret is short");
        let bytes = nonce.into_iter().chain(sealed).collect();
        Ok(Proof::Sealed { bytes, with: with.clone() })
    }

    /// Whether the newest of the keys encrypted it.
    pub(crate) fn is_newest(&self, proof: &Proof) -> bool {
        matches!(proof, Proof::Sealed { with, .. } if *with == self.keys[0].id)
    }

    /// Id of the newest of the keys, which tells nothing of it.
    pub(crate) fn newest(&self) -> &str {
        &self.keys[0].id
    }

    /// Decrypts what [`MasterKeys::seal`] encrypted.
    pub(crate) fn open(&self, id: &str, proof: &Proof) -> Result<Secret> {
        let broken = || Error::SecretUnreadable(id.to_owned());
        let Proof::Sealed { bytes, with } = proof else { return Err(broken()) };
        let MasterKey { seals: key, .. } =
            self.keys.iter().find(|key| key.id == *with).ok_or_else(broken)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut sealed = sealed.to_vec();
        let plain = key
            .open_in_place(nonce, Aad::from(id.as_bytes()), &mut sealed)
            .map_err(|_| broken())?;
        String::from_utf8(plain.to_vec()).map(Secret::new).map_err(|_| broken())
    }
}

fn read(word: &str) -> Result<MasterKey, BadMasterKey> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(word).map_err(|_| BadMasterKey)?;
    MasterKey::of(&bytes)
}

/// What is really signed: a signature for one purpose is none for another.
fn signed(purpose: &str, message: &[u8]) -> Vec<u8> {
    [purpose.as_bytes(), b"\0", message].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const TWO: &str = "HxwdHhsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

    fn secret() -> Secret {
        Secret::new("hidden".to_owned())
    }

    #[test]
    fn a_secret_is_opened_with_its_own_master_key_and_id_only() {
        let one = MasterKeys::parse(ONE).unwrap();
        let sealed = one.seal("AKIA1", &secret()).unwrap();
        assert_ne!(sealed, one.seal("AKIA1", &secret()).unwrap(), "a nonce of its own for each");
        assert_eq!(one.open("AKIA1", &sealed).unwrap(), secret());
        assert!(one.open("AKIA2", &sealed).is_err(), "moved to another row");
        assert!(MasterKeys::parse(TWO).unwrap().open("AKIA1", &sealed).is_err());
        let Proof::Sealed { mut bytes, with } = sealed else { panic!("sealed") };
        bytes[NONCE_LEN] ^= 1;
        assert!(one.open("AKIA1", &Proof::Sealed { bytes, with }).is_err(), "altered");
    }

    #[test]
    fn after_a_rotation_the_older_key_still_opens() {
        let old = MasterKeys::parse(ONE).unwrap().seal("AKIA1", &secret()).unwrap();
        let both = MasterKeys::parse(&format!("{TWO},{ONE}\n")).unwrap();
        assert_eq!(both.open("AKIA1", &old).unwrap(), secret());
        let new = both.seal("AKIA1", &secret()).unwrap();
        assert_eq!(MasterKeys::parse(TWO).unwrap().open("AKIA1", &new).unwrap(), secret());
    }

    #[test]
    fn a_signature_is_for_one_message_and_purpose_and_outlives_a_rotation() {
        let one = MasterKeys::parse(ONE).unwrap();
        let signature = one.sign("door", b"open");
        assert_eq!(signature.len(), 32);
        assert!(one.verify("door", b"open", &signature));
        assert!(!one.verify("door", b"shut", &signature));
        assert!(!one.verify("gate", b"open", &signature));
        assert!(!one.verify("door", b"open", &signature[..31]));
        let both = MasterKeys::parse(&format!("{TWO},{ONE}")).unwrap();
        assert!(both.verify("door", b"open", &signature));
        let two = MasterKeys::parse(TWO).unwrap();
        assert!(two.verify("door", b"open", &both.sign("door", b"open")));
        assert!(!two.verify("door", b"open", &signature));
        let alone = MasterKeys::random().unwrap();
        assert!(!MasterKeys::random().unwrap().verify("door", b"", &alone.sign("door", b"")));
    }

    #[test]
    fn what_is_no_master_key_is_refused_and_not_told() {
        for wrong in ["", " , ", "c2hvcnQ=", "not base64!", &ONE[1..]] {
            let error = MasterKeys::parse(wrong).unwrap_err();
            assert!(
                wrong.is_empty()
                    || !error.to_string().contains(wrong.trim_matches([' ', ',']))
                    || wrong == " , "
            );
        }
        assert!(!format!("{:?}", MasterKeys::parse(ONE).unwrap()).contains("AAEC"));
    }
}
