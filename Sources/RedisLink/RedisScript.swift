internal import COpenSSL

/// A Lua script, sent by its SHA-1 digest and, where the server does not know it yet, by its text.
package struct RedisScript: Sendable, Hashable {
    package let name: String
    package let source: String
    package let digest: String
    /// The first two arguments of a call by digest, laid out once.
    let callByDigest: [UInt8]

    package init(name: String, source: String) {
        self.name = name
        self.source = source
        digest = Self.sha1(source)
        callByDigest = Self.bulk(["EVALSHA", .string(digest)])
    }

    private static func sha1(_ text: String) -> String {
        var digest = [UInt8](repeating: 0, count: Int(SHA_DIGEST_LENGTH))
        let bytes = Array(text.utf8)
        _ = SHA1(bytes, bytes.count, &digest)
        return digest.map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }
}
