import RedisLink

/// Who stands in the way of an acquisition, according to Redis' refusal.
public struct Holder: Hashable, Sendable {
    /// The instance that holds the name; nil if a client of another kind has taken the lock.
    public let instanceID: String?
    /// The fence of its grant; nil if it took the lock without one.
    public let fencingToken: FencingToken?
    /// How long it has held the name, by the server's clock; nil without a fence.
    public let heldFor: Duration?
    /// How long its lease still lasts unless it is renewed; nil for a lock that never expires.
    public let remaining: Duration?
    /// The value of the key, which is the holder's token: any bytes, since any client may have written it.
    package let token: [UInt8]

    package init(
        instanceID: String?, fencingToken: FencingToken?, heldFor: Duration?, remaining: Duration?,
        token: [UInt8]
    ) {
        self.instanceID = instanceID
        self.fencingToken = fencingToken
        self.heldFor = heldFor
        self.remaining = remaining
        self.token = token
    }

    /// The token as text, for tokens that this library made; bytes that are not UTF-8 are replaced.
    var value: String { String(decoding: token, as: UTF8.self) }

    /// The type of the key, if it is no lock at all: inspect.lua returns that in place of a token.
    package var keyType: String? {
        value.rest(after: "no lock, but a ")
    }

    /// Reads `{token, remaining ms, fence entry, now in us}`; nil when the lock is free.
    init?(reply: ArraySlice<RedisValue>) {
        let parts = Array(reply)
        guard parts.count == 4, let token = parts[0].bytes, let remaining = parts[1].integer,
            let now = parts[3].integer
        else { return nil }
        self.init(
            token: token, remainingMilliseconds: remaining, fenceEntry: parts[2].bytes, nowMicroseconds: now)
    }

    package init(value: String, remainingMilliseconds: Int64, fenceEntry: String?, nowMicroseconds: Int64) {
        self.init(
            token: Array(value.utf8), remainingMilliseconds: remainingMilliseconds,
            fenceEntry: fenceEntry.map { Array($0.utf8) }, nowMicroseconds: nowMicroseconds)
    }

    private init(
        token: [UInt8], remainingMilliseconds: Int64, fenceEntry: [UInt8]?, nowMicroseconds: Int64
    ) {
        self.token = token
        instanceID = Instance.id(inToken: String(decoding: token, as: UTF8.self))
        remaining = remainingMilliseconds < 0 ? nil : .milliseconds(remainingMilliseconds)
        // The entry names the token it was issued to: that of an earlier holder says nothing about this one.
        if let entry = fenceEntry, entry.dropFirst(16).elementsEqual(token),
            let fence = Int64(String(decoding: entry.prefix(16), as: UTF8.self))
        {
            fencingToken = FencingToken(rawValue: fence)
            heldFor = .microseconds(nowMicroseconds.since(fence))
        } else {
            fencingToken = nil
            heldFor = nil
        }
    }
}

extension Holder: CustomStringConvertible {
    /// A description for people: which instance, how long it has held the name, and what remains of its
    /// lease.
    public var description: String {
        var parts = [
            instanceID.map { "instance \($0)" } ?? keyType.map { "no lock, but a key of the type \($0)" }
                ?? "a client of another kind"
        ]
        if let heldFor { parts.append("for \(heldFor.text)") }
        parts.append(remaining.map { "\($0.text) remaining" } ?? "without an end")
        return parts.joined(separator: ", ")
    }
}
