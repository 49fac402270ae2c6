import RedisLink

/// Writes to Redis that belong to a message: they are applied exactly once, in the same step that commits it.
///
/// A handler records them; nothing is written before the commit, and nothing at all if the message is not
/// committed. They can write only to keys of their queue, whose full names ``MessageQueue/effectKey(_:)``
/// returns, and send messages; see ``send(_:to:id:options:)``. Tests compare them, or look at ``writes`` and
/// ``messages``.
///
/// If one of them cannot be applied (its key holds another type, a sum leaves the range of 64 bits), none of
/// the message's effects is applied, and the message is retried as if its handler had thrown.
public struct Effects: Sendable {
    enum Command: String, Sendable {
        case increment = "INCRBY"
        case set = "SET"
        case incrementField = "HINCRBY"
        case setField = "HSET"
        case addMember = "SADD"
        case append = "RPUSH"
    }

    struct Effect: Sendable {
        var command: Command
        var key: String
        var arguments: [RedisArgument]
    }

    private(set) var all: [Effect] = []
    var followUps: [FollowUp] = []

    init() {}

    /// Adds `amount`, which may be negative, to the number at `key`. A key that does not exist counts as 0.
    public mutating func increment(_ key: String, by amount: Int = 1) {
        all.append(Effect(command: .increment, key: key, arguments: [.init(amount)]))
    }

    /// Adds `amount`, which may be negative, to the number in `field` of the hash at `key`.
    public mutating func increment(field: String, inHash key: String, by amount: Int = 1) {
        all.append(Effect(command: .incrementField, key: key, arguments: [.init(field), .init(amount)]))
    }

    /// Sets `key` to `value`, whatever it held before.
    public mutating func set(_ key: String, to value: String) {
        all.append(Effect(command: .set, key: key, arguments: [.init(value)]))
    }

    /// Sets `field` of the hash at `key` to `value`.
    public mutating func set(field: String, inHash key: String, to value: String) {
        all.append(Effect(command: .setField, key: key, arguments: [.init(field), .init(value)]))
    }

    /// Adds `member` to the set at `key`.
    public mutating func add(_ member: String, toSet key: String) {
        all.append(Effect(command: .addMember, key: key, arguments: [.init(member)]))
    }

    /// Appends `value` to the list at `key`.
    public mutating func append(_ value: String, toList key: String) {
        all.append(Effect(command: .append, key: key, arguments: [.init(value)]))
    }
}
