internal import COpenSSL
internal import Foundation

/// A certificate authority that lives as long as a test and issues good certificates and bad ones.
///
/// Keys are on the curve P-256, so that one is made in less than a millisecond. Nothing is written anywhere:
/// the caller puts the PEM texts where they are needed.
///
/// ```swift
/// let authority = try TestAuthority()
/// let server = try authority.issue(.init(names: ["DNS:redis.test", "IP:127.0.0.1"]))
/// let expired = try authority.issue(
///     .init(names: ["DNS:redis.test"], validFrom: .seconds(-7200), validFor: .seconds(60)))
/// ```
package final class TestAuthority {
    /// The authority's own certificate, as a PEM text.
    package let certificate: String

    private let name: String
    private let key: Key

    /// - Parameter name: The common name of the authority.
    package init(name: String = "Holdfast test authority") throws(CertificateError) {
        self.name = name
        key = try Key()
        let request = CertificateRequest(commonName: name, isAuthority: true)
        certificate = try Self.sign(request, key: key, issuer: name, by: key)
    }

    /// A certificate of this authority, and its key.
    package func issue(_ request: CertificateRequest) throws(CertificateError) -> IssuedCertificate {
        let key = try Key()
        return IssuedCertificate(
            certificate: try Self.sign(request, key: key, issuer: name, by: self.key),
            key: try key.pem(password: request.keyPassword))
    }

    /// A certificate signed by its own key instead of an authority.
    package static func selfSigned(
        _ request: CertificateRequest
    ) throws(CertificateError) -> IssuedCertificate {
        let key = try Key()
        return IssuedCertificate(
            certificate: try sign(request, key: key, issuer: request.commonName, by: key),
            key: try key.pem(password: request.keyPassword))
    }

    private static func sign(
        _ request: CertificateRequest, key: Key, issuer: String, by signer: Key
    ) throws(CertificateError) -> String {
        guard let certificate = X509_new() else { throw CertificateError("no certificate") }
        defer { X509_free(certificate) }
        let begin = Int(request.validFrom.components.seconds)
        let end = begin + Int(request.validFor.components.seconds)
        let isDone =
            X509_set_version(certificate, 2) == 1
            && ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), .random(in: 1 ... .max)) == 1
            && X509_gmtime_adj(X509_getm_notBefore(certificate), begin) != nil
            && X509_gmtime_adj(X509_getm_notAfter(certificate), end) != nil
            && X509_set_pubkey(certificate, key.pointer) == 1
            && setName(request.commonName, of: X509_get_subject_name(certificate))
            && setName(issuer, of: X509_get_issuer_name(certificate))
            && request.extensions.allSatisfy { add($0.value, kind: $0.kind, to: certificate) }
            && X509_sign(certificate, signer.pointer, EVP_sha256()) > 0
        guard isDone else { throw CertificateError("the certificate of \(request.commonName) was not made") }
        return try pem { PEM_write_bio_X509($0, certificate) }
    }

    private static func setName(_ text: String, of name: OpaquePointer?) -> Bool {
        let bytes = Array(text.utf8)
        return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, bytes, Int32(bytes.count), -1, 0) == 1
    }

    private static func add(_ text: String, kind: Int32, to certificate: OpaquePointer) -> Bool {
        guard let value = X509V3_EXT_conf_nid(nil, nil, kind, text) else { return false }
        defer { X509_EXTENSION_free(value) }
        return X509_add_ext(certificate, value, -1) == 1
    }

    /// The text that `write` writes.
    fileprivate static func pem(_ write: (OpaquePointer) -> Int32) throws(CertificateError) -> String {
        guard let memory = BIO_new(BIO_s_mem()) else { throw CertificateError("no memory for a PEM text") }
        defer { BIO_free(memory) }
        guard write(memory) == 1 else { throw CertificateError("no PEM text was written") }
        var text = [UInt8](repeating: 0, count: BIO_ctrl_pending(memory))
        let count = BIO_read(memory, &text, Int32(text.count))
        return String(decoding: text.prefix(Int(max(0, count))), as: UTF8.self)
    }

    /// A private key.
    fileprivate final class Key {
        let pointer: OpaquePointer

        init() throws(CertificateError) {
            guard let key = holdfast_new_key() else { throw CertificateError("no key was made") }
            pointer = key
        }

        deinit { EVP_PKEY_free(pointer) }

        func pem(password: String?) throws(CertificateError) -> String {
            guard let password else {
                return try TestAuthority.pem { PEM_write_bio_PrivateKey($0, pointer, nil, nil, 0, nil, nil) }
            }
            let bytes = Array(password.utf8)
            return try TestAuthority.pem {
                PEM_write_bio_PrivateKey(
                    $0, pointer, EVP_aes_256_cbc(), bytes, Int32(bytes.count), nil, nil)
            }
        }
    }
}

extension CertificateRequest {
    fileprivate var extensions: [(kind: Int32, value: String)] {
        var extensions: [(Int32, String)] = [
            (NID_basic_constraints, "critical,CA:\(isAuthority ? "TRUE" : "FALSE")")
        ]
        if isAuthority { extensions.append((NID_key_usage, "critical,keyCertSign")) }
        if !names.isEmpty { extensions.append((NID_subject_alt_name, names.joined(separator: ","))) }
        return extensions
    }
}
