//! Apple's profile, signed (CMS, RFC 5652 5), so that its programs name the host instead of saying "not signed".
//!
//! With the key and the chain by which the host shows itself anyway. Who holds the key signs ([`Seal`]); here stands only what is signed, and
//! how the message looks. Absent on purpose: a signing time, which nobody needs, and keys that Apple's programs do not read (Ed25519).

use aws_lc_rs::digest::{self, digest};
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::der::asn1::{Any, ObjectIdentifier, OctetString, SetOfVec};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::spki::AlgorithmIdentifierOwned;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealKind {
    /// RSA with PKCS #1 v1.5 and SHA-256.
    Rsa,
    /// ECDSA on P-256 with SHA-256.
    P256,
    /// ECDSA on P-384 with SHA-384.
    P384,
}

/// A key that can sign, and its chain.
pub trait Seal {
    /// How.
    fn kind(&self) -> SealKind;
    /// The certificates (DER), the key's own first.
    fn chain(&self) -> Vec<&[u8]>;
    /// A signature of `message`; none where the key does not do it.
    fn sign(&self, message: &[u8]) -> Option<Vec<u8>>;
}

/// `content` in a signed message (DER). None where it cannot be made: then it is handed out as it is.
pub fn signed(content: &[u8], seal: &dyn Seal) -> Option<Vec<u8>> {
    let message = message(content, seal).ok()??;
    let info = ContentInfo { content_type: SIGNED_DATA, content: Any::encode_from(&message).ok()? };
    info.to_der().ok()
}

fn message(content: &[u8], seal: &dyn Seal) -> x509_cert::der::Result<Option<SignedData>> {
    let (hash, hash_name, key_name) = match seal.kind() {
        SealKind::Rsa => (&digest::SHA256, SHA256, AlgorithmIdentifierOwned { oid: RSA, parameters: Some(Any::null()) }),
        SealKind::P256 => (&digest::SHA256, SHA256, AlgorithmIdentifierOwned { oid: ECDSA_SHA256, parameters: None }),
        SealKind::P384 => (&digest::SHA384, SHA384, AlgorithmIdentifierOwned { oid: ECDSA_SHA384, parameters: None }),
    };
    let digest_alg = AlgorithmIdentifierOwned { oid: hash_name, parameters: None };
    let chain = seal.chain().into_iter().map(Certificate::from_der).collect::<Result<Vec<_>, _>>()?;
    let Some(own) = chain.first() else { return Ok(None) };
    let issuer = IssuerAndSerialNumber {
        issuer: own.tbs_certificate.issuer.clone(),
        serial_number: own.tbs_certificate.serial_number.clone(),
    };
    let digested = OctetString::new(digest(hash, content).as_ref())?;
    let attributes = SetOfVec::try_from(vec![
        Attribute { oid: CONTENT_TYPE, values: SetOfVec::try_from(vec![Any::encode_from(&DATA)?])? },
        Attribute { oid: MESSAGE_DIGEST, values: SetOfVec::try_from(vec![Any::encode_from(&digested)?])? },
    ])?;
    // As a set of its own, not as the field that it is in (5.4).
    let Some(signature) = seal.sign(&attributes.to_der()?) else { return Ok(None) };
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(issuer),
        digest_alg: digest_alg.clone(),
        signed_attrs: Some(attributes),
        signature_algorithm: key_name,
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let certificates = chain.into_iter().map(CertificateChoices::Certificate).collect::<Vec<_>>();
    Ok(Some(SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![digest_alg])?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: DATA,
            econtent: Some(Any::encode_from(&OctetString::new(content)?)?),
        },
        certificates: Some(CertificateSet(SetOfVec::try_from(certificates)?)),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
    }))
}
