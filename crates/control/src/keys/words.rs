//! Random ids and secrets, and what is kept of them.

use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};

use crate::{
    error::{Error, Result},
    keys::Secret,
};

/// As AWS has it in key ids: base 32, so that none is taken for another.
const ID_LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// So many random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::NoRandom)?;
    Ok(bytes)
}

/// An id of 20 characters that begins with four given ones.
pub(crate) fn new_id(prefix: &str) -> Result<String> {
    let letter = |byte: u8| char::from(ID_LETTERS[usize::from(byte % 32)]);
    let rest: String = random::<16>()?.into_iter().map(letter).collect();
    Ok(format!("{prefix}{rest}"))
}

/// The secret of an access key: 40 characters as AWS has them.
pub(crate) fn new_secret() -> Result<Secret> {
    use base64::Engine as _;
    Ok(Secret::new(base64::engine::general_purpose::STANDARD.encode(random::<30>()?)))
}

/// A whole bearer key, with 256 random bits.
pub(crate) fn new_api_key() -> Result<Secret> {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random::<32>()?);
    Ok(Secret::new(format!("weir_{text}")))
}

/// What is kept of a bearer key. It has 256 random bits, so that nothing slower is needed.
pub(crate) fn sha256(text: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_secrets_look_like_those_of_aws() {
        let id = new_id("AKIA").unwrap();
        assert_eq!((id.len(), &id[..4]), (20, "AKIA"));
        assert_eq!(new_secret().unwrap().reveal().len(), 40);
        let key = new_api_key().unwrap();
        assert_eq!((key.reveal().len(), &key.reveal()[..5]), (48, "weir_"));
        assert_ne!(key, new_api_key().unwrap());
        assert_eq!(format!("{key:?}"), "Secret(***)");
    }
}
