import RedisLink

/// Who stands in the way of an acquisition, as Redis told in the refusal.
public struct Holder: Hashable, Sendable {
    /// The instance that holds the name; nil when the lock was taken by a client of another kind.
    public let instanceID: String?
    /// The fence of its grant; nil when it took the lock without one.
    public let fencingToken: FencingToken?
    /// For how long it has held the name, by the server's clock; nil without a fence.
    public let heldFor: Duration?
    /// How long its lease lasts unless it is renewed; nil for a lock without an end.
    public let remaining: Duration?
    /// The value of the key: the holder's token.
    let value: String

    /// The type of the key, where it is no lock at all: inspect.lua tells that in place of a token.
    package var keyType: String? {
        let words = "no lock, but a "
        return value.hasPrefix(words) ? String(value.dropFirst(words.count)) : nil
    }

    /// Reads `{token, remaining ms, fence entry, now in us}`; nil when the lock is free.
    init?(reply: ArraySlice<RedisValue>) {
        let parts = Array(reply)
        guard parts.count == 4, let value = parts[0].string, let remaining = parts[1].integer,
            let now = parts[3].integer
        else { return nil }
        self.init(
            value: value, remainingMilliseconds: remaining, fenceEntry: parts[2].string, nowMicroseconds: now)
    }

    package init(value: String, remainingMilliseconds: Int64, fenceEntry: String?, nowMicroseconds: Int64) {
        self.value = value
        instanceID = Instance.id(inToken: value)
        remaining = remainingMilliseconds < 0 ? nil : .milliseconds(remainingMilliseconds)
        // The entry names the token it was issued to: that of an earlier holder says nothing about this one.
        if let entry = fenceEntry, entry.dropFirst(16) == value, let fence = Int64(entry.prefix(16)) {
            fencingToken = FencingToken(rawValue: fence)
            heldFor = .microseconds(nowMicroseconds.since(fence))
        } else {
            fencingToken = nil
            heldFor = nil
        }
    }
}

extension Holder: CustomStringConvertible {
    public var description: String {
        var parts = [
            instanceID.map { "instance \($0)" } ?? keyType.map { "no lock, but a key of the type \($0)" }
                ?? "a client of another kind"
        ]
        if let heldFor { parts.append("held for \(heldFor)") }
        parts.append(remaining.map { "\($0) remaining" } ?? "without an end")
        return parts.joined(separator: ", ")
    }
}

/// The answer to one attempt to acquire.
public enum Acquisition: Sendable {
    case acquired(Lease)
    case refused(Holder)

    /// The lease, or nil when the name is held by somebody else.
    public var lease: Lease? {
        guard case .acquired(let lease) = self else { return nil }
        return lease
    }
}
