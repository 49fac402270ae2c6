import RedisLink

/// The names of the Redis keys: `<namespace>:{<name>}:<part>`.
///
/// The braces are a hash tag: all keys of one name lie in the same hash slot of a Redis Cluster, so that one
/// script may use them.
package struct KeySpace: Sendable {
    let namespace: String
    /// The namespace as it stands in the keys.
    package let prefix: String

    /// The longest name, in bytes as encoded.
    static let longestName = 512

    package init(namespace: String) throws(HoldfastError) {
        prefix = try Self.encode(namespace, what: "namespace")
        self.namespace = namespace
    }

    package func key(_ name: String, _ part: String) throws(HoldfastError) -> String {
        let encoded = try Self.encode(name, what: "name")
        var pieces = (prefix, encoded, part)
        let count = prefix.utf8.count + encoded.utf8.count + part.utf8.count + 4
        return String(unsafeUninitializedCapacity: count) { buffer in
            var end = pieces.0.withUTF8 { buffer.update(fromContentsOf: $0) }
            buffer[end] = UInt8(ascii: ":")
            buffer[end + 1] = UInt8(ascii: "{")
            end = pieces.1.withUTF8 { buffer[(end + 2)...].update(fromContentsOf: $0) }
            buffer[end] = UInt8(ascii: "}")
            buffer[end + 1] = UInt8(ascii: ":")
            return pieces.2.withUTF8 { buffer[(end + 2)...].update(fromContentsOf: $0) }
        }
    }

    /// The key of a name whose hash tag is only the part before the first slash:
    /// `<namespace>:{<family>}/<rest>:<part>`. So names of one family lie in one slot.
    func memberKey(_ name: String, _ part: String) throws(HoldfastError) -> String {
        guard let (family, rest) = name.cut(at: "/") else { return try key(name, part) }
        let encoded = try Self.encode(rest, what: "name after the slash")
        return try key(family, "").dropLast() + "/\(encoded):\(part)"
    }

    package func lock(_ name: String) throws(HoldfastError) -> String { try key(name, "lock") }
    package func fence(_ name: String) throws(HoldfastError) -> String { try key(name, "fence") }

    /// The key of the fence that belongs to the lock at `key`.
    package static func fence(ofLock key: String) -> String { sibling(ofLock: key, "fence") }

    /// The key of the queue that belongs to the lock at `key`.
    package static func waiters(ofLock key: String) -> String { sibling(ofLock: key, "waiters") }

    private static func sibling(ofLock key: String, _ part: String) -> String {
        var sibling = ""
        sibling.reserveCapacity(key.utf8.count + part.utf8.count)
        sibling += Substring(key.utf8.dropLast("lock".utf8.count))
        sibling += part
        return sibling
    }

    /// What the channel of each instance begins with, on which its waiters are told of grants.
    var wakeChannels: String { "\(prefix):wake:" }

    /// A value that only accepts writes under a fence, and the value's guard.
    func fencedValue(_ resource: String) throws(HoldfastError) -> [String] {
        [try key(resource, "value"), try key(resource, "guard")]
    }

    /// The hash of all running instances, and the sorted set of their last beats.
    package var instances: [String] { ["\(prefix):{instances}", "\(prefix):{instances}:beats"] }

    /// The version of docs/keys.md that the namespace's data follow. There has been one so far.
    var format: DataFormat { DataFormat(key: "\(prefix):format", current: "1", known: ["1"]) }

    /// The name in a key that ``key(_:_:)`` made for `part`.
    func name(inKey key: String, part: String) -> String? {
        // By bytes: a name may begin with a mark that combines with the brace.
        let (bytes, start, end) = (key.utf8, "\(prefix):{".utf8, "}:\(part)".utf8)
        guard bytes.count > start.count + end.count, bytes.starts(with: start),
            bytes.suffix(end.count).elementsEqual(end)
        else {
            return nil
        }
        return Self.decode(bytes.dropFirst(start.count).dropLast(end.count))
    }

    /// A pattern for `SCAN` that finds the keys of `part` whose names begin so.
    func pattern(part: String, beginning: [UInt8] = []) -> [UInt8] {
        Self.escaped(Array("\(prefix):{".utf8) + Self.encode(beginning)) + Array("*}:\(part)".utf8)
    }

    private static func escaped(_ bytes: [UInt8]) -> [UInt8] {
        let signs = Array("*?[]^-\\".utf8)
        return bytes.flatMap { signs.contains($0) ? [UInt8(ascii: "\\"), $0] : [$0] }
    }

    /// Percent-encodes what would end the hash tag, the encoding's own sign, and control bytes. Different
    /// names give different encodings; names are compared by their UTF-8 bytes.
    private static func encode(_ name: String, what: String) throws(HoldfastError) -> String {
        guard !name.isEmpty else { throw HoldfastError(.invalidArgument, "the \(what) is empty") }
        var encoded = name
        if !name.utf8.allSatisfy(isPlain) {
            encoded = String(decoding: encode(Array(name.utf8)), as: UTF8.self)
        }
        guard encoded.utf8.count <= longestName else {
            throw HoldfastError(
                .invalidArgument,
                "the \(what) takes \(encoded.utf8.count) bytes in its key, more than \(longestName)")
        }
        return encoded
    }

    private static func encode(_ name: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        for byte in name {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                bytes += Array("%\(digits.count == 1 ? "0" : "")\(digits)".utf8)
            }
        }
        return bytes
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte != 0x7F && byte != UInt8(ascii: "%") && byte != UInt8(ascii: "{")
            && byte != UInt8(ascii: "}")
    }

    private static func decode(_ encoded: Substring.UTF8View) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(encoded)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
