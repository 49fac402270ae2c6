internal import COpenSSL

/// What OpenSSL's refusals mean, in words an operator can act on.
enum TLSFailure {
    /// Why the server's certificate was refused.
    ///
    /// - Parameters:
    ///   - code: OpenSSL's `X509_V_ERR_…`.
    ///   - name: the name or address that the certificate had to carry.
    static func certificate(_ code: Int32, name: String) -> String {
        let reason =
            switch code {
            case X509_V_ERR_HOSTNAME_MISMATCH:
                "it is not for the name \(name); server-name sets another one to expect"
            case X509_V_ERR_IP_ADDRESS_MISMATCH:
                "it is not for the address \(name); server-name sets the name to expect instead"
            case X509_V_ERR_CERT_HAS_EXPIRED:
                "it has expired, or one of its chain has"
            case X509_V_ERR_CERT_NOT_YET_VALID:
                "it is not valid yet, or the clock of this machine is slow"
            case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
                "it is self-signed, and ca does not name it"
            case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
                X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
                X509_V_ERR_CERT_SIGNATURE_FAILURE:
                "its authority is not trusted; ca names the file of trusted authorities"
            case X509_V_ERR_INVALID_PURPOSE:
                "it is not for a server"
            default:
                "it is not valid"
            }
        let text = String(cString: X509_verify_cert_error_string(Int(code)))
        return "the server's certificate was refused: \(reason) (\(text))"
    }

    /// Any other failure.
    ///
    /// - Parameters:
    ///   - code: OpenSSL's error; 0 if it left none.
    ///   - asked: whether the server has asked for a client certificate.
    static func text(_ code: UInt, asked: Bool) -> String {
        guard code != 0 else { return "TLS failed" }
        let text = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
        return "\(meaning(of: holdfast_err_reason(code), asked: asked)) (\(text))"
    }

    private static func meaning(of reason: Int32, asked: Bool) -> String {
        // OpenSSL adds a thousand to the number of an alert that the other side sent (RFC 8446, section 6).
        switch reason - 1000 {
        case 116: return "the server asks for a client certificate and got none; cert and key name the files"
        case 40 where asked: return "the server asks for a client certificate that it accepts"
        case 40: return "we have no cipher in common with the server"
        case 42, 43, 44, 45, 46, 48, 49: return "the server refused the client certificate"
        case 70: return "the server does not speak TLS 1.2 or later"
        case 112: return "the server does not know the name it was asked for"
        case 0..<256: return "the server ended TLS"
        default: break
        }
        switch reason {
        case SSL_R_UNSUPPORTED_PROTOCOL: return "the server does not speak TLS 1.2 or later"
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_HTTP_REQUEST,
            SSL_R_BAD_RECORD_TYPE:
            return "the server does not speak TLS on this port"
        default: return "TLS failed"
        }
    }
}
