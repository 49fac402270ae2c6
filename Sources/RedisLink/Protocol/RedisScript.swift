internal import COpenSSL

/// A Lua script, sent by its SHA-1 digest or, when the server does not know it yet, by its text.
///
/// An object, so that a command names its script by one reference.
package final class RedisScript: Sendable {
    package let name: String
    package let source: String
    package let digest: String
    /// The first two arguments of a call by digest, encoded once.
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
        holdfast_sha1(bytes, bytes.count, &digest)
        return digest.map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }
}

extension RedisScript: Hashable {
    package static func == (one: RedisScript, other: RedisScript) -> Bool {
        one.name == other.name && one.source == other.source
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(source)
    }
}
